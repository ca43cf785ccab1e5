// SPDX-License-Identifier: GPL-2.0

//! The names that the driver chooses, `rram0`, `rram1` ...

use crate::disk_names::clash;

/// Returns the number `n` of the only name `rram{n}` that clashes with `name`, if there is one.
///
/// With a disk `rram`, all of them do; it has none.
pub fn number_taken(name: &[u8]) -> Option<usize> {
    let rest = name.strip_prefix(b"rram")?;
    let length = rest.iter().take_while(|c| c.is_ascii_digit()).count();
    let (digits, behind) = rest.split_at_checked(length)?;

    if digits.first() == Some(&b'0') && length > 1 {
        return None;
    }
    let number = core::str::from_utf8(digits).ok()?.parse().ok()?;
    clash(name, name.strip_suffix(behind)?).then_some(number)
}
