// SPDX-License-Identifier: GPL-2.0

//! The block layer.

pub mod bdev;
pub mod bio;
pub mod bio_disk;
pub mod bio_set;
#[allow(dead_code, reason = "the kernel uses the rest")]
#[path = "../../../../rust/block/dev_t.rs"]
pub mod dev_t;
#[allow(dead_code, unsafe_code, reason = "what it calls is C in the kernel")]
#[path = "../../../../rust/block/error.rs"]
pub mod error;
pub mod gen_disk;
#[path = "../../../../rust/block/inflight.rs"]
pub(crate) mod inflight;
#[allow(dead_code, unsafe_code, reason = "what it reads is C in the kernel")]
#[path = "../../../../rust/block/limits.rs"]
pub mod limits;
#[allow(unsafe_code, reason = "what it calls is C in the kernel")]
#[path = "../../../../rust/block/lower.rs"]
pub mod lower;
pub mod lower_io;
pub mod major;
pub mod mq;
pub mod optical;
pub mod page_bio;
#[allow(unsafe_code, reason = "what it calls is C in the kernel")]
#[path = "../../../../rust/block/submission.rs"]
pub(crate) mod submission;

/// Bytes in a sector, the unit of all positions in the block layer.
pub const SECTOR_SIZE: u32 = 1 << SECTOR_SHIFT;

/// Binary logarithm of [`SECTOR_SIZE`].
pub const SECTOR_SHIFT: u32 = 9;
