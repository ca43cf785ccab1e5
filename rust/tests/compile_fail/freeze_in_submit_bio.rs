// SPDX-License-Identifier: GPL-2.0

//! What waits for all IO is not for who carries it out.
//!
//! error: E0599 `freeze`

use rb::block::{
    bio_disk,
    gen_disk::DiskView, //
};

/// Waits for itself.
pub fn submit_bio<T: bio_disk::Operations>(disk: &DiskView<T>) {
    disk.freeze(|| {});
}
