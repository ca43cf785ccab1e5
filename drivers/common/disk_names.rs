// SPDX-License-Identifier: GPL-2.0

//! Names of disks that users choose.

use crate::tokens::{
    DeviceNumber,
    ParseError,
    Token, //
};
use core::str;

/// Most characters in the name of a disk.
pub const MAX_NAME: usize = 31;

/// Accepts the value of `word` as a name, if it is safe as a file name in each directory where the
/// disk appears.
pub fn name_of(word: Token<'_>) -> Result<&str, ParseError<'_>> {
    checked_name(word, word.value().unwrap_or_default())
}

/// Accepts `name`, which stands in `word`, as [`name_of`].
pub fn checked_name<'a>(word: Token<'a>, name: &'a [u8]) -> Result<&'a str, ParseError<'a>> {
    let right = |&byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);

    str::from_utf8(name)
        .ok()
        .filter(|name| name.as_bytes().iter().all(right))
        .filter(|name| (1..=MAX_NAME).contains(&name.len()) && *name != "." && *name != "..")
        .ok_or(ParseError::Malformed(
            word,
            "a name of 1 to 31 letters, digits, '_', '.' or '-'",
        ))
}

/// The disk that a write to `remove` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveTarget<'a> {
    /// By its number, `major:minor`.
    Number(DeviceNumber),
    /// By its name.
    Name(&'a str),
}

impl<'a> RemoveTarget<'a> {
    /// Reads a device number or the name of a disk. No name holds a colon, so nothing can be both.
    pub fn parse(word: Token<'a>) -> Result<Self, ParseError<'a>> {
        if word.as_bytes().contains(&b':') {
            return DeviceNumber::parse(word).map(Self::Number);
        }
        checked_name(word, word.as_bytes()).map(Self::Name)
    }

    /// Returns whether it is the disk of this name and, if it is there, with these numbers, major and
    /// minor.
    pub fn is(&self, name: &[u8], numbers: Option<(u32, u32)>) -> bool {
        match self {
            Self::Name(wanted) => name == wanted.as_bytes(),
            Self::Number(wanted) => numbers == Some((wanted.major, wanted.minor)),
        }
    }
}

/// Returns whether two disks cannot have these names: they are the same, or the one is what the
/// block core would call a partition of the other.
pub fn clash(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };

    long.strip_prefix(short)
        .is_some_and(|rest| rest.is_empty() || is_partition(rest, short))
}

/// Returns whether `rest`, behind the name of a disk, makes it that of a partition: `1` behind
/// `sda`, `p1` behind `rram0`.
fn is_partition(rest: &[u8], disk: &[u8]) -> bool {
    let number = if disk.last().is_some_and(u8::is_ascii_digit) {
        rest.strip_prefix(b"p")
    } else {
        Some(rest)
    };

    number.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}
