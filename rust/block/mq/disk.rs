// SPDX-License-Identifier: GPL-2.0

use super::{
    operations::Operations,
    tag_set::TagSet, //
};
use crate::{
    bindings,
    block::{
        gen_disk::{
            DiskOptions,
            DiskToken,
            DiskVTable,
            UnaddedDisk, //
        },
        limits::QueueLimits, //
    },
};
use core::ptr::{
    self,
    NonNull, //
};
use kernel::{
    error::from_err_ptr,
    fmt,
    prelude::*,
    static_lock_class,
    sync::Arc, //
};

impl DiskOptions {
    /// Allocates a disk with a blk-mq front, whose requests come from `tag_set`.
    ///
    /// Fails with [`EINVAL`] if the limits do not pass [`QueueLimits::validate`] or the name is too long,
    /// with [`ENODEV`] if the [`Disks`] of `disks` is being dropped, and with [`ENOMEM`]. May sleep.
    ///
    /// [`Disks`]: super::super::gen_disk::Disks
    pub fn build_mq<T: Operations>(
        &self,
        disks: &DiskToken,
        name: fmt::Arguments<'_>,
        limits: &QueueLimits,
        tag_set: Arc<TagSet<T>>,
        data: T::Data,
    ) -> Result<UnaddedDisk<T>> {
        limits.validate()?;
        let mut raw = limits.to_raw();

        // SAFETY: All pointers are valid. The tag set outlives the disk, which keeps it.
        let disk = from_err_ptr(unsafe {
            bindings::__blk_mq_alloc_disk(
                tag_set.as_raw(),
                &mut raw,
                ptr::null_mut(),
                static_lock_class!().as_ptr(),
            )
        })?;

        // SAFETY: The disk is new, without data, and has a queue of the tag set.
        unsafe {
            self.set_up::<T>(
                disks,
                NonNull::new_unchecked(disk),
                &DiskVTable::<T>::BASE,
                name,
                data,
                Some(tag_set),
            )
        }
    }
}
