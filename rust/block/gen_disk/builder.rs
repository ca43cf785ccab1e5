// SPDX-License-Identifier: GPL-2.0

use super::{
    presence::Presence,
    DeviceOf,
    DiskToken,
    GenDisk,
    Operations, //
};
use crate::{
    bindings,
    block::{
        dev_t::DevT,
        limits::QueueLimits,
        mq::RequestQueue, //
    },
    sysfs::Groups, //
};
use core::{
    any::Any,
    marker::PhantomData,
    mem::ManuallyDrop,
    num::NonZero,
    ptr::{
        self,
        NonNull, //
    },
};
use kernel::{
    error::to_result,
    fmt::{
        self,
        Write, //
    },
    prelude::*,
    static_lock_class,
    str::NullTerminatedFormatter,
    sync::Arc,
    time::{
        delay::fsleep,
        Delta, //
    },
    types::ForeignOwnable, //
};

/// The major of the numbers that the block core gives (`linux/major.h`). It would take back one that
/// it has not given.
const BLOCK_EXT_MAJOR: u32 = 259;

/// What a disk is, apart from its limits.
///
/// # Examples
///
/// ```
/// # use rb::block::gen_disk::DiskOptions;
/// let options = DiskOptions { capacity_sectors: 2048, ..DiskOptions::default() };
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskOptions {
    /// Capacity, in sectors of 512 bytes.
    pub capacity_sectors: u64,
    /// Whether the disk refuses writes.
    pub read_only: bool,
    /// Whether the disk is never scanned for partitions.
    pub no_partitions: bool,
    /// Whether the medium can be taken out.
    pub removable: bool,
    /// Whether [`Operations::open`] opens another disk: lockdep is told that the locks of the two
    /// are not the same.
    pub opens_another: bool,
    /// Whether the driver holds back writers by itself: the block layer's own throttling of writeback
    /// (`CONFIG_BLK_WBT`) is off, unless somebody sets `wbt_lat_usec` of the queue. Else it is on by
    /// default, and lets only a few writes come at a time if they take long.
    pub throttles_writes: bool,
    /// Device number, and how many minors from there on belong to the disk and its partitions; the
    /// block core takes a free number by default. The major must be registered.
    pub device_number: Option<(DevT, NonZero<u32>)>,
}

impl DiskOptions {
    /// Sets up a disk that a front has allocated.
    ///
    /// Fails with [`EINVAL`] if the name has more than 31 bytes, the major is zero or the one of which
    /// the block core gives numbers (259), or there are not so many minors. Fails with [`ENODEV`] if the
    /// [`Disks`](super::Disks) of `disks` is being dropped, and with [`ENOMEM`]. Then the disk and its
    /// data are gone.
    ///
    /// # Safety
    ///
    /// `disk` must be a disk that was not added, that nothing else uses, and that has no data.
    /// `tag_set` must be the one that the disk was allocated with, if any; `fops` must be a table
    /// of [`DiskVTable<T>`](super::DiskVTable) for the front of the disk.
    pub(in crate::block) unsafe fn set_up<T: Operations>(
        &self,
        disks: &DiskToken,
        disk: NonNull<bindings::gendisk>,
        fops: &'static bindings::block_device_operations,
        name: fmt::Arguments<'_>,
        data: T::Data,
        tag_set: Option<Arc<dyn Any + Send + Sync>>,
    ) -> Result<UnaddedDisk<T>> {
        let raw = disk.as_ptr();
        let counted = disks.count();
        // SAFETY: By the safety requirements of this function.
        let presence =
            counted.and_then(|counted| unsafe { Presence::init(disk, tag_set.clone(), counted) });
        presence.inspect_err(|_| {
            // SAFETY: The disk is ours, and is not used any more.
            unsafe { bindings::put_disk(raw) };
        })?;
        // `tag_set` is dropped after the disk, also if that fails.

        let mut flags: c_int = 0;
        if self.no_partitions {
            flags |= bindings::GENHD_FL_NO_PART as c_int;
        }
        if self.removable {
            flags |= bindings::GENHD_FL_REMOVABLE as c_int;
        }

        if self.opens_another {
            // SAFETY: By the safety requirements of this function, nobody uses the lock.
            unsafe { bindings::disk_set_open_class(raw, static_lock_class!().as_ptr()) };
        }

        // SAFETY: By the safety requirements of this function, we have exclusive access.
        unsafe {
            (*raw).fops = fops;
            (*raw).private_data = data.into_foreign();
            (*raw).flags |= flags;
        }
        // INVARIANT: The disk is set up, and has the data and a presence.
        let disk = UnaddedDisk {
            disk,
            throttles_writes: self.throttles_writes,
            _p: PhantomData,
        };
        if let Some((dev, minors)) = self.device_number {
            let last = dev.minor().checked_add(minors.get() - 1).ok_or(EINVAL)?;
            // Whether there is such a number.
            DevT::new(dev.major(), last)?;
            if matches!(dev.major(), 0 | BLOCK_EXT_MAJOR) {
                return Err(EINVAL);
            }
            // SAFETY: We have exclusive access to the disk.
            // CAST: A major has 12 bits, and minors from 0 to `last`, 20.
            unsafe {
                (*raw).major = dev.major() as c_int;
                (*raw).first_minor = dev.minor() as c_int;
                (*raw).minors = minors.get() as c_int;
            }
        }

        // SAFETY: We have exclusive access to the disk.
        let disk_name = unsafe { &mut (*raw).disk_name };
        NullTerminatedFormatter::new(disk_name)
            .ok_or(EINVAL)?
            .write_fmt(name)?;

        // SAFETY: The disk is valid. Its device is not looked at, as it is not registered.
        unsafe {
            bindings::set_capacity(raw, self.capacity_sectors);
            bindings::disk_set_ro_quietly(raw, self.read_only);
        }
        Ok(disk)
    }
}

