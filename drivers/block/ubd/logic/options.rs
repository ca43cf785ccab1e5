// SPDX-License-Identifier: GPL-2.0

//! The text commands of the copy-on-write driver.

mod words;

pub use crate::disk_names::RemoveTarget;

use crate::{
    disk_names::name_of,
    tokens::{
        ParseError,
        Token,
        Tokens, //
    }, //
};
use words::Words;

/// Most bytes of a path.
pub const MAX_PATH: usize = 4095;

/// What becomes of a request to discard sectors (`discard=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Discard {
    /// They read as zeros from then on.
    #[default]
    Zero,
    /// The disk does not take such requests.
    None,
}

/// The options of a disk that a write to `add` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddOptions<'a> {
    /// `cow=`: path of the image.
    pub cow: &'a [u8],
    /// `backing=`: path of the backing file, if not the one in the header counts.
    pub backing: Option<&'a [u8]>,
    /// `name=`: name of the disk, if the driver is not to choose one.
    pub name: Option<&'a str>,
    /// `ro`: the disk cannot be written.
    pub read_only: bool,
    /// `force`: the backing file may have been changed at another time than the header has.
    pub force: bool,
    /// `create`: the image is made; there is none yet.
    pub create: bool,
    /// `discard=`: `zero` or `none`.
    pub discard: Discard,
}

/// Reads what was written to `add`:
/// `cow=PATH [backing=PATH] [name=NAME] [ro] [force] [create] [discard=zero|none]`.
///
/// The words may come in any order. Words are separated by white space. A value that holds any is put
/// between two quotes, `"` or `'`; what is between them is taken as it is.
///
/// # Errors
///
/// The first word that is wrong, or what is missing.
pub fn parse_add(text: &[u8]) -> Result<AddOptions<'_>, ParseError<'_>> {
    let mut cow = None;
    let mut backing = None;
    let mut name = None;
    let mut read_only = None;
    let mut force = None;
    let mut create = None;
    let mut discard = None;

    for word in Words::new(text) {
        match (word.key(), word.value().is_some()) {
            (b"cow", true) => word.store(&mut cow, path_of(word)?)?,
            (b"backing", true) => word.store(&mut backing, path_of(word)?)?,
            (b"name", true) => word.store(&mut name, name_of(word)?)?,
            (b"discard", true) => word.store(&mut discard, discard_of(word)?)?,
            (b"ro", false) => word.store(&mut read_only, word)?,
            (b"force", false) => word.store(&mut force, ())?,
            (b"create", false) => word.store(&mut create, ())?,
            _ => return Err(ParseError::Unknown(word)),
        }
    }

    let create = create.is_some();
    if let Some(word) = read_only.filter(|_| create) {
        return Err(ParseError::Unacceptable(word, "left out with create"));
    }
    if create && backing.is_none() {
        return Err(ParseError::Missing("backing="));
    }
    Ok(AddOptions {
        cow: cow.ok_or(ParseError::Missing("cow="))?,
        backing,
        name,
        read_only: read_only.is_some(),
        force: force.is_some(),
        create,
        discard: discard.unwrap_or_default(),
    })
}

/// The texts for `add` in a module parameter: they are separated by semicolons, which count as such
/// outside of quotes only. Those without a word are left out.
pub fn parse_disks(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    words::Commands::new(text)
}

/// Reads what was written to `remove`: a device number or the name of a disk, and whether `force`
/// comes behind it.
///
/// No name holds a colon, so nothing can be both.
///
/// # Errors
///
/// The word that is wrong, or that it is missing.
pub fn parse_remove(text: &[u8]) -> Result<(RemoveTarget<'_>, bool), ParseError<'_>> {
    let mut words = Tokens::new(text);
    let word = words.next().ok_or(ParseError::Missing("disk"))?;
    let force = words.next();

    if let Some(other) = force
        .filter(|word| word.as_bytes() != b"force")
        .or(words.next())
    {
        return Err(ParseError::Unknown(other));
    }
    Ok((RemoveTarget::parse(word)?, force.is_some()))
}

fn path_of(word: Token<'_>) -> Result<&[u8], ParseError<'_>> {
    let path = words::unquoted(word.value().unwrap_or_default()).ok_or(ParseError::Malformed(
        word,
        "a path, as a whole between two quotes or without any",
    ))?;

    if !(1..=MAX_PATH).contains(&path.len()) {
        return Err(ParseError::Unacceptable(word, "a path of 1 to 4095 bytes"));
    }
    Ok(path)
}

fn discard_of(word: Token<'_>) -> Result<Discard, ParseError<'_>> {
    match word.value() {
        Some(b"zero") => Ok(Discard::Zero),
        Some(b"none") => Ok(Discard::None),
        _ => Err(ParseError::Malformed(word, "zero or none")),
    }
}
