// SPDX-License-Identifier: GPL-2.0

//! Which disk names clash.

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
