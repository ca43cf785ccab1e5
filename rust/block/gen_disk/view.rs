// SPDX-License-Identifier: GPL-2.0

//! A disk, as it is lent: what can be done with it, whatever it is a disk of.

use super::{
    super::{
        dev_t::DevT,
        limits::QueueLimits,
        mq::RequestQueue,
        submission, //
    },
    presence::Presence, //
};
use crate::bindings;
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*,
    sync::ArcBorrow, //
};

/// A disk, for what can be done in any context.
///
/// # Invariants
///
/// The pointer is a valid disk that was added or is being added, and has a presence.
pub struct DiskView(NonNull<bindings::gendisk>);

// SAFETY: A disk has no thread affinity.
unsafe impl Send for DiskView {}

// SAFETY: All that a `&DiskView`, a `&DiskRef` or a `&GenDisk` allow is synchronized by the block
// layer.
unsafe impl Sync for DiskView {}

/// A disk, for what can also be done by who holds its open mutex, as those who open and close it do.
///
/// So nothing here takes that mutex, or a lock that others hold while they wait for it.
pub struct DiskRef(DiskView);

impl Deref for DiskRef {
    type Target = DiskView;

    #[inline]
    fn deref(&self) -> &DiskView {
        &self.0
    }
}

impl DiskView {
    /// Returns the presence of the disk.
    pub(super) fn presence(&self) -> ArcBorrow<'_, Presence> {
        // SAFETY: By the type invariant, the disk is valid, and has one.
        unsafe { Presence::of(self.0) }
    }

    /// Returns the raw disk.
    #[inline]
    pub(super) fn as_raw(&self) -> *mut bindings::gendisk {
        self.0.as_ptr()
    }

    /// Returns the device number.
    pub fn dev(&self) -> DevT {
        // SAFETY: By the type invariant, the disk is valid.
        DevT::from_raw(unsafe { (*(*self.as_raw()).part0).bd_dev })
    }

    /// Returns the name.
    pub fn name(&self) -> &CStr {
        // SAFETY: By the type invariant, the disk is valid; its name is terminated, and does not
        // change.
        unsafe { CStr::from_char_ptr((&raw const (*self.as_raw()).disk_name).cast()) }
    }

    /// Returns the limits that hold now.
    pub fn limits(&self) -> QueueLimits {
        // SAFETY: By the type invariant, the disk has a queue.
        unsafe { QueueLimits::read((*self.as_raw()).queue) }
    }

    /// Returns the request queue, which a disk with a bio front does not have.
    pub fn queue(&self) -> Option<RequestQueue> {
        let tag_set = self.presence().tag_set()?;
        // SAFETY: By the type invariant, the disk is valid; it was built with this tag set.
        Some(unsafe { RequestQueue::from_disk(self.0, tag_set) })
    }

    /// Returns the capacity, in sectors of 512 bytes.
    ///
    /// It may change meanwhile, and be neither the old nor the new on a 32-bit machine. It is zero
    /// when removal has begun, also while I/O is in flight.
    #[inline]
    pub fn capacity_sectors(&self) -> u64 {
        // SAFETY: By the type invariant, the disk is valid.
        unsafe { (&raw const (*(*self.as_raw()).part0).bd_nr_sectors).read_volatile() }
    }

    /// Returns how often the disk, or a partition of it, is open now.
    pub fn openers(&self) -> u32 {
        // SAFETY: By the type invariant, the disk is valid.
        unsafe { bindings::disk_openers(self.as_raw()) }
    }
}

impl DiskRef {
    /// # Safety
    ///
    /// `disk` must satisfy the type invariants of [`DiskView`].
    #[inline]
    pub(super) unsafe fn from_raw(disk: NonNull<bindings::gendisk>) -> Self {
        // INVARIANT: By the safety requirements of this function.
        Self(DiskView(disk))
    }

    /// Writes back what the page cache has of the disk, has the disk flush, and waits for it.
    ///
    /// Fails with `EDEADLK` while the task submits I/O to a disk itself, and with what the I/O fails
    /// with. Process context; sleeps. Do not call this while holding a lock that the I/O path takes.
    pub fn sync(&self) -> Result {
        submission::may_wait()?;
        // SAFETY: By the type invariant, the disk is valid; its block device lives as long.
        to_result(unsafe { bindings::sync_blockdev((*self.as_raw()).part0) })?;
        // SAFETY: As above.
        to_result(unsafe { bindings::blkdev_issue_flush((*self.as_raw()).part0) })
    }

    /// Runs `f` while no I/O is in flight and none can start.
    ///
    /// `f` allocates as if with `GFP_NOIO`. May sleep, until all I/O has ended.
    pub fn freeze<R>(&self, f: impl FnOnce() -> R) -> R {
        // SAFETY: By the type invariant, the disk has a queue; it is unfrozen below.
        let flags = unsafe { bindings::blk_mq_freeze_queue((*self.as_raw()).queue) };
        let result = f();
        // SAFETY: The queue was frozen above.
        unsafe { bindings::blk_mq_unfreeze_queue((*self.as_raw()).queue, flags) };
        result
    }
}
