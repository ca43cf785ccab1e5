// SPDX-License-Identifier: GPL-2.0

//! A holder of the open mutex of a disk must not wait for its file systems.
//!
//! error: E0599 `force_media_change`

use kernel::prelude::*;
use rb::block::gen_disk::{
    DiskRef,
    Opening,
    Operations, //
};

/// A disk.
pub struct Disk;

#[vtable]
impl Operations for Disk {
    type Data = KBox<u32>;

    fn open(_data: &u32, disk: &DiskRef, _how: Opening) -> Result {
        disk.force_media_change();
        Ok(())
    }
}
