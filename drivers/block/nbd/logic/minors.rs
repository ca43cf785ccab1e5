// SPDX-License-Identifier: GPL-2.0

//! How the minor numbers are dealt out to disks and their partitions.

/// Number of bits of a minor number.
const MINOR_BITS: u32 = 20;

/// The most minor numbers of one disk.
const MAX_MINORS: u32 = 256;

/// How many minor numbers each disk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minors {
    shift: u32,
}

impl Minors {
    /// Makes room for `max_part` partitions; none are looked for with zero.
    ///
    /// [`None`] if that is negative, or needs more minor numbers than a disk can have.
    pub fn for_partitions(max_part: i32) -> Option<Self> {
        let max_part = u32::try_from(max_part).ok()?;
        let shift = u32::BITS - max_part.leading_zeros();
        (1u32.checked_shl(shift)? <= MAX_MINORS).then_some(Self { shift })
    }

    /// Returns how many minor numbers each disk has.
    pub fn per_disk(self) -> u32 {
        1 << self.shift.min(MINOR_BITS)
    }

    /// Returns how many partitions each disk can have.
    pub fn max_part(self) -> u32 {
        self.per_disk() - 1
    }

    /// Returns how many disks there can be.
    pub fn max_disks(self) -> u32 {
        1 << MINOR_BITS.saturating_sub(self.shift)
    }

    /// Returns the first minor number of a disk, if it can exist.
    pub fn first_of(self, index: u32) -> Option<u32> {
        (index < self.max_disks()).then(|| index << self.shift)
    }
}
