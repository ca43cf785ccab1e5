// SPDX-License-Identifier: GPL-2.0

//! A driver must not wait for all I/O while it carries out a bio.
//!
//! error: E0599 `freeze`

use rb::block::gen_disk::DiskView;

/// Waits for itself.
pub fn submit_bio(disk: &DiskView) {
    disk.freeze(|| {});
}
