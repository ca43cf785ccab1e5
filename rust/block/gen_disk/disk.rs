// SPDX-License-Identifier: GPL-2.0

//! A disk of a driver, and what the driver does for it. They name each other.

use super::view::DiskRef;
use crate::bindings;
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    error::VTABLE_DEFAULT_ERROR,
    prelude::*,
    str::CString,
    types::ForeignOwnable, //
};

type Borrowed<'a, T> = <<T as Operations>::Data as ForeignOwnable>::Borrowed<'a>;

/// What a disk does besides I/O, for both fronts.
#[vtable]
pub trait Operations: Sized + 'static {
    /// Data of the disk. It lives until nobody has the disk open any more, which can be after the
    /// disk was removed.
    type Data: ForeignOwnable + Send + Sync;

    /// Called when the disk is opened, also for a partition.
    ///
    /// Process context; may sleep. The disk's open mutex is held, so opens and closes of one disk
    /// do not overlap, and removing the disk or [looking](GenDisk::with_openers) at its openers
    /// waits for this. The first open may come before [`UnaddedDisk::add_disk`] has returned.
    ///
    /// [`UnaddedDisk::add_disk`]: super::UnaddedDisk::add_disk
    fn open(_data: Borrowed<'_, Self>, _disk: &DiskRef, _how: Opening) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called for each successful open, when it is closed. Context as [`Operations::open`].
    ///
    /// The disk may have been removed before.
    fn release(_data: Borrowed<'_, Self>, _disk: &DiskRef) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called for each ioctl that the block layer does not handle itself.
    ///
    /// Process context; may sleep. Unknown ones return `ENOTTY`. The disk may have been removed
    /// before, or is removed meanwhile: its openers do not hold that up.
    fn ioctl(_disk: &GenDisk<Self>, _call: &Ioctl) -> Result<i32> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Returns the path of the device node below `/dev`, if not the name of the disk.
    fn devnode(_data: Borrowed<'_, Self>) -> Result<CString> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// How a disk is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// For writing.
    pub write: bool,
    /// With `O_NONBLOCK`. By convention, such an open of an optical drive is not about its medium, and
    /// leaves an open tray open.
    pub nonblock: bool,
}

impl Opening {
    pub(super) fn of(mode: bindings::blk_mode_t) -> Self {
        Self {
            write: mode & bindings::BLK_OPEN_WRITE != 0,
            nonblock: mode & bindings::BLK_OPEN_NDELAY != 0,
        }
    }
}

/// An ioctl as somebody has asked for it.
///
/// Only the block layer makes these, so that their rights are those of an opener.
pub struct Ioctl {
    pub(super) cmd: c_uint,
    pub(super) arg: c_ulong,
    pub(super) mode: bindings::blk_mode_t,
    pub(super) compat: bool,
}

impl Ioctl {
    /// Returns the number of the ioctl.
    pub fn cmd(&self) -> u32 {
        self.cmd
    }

    /// Returns the argument: a number, or an address in user space.
    ///
    /// From a 32-bit program, it has 32 bits.
    pub fn arg(&self) -> usize {
        self.arg
    }

    /// Returns how the disk is open.
    pub(in crate::block) fn mode(&self) -> bindings::blk_mode_t {
        self.mode
    }

    /// Returns whether a 32-bit program has asked on a 64-bit system.
    pub fn is_compat(&self) -> bool {
        self.compat
    }
}

/// A disk that was added to the system, and is removed when this is dropped.
///
/// Removal waits until all I/O has ended, so the threads that end it must still run. The disk's data
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
///     .build_bio::<Disk>(disks.token(), fmt!("disk{}", 0), &limits, data)?
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

impl<T: Operations> GenDisk<T> {
    /// # Safety
    ///
    /// `disk` must satisfy the type invariants of [`DiskView`](super::DiskView) and of [`GenDisk`].
    #[inline]
    pub(super) unsafe fn from_raw(disk: NonNull<bindings::gendisk>) -> Self {
        // INVARIANT: By the safety requirements of this function.
        Self {
            // SAFETY: By the safety requirements of this function.
            disk: unsafe { DiskRef::from_raw(disk) },
            _p: PhantomData,
        }
    }

    /// Lends a disk to `f`, which cannot remove it.
    ///
    /// # Safety
    ///
    /// `disk` must be a disk of `T` that was or is being added, and must be valid during the call.
    #[inline]
    pub(in crate::block) unsafe fn lend<R>(
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

impl<T: Operations> Drop for GenDisk<T> {
    fn drop(&mut self) {
        self.presence().leave();
        // SAFETY: By the type invariant, the disk was added, and is ours to remove. Its data is
        // dropped with the last reference, in `free_disk`, and with it the tag set, if any.
        unsafe {
            let tag_set = (*(*self.as_raw()).queue).tag_set;
            bindings::del_gendisk(self.as_raw());
            if !tag_set.is_null() {
                // All requests have ended, but the task that has handed over the last may not have
                // returned from the driver: that was in a section that this waits for.
                bindings::blk_mq_wait_quiesce_done(tag_set);
            }
            bindings::put_disk(self.as_raw());
        }
    }
}
