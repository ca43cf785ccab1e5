// SPDX-License-Identifier: GPL-2.0

//! Disks with a bio front: the driver gets each bio as it was submitted.
//!
//! There is no queue, no scheduler, no merging and no splitting: what the limits say of the size of
//! requests is a hint to submitters. For devices without a seek and without a command queue this
//! costs about a third less than blk-mq. I/O is counted if the disk has [`Feature::IoStat`], which
//! users turn on and off by the file `queue/iostats`.
//!
//! [`Feature::IoStat`]: super::limits::Feature::IoStat
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

use super::{
    bio::Bio,
    error::{
        to_status,
        BlkResult, //
    },
    gen_disk::{
        self,
        DiskOptions,
        DiskToken,
        DiskVTable,
        DiskView,
        GenDisk,
        UnaddedDisk, //
    },
    limits::QueueLimits,
    SECTOR_SHIFT, //
};
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    fmt,
    prelude::*,
    static_lock_class,
    types::ForeignOwnable, //
};

type Borrowed<'a, T> = <<T as gen_disk::Operations>::Data as ForeignOwnable>::Borrowed<'a>;

/// The I/O of a disk with a bio front.
pub trait Operations: gen_disk::Operations {
    /// Handles a bio, all of it, which ends with what this returns.
    ///
    /// As long as this runs, the bio counts as in flight: what waits until there is no I/O, such as
    /// [`freeze`](gen_disk::DiskRef::freeze) and the removal of the disk, waits for this call.
    ///
    /// Process context; may sleep, unless the bio has
    /// [`Flag::NoWait`](super::bio::Flag::NoWait). Bios that this submits are queued until it
    /// returns, so it must not wait for them.
    fn submit_bio(data: Borrowed<'_, Self>, disk: &DiskView, bio: &Bio) -> BlkResult;
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

impl<T: Operations> DiskVTable<T> {
    /// The table of a disk with a bio front.
    const BIO: bindings::block_device_operations = bindings::block_device_operations {
        submit_bio: Some(submit_bio::<T>),
        ..Self::BASE
    };
}

/// Returns whether the I/O of a disk is counted, `blk_queue_io_stat()`.
///
/// # Safety
///
/// `bdev` must be valid, and have a queue.
#[inline]
unsafe fn counts_io(bdev: *mut bindings::block_device) -> bool {
    // SAFETY: By the safety requirements of this function. Users may change it any time.
    let features = unsafe { (&raw const (*(*bdev).bd_queue).limits.features).read_volatile() };

    features & bindings::BLK_FEAT_IO_STAT != 0
}

/// # Safety
///
/// Only the block layer may call this, for a disk of `T`.
unsafe extern "C" fn submit_bio<T: Operations>(bio: *mut bindings::bio) {
    // SAFETY: The block layer passes a valid bio of one of our disks, which was or is being added;
    // it holds the usage count of the queue, for which the removal of the disk waits. The bio is
    // ours to end: nothing else changes or ends it before, and nothing uses it after that.
    unsafe {
        let bdev = (*bio).bi_bdev;
        let disk = NonNull::new_unchecked((*bdev).bd_disk);
        let lent = Bio::from_raw(NonNull::new_unchecked(bio));
        let counted = counts_io(bdev).then(|| bindings::bio_start_io_acct(bio));
        let result = GenDisk::<T>::lend(disk, |disk| T::submit_bio(disk.data(), disk, lent));

        if let Some(start) = counted {
            let op = (*bio).bi_opf & bindings::REQ_OP_MASK;
            let sectors = (*bio).bi_iter.bi_size >> SECTOR_SHIFT;
            bindings::bdev_end_io_acct(bdev, op as bindings::req_op, sectors, start);
        }
        (*bio).bi_status = to_status(result);
        bindings::bio_endio(bio);
    }
}
