// SPDX-License-Identifier: GPL-2.0

//! The block layer.
//!
//! A driver implements [`gen_disk::Operations`] for its disks, and [`bio_disk::Operations`] or
//! [`mq::Operations`] for their I/O. [`gen_disk::DiskOptions`] builds a disk. [`bdev::BdevFile`] is a
//! lower device, and [`bio_set`] has bios for it; a [`lower::Lower`] is a file or a lower device.

pub mod bdev;
pub mod bio;
pub mod bio_disk;
pub mod bio_set;
pub mod dev_t;
pub mod error;
pub mod gen_disk;
mod inflight;
pub mod limits;
pub mod lower;
pub mod lower_io;
pub mod major;
pub mod mq;
pub mod optical;
pub mod page_bio;
pub(crate) mod submission;

/// Bytes in a sector, the unit of all positions in the block layer.
pub const SECTOR_SIZE: u32 = 1 << SECTOR_SHIFT;

/// Binary logarithm of [`SECTOR_SIZE`].
pub const SECTOR_SHIFT: u32 = 9;
