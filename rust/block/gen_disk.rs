// SPDX-License-Identifier: GPL-2.0

//! Disks.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)
//!
//! A disk is built in two steps: a front ([`bio_disk`](super::bio_disk) or [`mq`](super::mq))
//! allocates it, and the driver may look at the limits that hold and take hold of its queue; then
//! [`UnaddedDisk::add_disk`] makes it visible.
//!
//! A disk is of three types, each of which can do what the one before can: a [`DiskView`] is lent
//! where nothing may wait, a [`DiskRef`] where the disk is being opened or closed, and the
//! [`GenDisk`] is what the driver has. Only the last names the driver's [`Operations`], and so its
//! data: what is below the front of a driver gets one of the others.

mod builder;
mod change;
mod device;
mod disks;
mod file;
mod openers;
mod operations;
mod presence;

pub use builder::{
    DiskOptions,
    UnaddedDisk, //
};
pub use device::{
    DeviceOf,
    DiskDevice, //
};
pub use disks::{
    DiskToken,
    Disks, //
};
pub use file::AttributeFile;
pub(super) use operations::DiskVTable;
pub use operations::{
    Ioctl,
    Opening,
    Operations, //
};

use super::{
    dev_t::DevT,
    limits::QueueLimits,
    mq::RequestQueue, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*,
    sync::ArcBorrow,
    types::ForeignOwnable, //
};
use presence::Presence;

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

/// A disk that was added to the system, and is removed when this is dropped.
///
/// Removal waits until all IO has ended, so the threads that end it must still run. The disk's data
/// ([`Operations::Data`]) lives until the last opener has closed the disk. Callbacks for openers may
/// therefore receive a disk that was already removed. All methods can be called then; those that
/// reach the device in sysfs fail or do nothing.
///
/// # Examples
///
/// ```
/// # use rb::{
/// #     block::{bio_disk, gen_disk::{DiskOptions, Disks, GenDisk}, limits::QueueLimits},
/// #     sysfs::Groups,
/// # };
/// # fn example<Disk: bio_disk::Operations>(
/// #     options: &DiskOptions,
/// #     disks: &Disks,
/// #     limits: QueueLimits,
/// #     groups: Groups<GenDisk<Disk>>,
/// #     data: Disk::Data,
/// # ) -> Result {
/// let disk = options
///     .build_bio::<Disk>(disks.token(), fmt!("reactor{}", 0), &limits, data)?
///     .add_disk(groups)?;
/// pr_info!("{}: {}\n", disk.name(), disk.dev());
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// The disk was added, and has the data of `T`. Only the one who owns this removes it.
pub struct GenDisk<T: Operations> {
    disk: DiskRef,
    // Only lends the data, which is `Send` and `Sync`.
    _p: PhantomData<fn(&T)>,
}

impl<T: Operations> Deref for GenDisk<T> {
    type Target = DiskRef;

    #[inline]
    fn deref(&self) -> &DiskRef {
        &self.disk
    }
}

impl Deref for DiskRef {
    type Target = DiskView;

    #[inline]
    fn deref(&self) -> &DiskView {
        &self.0
    }
}

impl<T: Operations> GenDisk<T> {
    /// # Safety
    ///
    /// `disk` must satisfy the type invariants of [`DiskView`] and of [`GenDisk`].
    #[inline]
    unsafe fn from_raw(disk: NonNull<bindings::gendisk>) -> Self {
        // INVARIANT: By the safety requirements of this function.
        Self {
            disk: DiskRef(DiskView(disk)),
            _p: PhantomData,
        }
    }

    /// Lends a disk to `f`, which cannot remove it.
    ///
    /// # Safety
    ///
    /// `disk` must be a disk of `T` that was or is being added, and must be valid during the call.
    #[inline]
    pub(super) unsafe fn lend<R>(
        disk: NonNull<bindings::gendisk>,
        f: impl FnOnce(&Self) -> R,
    ) -> R {
        // SAFETY: By the safety requirements of this function. This does not own the disk.
        let disk = ManuallyDrop::new(unsafe { Self::from_raw(disk) });
        f(&disk)
    }

    /// Returns the data of the disk.
    #[inline]
    pub fn data(&self) -> <T::Data as ForeignOwnable>::Borrowed<'_> {
        // SAFETY: By the type invariant, this is the data of `T`, and lives as long as the disk.
        unsafe { T::Data::borrow((*self.as_raw()).private_data) }
    }
}

impl DiskView {
    /// Returns the presence of the disk.
    fn presence(&self) -> ArcBorrow<'_, Presence> {
        // SAFETY: By the type invariant, the disk is valid, and has one.
        unsafe { Presence::of(self.0) }
    }

    /// Returns the raw disk.
    #[inline]
    fn as_raw(&self) -> *mut bindings::gendisk {
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
    /// when removal has begun, also while IO is in flight.
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
    /// Writes back what the page cache has of the disk, has the disk flush, and waits for it.
    ///
    /// Fails with what the IO fails with. Process context; sleeps. IO must not be waited for by the
    /// caller's locks.
    pub fn sync(&self) -> Result {
        // SAFETY: By the type invariant, the disk is valid; its block device lives as long.
        to_result(unsafe { bindings::sync_blockdev((*self.as_raw()).part0) })?;
        // SAFETY: As above.
        to_result(unsafe { bindings::blkdev_issue_flush((*self.as_raw()).part0) })
    }

    /// Runs `f` while no IO is in flight and none can start.
    ///
    /// `f` allocates as if with `GFP_NOIO`. May sleep, until all IO has ended.
    pub fn freeze<R>(&self, f: impl FnOnce() -> R) -> R {
        // SAFETY: By the type invariant, the disk has a queue; it is unfrozen below.
        let flags = unsafe { bindings::blk_mq_freeze_queue((*self.as_raw()).queue) };
        let result = f();
        // SAFETY: The queue was frozen above.
        unsafe { bindings::blk_mq_unfreeze_queue((*self.as_raw()).queue, flags) };
        result
    }
}

impl<T: Operations> Drop for GenDisk<T> {
    fn drop(&mut self) {
        self.presence().leave();
        // SAFETY: By the type invariant, the disk was added, and is ours to remove. Its data is
        // dropped with the last reference, in `free_disk`, and with it the tag set, if any.
        unsafe {
            let tag_set = (*(*self.as_raw()).queue).tag_set;
            bindings::del_gendisk(self.as_raw());
            if !tag_set.is_null() {
                // All requests have ended, but who has handed over the last may not have returned
                // from the driver: that was in a section that this waits for.
                bindings::blk_mq_wait_quiesce_done(tag_set);
            }
            bindings::put_disk(self.as_raw());
        }
    }
}
