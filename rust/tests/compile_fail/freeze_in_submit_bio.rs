// SPDX-License-Identifier: GPL-2.0

//! What waits for all I/O is not for who carries it out.
//!
//! error: E0599 `freeze`

use rb::block::gen_disk::DiskView;

/// Waits for itself.
pub fn submit_bio(disk: &DiskView) {
    disk.freeze(|| {});
}
