// SPDX-License-Identifier: GPL-2.0

//! Unloading waits for each disk, so each has what it is counted by.
//!
//! error: E0061 4 arguments

use kernel::prelude::*;
use rb::block::{
    bio_disk,
    gen_disk::{
        DiskOptions,
        UnaddedDisk, //
    },
    limits::QueueLimits, //
};

/// Builds a disk that nothing waits for.
pub fn build<T: bio_disk::Operations>(data: T::Data) -> Result<UnaddedDisk<T>> {
    DiskOptions::default().build_bio::<T>(fmt!("disk"), &QueueLimits::default(), data)
}
