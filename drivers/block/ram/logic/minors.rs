// SPDX-License-Identifier: GPL-2.0

//! The minor numbers of RAM disks with a fixed major number.

/// Number of minor numbers of a major number.
const MINORS: u32 = 1 << 20;

/// Most minor numbers of a disk, `DISK_MAX_PARTS`.
const MAX_PER_DISK: u32 = 256;

/// How many minor numbers each disk has.
///
/// # Invariants
///
/// A power of two, at most [`MAX_PER_DISK`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minors(u32);

impl Minors {
    /// Takes the parameter `max_part` as the C driver does, which rounds it up to a power of two
    /// and down to 256, and takes 0 for 1.
    ///
    /// [`None`] for a negative number.
    pub fn new(max_part: i32) -> Option<Self> {
        let wanted = u32::try_from(max_part).ok()?;

        // INVARIANT: There is such a power of two: `wanted` has 31 bits.
        Some(Self(wanted.checked_next_power_of_two()?.min(MAX_PER_DISK)))
    }

    /// The value that the parameter `max_part` shows.
    pub fn max_part(self) -> i32 {
        i32::try_from(self.0).unwrap_or(i32::MAX)
    }

    /// How many minor numbers each disk has.
    pub fn per_disk(self) -> u32 {
        self.0
    }

    /// How many disks there can be.
    pub fn max_disks(self) -> u32 {
        MINORS.checked_div(self.0).unwrap_or(0)
    }

    /// The first minor number of the disk with this index, if there can be such a disk.
    pub fn first_of(self, index: u32) -> Option<u32> {
        if index >= self.max_disks() {
            return None;
        }
        index.checked_mul(self.0)
    }

    /// The index of the disk that a minor number belongs to.
    pub fn disk_of(self, minor: u32) -> u32 {
        minor.checked_div(self.0).unwrap_or(0)
    }
}
