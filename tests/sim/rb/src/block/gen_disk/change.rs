// SPDX-License-Identifier: GPL-2.0

//! What changes about a disk while it is there.

use super::{
    builder::corrected,
    DiskRef,
    DiskView,
    GenDisk,
    Operations, //
};
use crate::block::limits::QueueLimits;
use kernel::{
    prelude::*,
    sim,
    time::Delta, //
};

impl DiskRef {
    /// Changes the limits, while no I/O is in flight.
    pub fn update_limits(&self, limits: &QueueLimits) -> Result {
        limits.validate()?;
        let _limits = self.core().limits_lock.lock();
        self.core().queue.freeze();
        self.core().set(|state| state.limits = corrected(limits));
        self.core().queue.unfreeze();
        Ok(())
    }

    /// Changes the limits, if all I/O ends in time.
    pub fn update_limits_within(&self, limits: &QueueLimits, time: Delta) -> Result {
        limits.validate()?;
        let _limits = self.core().limits_lock.lock();
        let nanos = time.as_nanos().max(0).unsigned_abs();
        if !self.core().queue.freeze_within(nanos) {
            return Err(EBUSY);
        }
        self.core().set(|state| state.limits = corrected(limits));
        self.core().queue.unfreeze();
        Ok(())
    }

    /// Makes the disk refuse writes, or take them again.
    pub fn set_read_only(&self, read_only: bool) {
        sim::might_sleep("set_disk_ro()");
        self.core().set(|state| state.read_only = read_only);
    }

    /// Changes the capacity, and tells user space.
    pub fn set_capacity_and_notify(&self, sectors: u64) -> bool {
        sim::might_sleep("set_capacity_and_notify()");
        let entered = self.core().enter();
        let old = self.core().set(|state| {
            state.events += u64::from(entered);
            ::core::mem::replace(&mut state.capacity, sectors)
        });
        if entered {
            self.core().exit();
        }
        entered && old != sectors && old != 0 && sectors != 0
    }

    /// Tells user space that something about the disk has changed.
    pub fn notify_change(&self) {
        sim::might_sleep("kobject_uevent()");
        self.core().set(|state| state.events += 1);
    }

    /// Drops what the page cache holds, and sets the capacity to zero.
    pub fn invalidate(&self) {
        sim::might_sleep("invalidate_disk()");
        self.set_capacity(0);
    }
}

impl DiskView {
    /// Changes the capacity, and tells nobody.
    pub fn set_capacity(&self, sectors: u64) {
        self.core().set(|state| state.capacity = sectors);
    }

    /// Has the next opener look for partitions first.
    pub fn need_partition_scan(&self) {
        self.core().set(|state| state.needs_scan = true);
    }

    /// Has the next opener not look for partitions; returns whether it would have.
    pub fn forget_partition_scan(&self) -> bool {
        self.core()
            .set(|state| ::core::mem::take(&mut state.needs_scan))
    }

    /// Returns whether the disk has partitions.
    pub fn has_partitions(&self) -> bool {
        false
    }

    /// Returns whether the disk can be opened.
    pub fn is_live(&self) -> bool {
        self.core().get(|state| state.live)
    }

    /// Returns whether the disk has an I/O scheduler.
    pub fn has_elevator(&self) -> bool {
        false
    }
}

impl<T: Operations> GenDisk<T> {
    /// Tells user space and file systems that the medium is another one.
    pub fn force_media_change(&self) {
        sim::might_sleep("disk_force_media_change()");
        let _open = self.core().open_mutex.lock();
        self.core().set(|state| state.media += 1);
    }
}
