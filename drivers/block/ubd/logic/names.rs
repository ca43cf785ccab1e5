// SPDX-License-Identifier: GPL-2.0

//! Names of disks.
//!
//! A disk without a name of its own is `ubda`, `ubdb` ... `ubdz`, `ubdaa` ..., as User-Mode Linux names
//! its disks.

use crate::disk_names::clash;

/// What the names begin with that the driver chooses.
const PREFIX: &[u8] = b"ubd";

/// Most letters that the driver puts behind it.
const MAX_LETTERS: usize = 7;

/// The longest name that the driver chooses.
const MAX_CHOSEN: usize = PREFIX.len() + MAX_LETTERS;

/// A name that the driver has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChosenName {
    bytes: [u8; MAX_CHOSEN],
    /// How many of the bytes at the end of the array it has.
    length: usize,
}

impl ChosenName {
    /// The name of the disk with this number: `ubda` for 0.
    pub fn new(number: u32) -> Self {
        let mut name = Self {
            bytes: [0; MAX_CHOSEN],
            length: 0,
        };
        let mut rest = Some(number);

        while let Some(number) = rest {
            // CAST: Below 26.
            name.put(b'a'.wrapping_add((number % 26) as u8));
            rest = (number / 26).checked_sub(1);
        }
        for &byte in PREFIX.iter().rev() {
            name.put(byte);
        }
        name
    }

    /// Puts a character in front.
    fn put(&mut self, byte: u8) {
        let free = MAX_CHOSEN.saturating_sub(self.length);
        if let Some(place) = self.bytes.get_mut(..free).and_then(<[u8]>::last_mut) {
            *place = byte;
            self.length = self.length.saturating_add(1);
        }
    }

    /// The name, which is ASCII.
    pub fn as_str(&self) -> &str {
        let free = MAX_CHOSEN.saturating_sub(self.length);
        let name = self.bytes.get(free..).unwrap_or_default();
        core::str::from_utf8(name).unwrap_or_default()
    }
}

/// Returns the number of the only name that the driver would choose and that clashes with `name`, if
/// there is one.
pub fn number_taken(name: &[u8]) -> Option<u32> {
    let rest = name.strip_prefix(PREFIX)?;
    let length = rest.iter().take_while(|c| c.is_ascii_lowercase()).count();
    let (letters, behind) = rest.split_at_checked(length)?;

    clash(name, name.strip_suffix(behind)?)
        .then_some(letters)
        .and_then(number_of)
}

/// The number of the disk with these letters.
fn number_of(letters: &[u8]) -> Option<u32> {
    if letters.is_empty() {
        return None;
    }
    let one_more = letters.iter().try_fold(0_u32, |number, letter| {
        let digit = u32::from(letter.checked_sub(b'a')?).checked_add(1)?;
        number.checked_mul(26)?.checked_add(digit)
    })?;
    one_more.checked_sub(1)
}