/// A disk that is set up, and that nobody sees yet.
///
/// # Invariants
///
/// `disk` is valid, was not added, has the data of `T` and a presence.
pub struct UnaddedDisk<T: Operations> {
    disk: NonNull<bindings::gendisk>,
    throttles_writes: bool,
    _p: PhantomData<T>,
}

impl<T: Operations> UnaddedDisk<T> {
    /// Returns the data of the disk.
    pub fn data(&self) -> <T::Data as ForeignOwnable>::Borrowed<'_> {
        // SAFETY: By the type invariant, this is the data of `T`, and lives as long as the disk.
        unsafe { T::Data::borrow((*self.disk.as_ptr()).private_data) }
    }

    /// Returns the limits that hold, after the block core has corrected them.
    pub fn limits(&self) -> QueueLimits {
        // SAFETY: By the type invariant, the disk has a queue.
        unsafe { QueueLimits::read((*self.disk.as_ptr()).queue) }
    }

    /// Returns the request queue, which a disk with a bio front does not have.
    pub fn queue(&self) -> Option<RequestQueue> {
        // SAFETY: By the type invariant, the disk is valid, and has a presence.
        let tag_set = unsafe { Presence::of(self.disk) }.tag_set()?;
        // SAFETY: By the type invariant, the disk is valid; it was built with this tag set.
        Some(unsafe { RequestQueue::from_disk(self.disk, tag_set) })
    }

    /// Adds the disk, with the attributes of `groups`. I/O may come before this returns.
    ///
    /// Fails with [`EEXIST`] if there is a disk or a partition of that name, with [`ENOMEM`], and
    /// otherwise with what the driver core says; then disk and data are gone. May sleep.
    pub fn add_disk<S: DeviceOf<T>>(self, groups: Groups<S>) -> Result<GenDisk<T>> {
        let raw = self.disk.as_ptr();

        if self.is_name_taken() {
            return Err(EEXIST);
        }
        self.name_device()?;
        if self.throttles_writes {
            // SAFETY: By the type invariant, the disk is valid, and has a queue.
            unsafe { bindings::disk_disable_wbt(raw) };
        }
        // SAFETY: The disk is valid, and set up; the groups are static, and for disks of `T`.
        to_result(unsafe { bindings::device_add_disk(ptr::null_mut(), raw, groups.as_ptr()) })?;

        // SAFETY: The disk was added, and is no longer that of `self`.
        Ok(unsafe { GenDisk::from_raw(ManuallyDrop::new(self).disk) })
    }

    /// Gives the device the name of the disk. Fails with [`ENOMEM`].
    ///
    /// `device_add_disk()` names it, too, but does not look whether that fails, and then fails with
    /// [`EINVAL`] for a device without a name. Now that keeps this one.
    fn name_device(&self) -> Result {
        let raw = self.disk.as_ptr();

        // SAFETY: The disk is valid, and its name is terminated. Nobody uses the device yet, which
        // frees its name in the end.
        to_result(unsafe {
            bindings::dev_set_name(
                &raw mut (*(*raw).part0).bd_device,
                c"%s".as_char_ptr(),
                &raw const (*raw).disk_name,
            )
        })
    }

    /// Returns whether something in `/sys/class/block` has our name.
    ///
    /// The driver core finds out, too, but with a backtrace.
    fn is_name_taken(&self) -> bool {
        // SAFETY: The disk is valid, and its device has its class from the beginning.
        let dev = unsafe { bindings::disk_find_namesake(self.disk.as_ptr()) };

        // SAFETY: Null, or a reference that is ours.
        unsafe { bindings::put_device(dev) };
        !dev.is_null()
    }
}

impl<T: Operations> Drop for UnaddedDisk<T> {
    fn drop(&mut self) {
        let raw = self.disk.as_ptr();

        // SAFETY: By the type invariant, the disk is valid, was not added, and is ours.
        unsafe { Presence::of(self.disk) }.leave();
        // If adding it failed, somebody may have seen the device before, and hold it for a moment,
        // for instance to list all block devices. Nobody finds it any more.
        // SAFETY: As above.
        while unsafe { bindings::disk_refs(raw) } > 1 {
            fsleep(Delta::from_millis(1));
        }

        // SAFETY: As above, and we hold the only reference, so this frees the disk. The block core does
        // not call `free_disk` for a disk that was not added, so data and presence are still ours to
        // drop. Nothing borrows them once attributes and nodes are gone.
        unsafe {
            let data = (*raw).private_data;
            let own = Presence::take(self.disk);
            bindings::put_disk(raw);
            drop(T::Data::from_foreign(data));
            drop(own);
        }
    }
}
