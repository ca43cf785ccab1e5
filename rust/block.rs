// SPDX-License-Identifier: GPL-2.0

//! Types for working with the block layer.

pub mod bdev;
pub mod bio;
pub mod bio_disk;
pub mod bio_set;
pub mod dev_t;
pub mod error;
pub mod gen_disk;
mod inflight;
pub mod limits;
pub mod major;
pub mod mq;
pub mod optical;
pub mod page_bio;

/// Bytes in a sector, the unit of all positions in the block layer.
pub const SECTOR_SIZE: u32 = 1 << SECTOR_SHIFT;

/// Binary logarithm of [`SECTOR_SIZE`].
pub const SECTOR_SHIFT: u32 = 9;
