// SPDX-License-Identifier: GPL-2.0

//! Changing the size of a disk, and emptying it.

use super::Disk;
use crate::logic::options::MAX_SIZE;
use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};
use rb::block::{
    gen_disk::GenDisk,
    SECTOR_SHIFT, //
};

/// Changes the size of a disk to `size` bytes, which must be a multiple of its block size.
///
/// A disk can grow while it is in use, and reads as zeroes where it is new. If it is to shrink and
/// is open, this fails with [`EBUSY`], unless `force` is set. With `force`, users lose what lies
/// behind the new end. May sleep.
pub(crate) fn resize(disk: &GenDisk<Disk>, size: u64, force: bool) -> Result {
    let data = disk.data();
    let _resize = data.resize.lock();

    if size > super::MAX_BYTES.min(MAX_SIZE) {
        return Err(EFBIG);
    }
    if size >= data.size() {
        return grow(disk, size);
    }
    disk.with_openers(|openers| {
        if openers != 0 && !force {
            return Err(EBUSY);
        }
        shrink(disk, size)
    })
}

fn grow(disk: &GenDisk<Disk>, size: u64) -> Result {
    let data = disk.data();
    let old = data.size();

    if data.store.is_preallocated() {
        if let Err(err) = data.store.allocate(old..size) {
            data.store.truncate(old).map_err(|err| err.to_error())?;
            return Err(err);
        }
    }
    disk.freeze(|| data.size.store(size, Relaxed));
    disk.set_capacity_and_notify(size >> SECTOR_SHIFT);
    Ok(())
}

fn shrink(disk: &GenDisk<Disk>, size: u64) -> Result {
    let data = disk.data();

    // From here on, new I/O behind the end fails. The page cache behind it is dropped while
    // writeback of it can still complete.
    disk.set_capacity_and_notify(size >> SECTOR_SHIFT);
    disk.truncate_cache(size);
    disk.freeze(|| {
        data.size.store(size, Relaxed);
        data.store.truncate(size).map_err(|err| err.to_error())
    })
}

/// Empties a disk that nobody has open, so that it reads as zeroes.
///
/// Fails with [`EBUSY`] if the disk is open. The page cache of a disk is dropped when it is closed,
/// so nothing is written back later. May sleep.
pub(crate) fn reset(disk: &GenDisk<Disk>) -> Result {
    let data = disk.data();
    let _resize = data.resize.lock();

    disk.with_openers(|openers| {
        if openers != 0 {
            return Err(EBUSY);
        }
        data.store.empty(data.size()).map_err(|err| err.to_error())
    })
}
