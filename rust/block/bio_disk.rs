// SPDX-License-Identifier: GPL-2.0

//! Disks with a bio front: the driver gets each bio as it was submitted.
//!
//! There is no queue, no scheduler and no merging; what the limits promise holds only for bios that
//! went through [`OwnedBio::split_to_limits`]. For devices without a seek and without a command
//! queue this costs about a third less than blk-mq.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

use super::{
    bio::OwnedBio,
    gen_disk::{
        self,
        DiskOptions,
        DiskToken,
        DiskVTable,
        GenDisk,
        UnaddedDisk, //
    },
    limits::QueueLimits, //
};
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    fmt,
    prelude::*,
    static_lock_class, //
};

/// The IO of a disk with a bio front.
pub trait Operations: gen_disk::Operations {
    /// Handles a bio, and ends it now or later.
    ///
    /// Process context; may sleep, unless the bio has
    /// [`Flag::NoWait`](super::bio::Flag::NoWait). Bios that this submits are queued until it
    /// returns, so it must not wait for them. Nor may the disk be frozen or synced from here, or its
    /// limits be changed: that waits for this call.
    fn submit_bio(disk: &GenDisk<Self>, bio: OwnedBio);
}

impl DiskOptions {
    /// Allocates a disk with a bio front.
    ///
    /// Fails with [`EINVAL`] if the limits do not pass [`QueueLimits::validate`] or the name is
    /// too long, with [`ENODEV`] if the [`Disks`](super::gen_disk::Disks) of `disks` is being dropped,
    /// and with [`ENOMEM`]. May sleep.
    pub fn build_bio<T: Operations>(
        &self,
        disks: &DiskToken,
        name: fmt::Arguments<'_>,
        limits: &QueueLimits,
        data: T::Data,
    ) -> Result<UnaddedDisk<T>> {
        limits.validate()?;
        let mut raw = limits.to_raw();

        // SAFETY: All pointers are valid.
        let disk = from_err_ptr(unsafe {
            bindings::__blk_alloc_disk(
                &mut raw,
                bindings::NUMA_NO_NODE,
                static_lock_class!().as_ptr(),
            )
        })?;

        // SAFETY: The disk is new, without data, and has no queue operations.
        unsafe {
            self.set_up::<T>(
                disks,
                NonNull::new_unchecked(disk),
                &DiskVTable::<T>::BIO,
                name,
                data,
                None,
            )
        }
    }
}

/// # Safety
///
/// Only the block layer may call this, for a disk of `T`.
pub(super) unsafe extern "C" fn submit_bio<T: Operations>(bio: *mut bindings::bio) {
    // SAFETY: The block layer passes a valid bio of one of our disks, which was or is being added and
    // is there until the bio has been submitted. The bio is ours to end.
    unsafe {
        let disk = NonNull::new_unchecked((*(*bio).bi_bdev).bd_disk);
        GenDisk::lend(disk, |disk| T::submit_bio(disk, OwnedBio::from_raw(bio)));
    }
}
