// SPDX-License-Identifier: GPL-2.0

//! What changes about a disk while it is there: its size, its limits, its medium.

use super::{
    DiskRef,
    DiskView,
    GenDisk,
    Operations, //
};
use crate::{
    bindings,
    block::limits::QueueLimits, //
};
use kernel::{
    error::to_result,
    prelude::*,
    time::Delta, //
};

impl DiskRef {
    /// Changes the limits, while no I/O is in flight.
    ///
    /// All that [`QueueLimits`] has is set, and nothing is left from before, except what the user has
    /// set: a smaller `max_sectors_kb` or `discard_max_bytes`, a write cache that is switched off, I/O
    /// statistics.
    ///
    /// Fails with [`EINVAL`] if the limits do not pass [`QueueLimits::validate`]; then nothing has
    /// changed. Process context; takes the lock of the limits, then freezes the queue, that is it
    /// sleeps until all I/O has ended: whatever ends it must not wait for the caller.
    pub fn update_limits(&self, limits: &QueueLimits) -> Result {
        limits.validate()?;
        // SAFETY: By the type invariant, the disk has a queue.
        let queue = unsafe { (*self.as_raw()).queue };

        // SAFETY: The disk has a queue; the lock is given back below.
        let mut raw = unsafe { start_update(queue) };
        limits.update(&mut raw);
        // SAFETY: We hold the lock, which this gives back.
        to_result(unsafe { bindings::queue_limits_commit_update_frozen(queue, &mut raw) })
    }

    /// Changes the limits, as [`update_limits`](Self::update_limits), if all I/O ends within `time`.
    ///
    /// Fails with [`EBUSY`] if it does not; then nothing has changed. For disks whose I/O may take any
    /// time, and whose drivers must be able to end it.
    pub fn update_limits_within(&self, limits: &QueueLimits, time: Delta) -> Result {
        limits.validate()?;
        let milliseconds = c_uint::try_from(time.as_millis()).map_err(|_| EINVAL)?;
        // SAFETY: By the type invariant, the disk has a queue.
        let queue = unsafe { (*self.as_raw()).queue };

        // SAFETY: The disk has a queue; the lock is given back below.
        let mut raw = unsafe { start_update(queue) };
        limits.update(&mut raw);
        // SAFETY: We hold the lock, which this gives back.
        to_result(unsafe { bindings::queue_limits_commit_within(queue, &mut raw, milliseconds) })
    }

    /// Makes the disk refuse writes, or take them again.
    ///
    /// A change sends a uevent, unless the disk is being removed. Process context; may sleep.
    pub fn set_read_only(&self, read_only: bool) {
        match self.presence().enter() {
            Some(present) => present.set_read_only(read_only),
            // SAFETY: By the type invariant, the disk is valid; its device is not looked at.
            None => unsafe { bindings::disk_set_ro_quietly(self.as_raw(), read_only) },
        }
    }

    /// Changes the capacity, in sectors of 512 bytes, and notifies user space.
    ///
    /// Returns whether there was an event (`RESIZE=1`). There is none if the capacity is as it was, if it
    /// was or is zero, or if the disk is being removed; see [`notify_change`](DiskRef::notify_change).
    /// Process context; may sleep.
    pub fn set_capacity_and_notify(&self, sectors: u64) -> bool {
        match self.presence().enter() {
            Some(present) => present.set_capacity_and_notify(sectors),
            None => {
                self.set_capacity(sectors);
                false
            }
        }
    }

    /// Notifies user space that something about the disk has changed, unless it is being removed.
    ///
    /// Sends the event `change`, on which udev mostly opens the disk. Process context; may sleep.
    pub fn notify_change(&self) {
        if let Some(present) = self.presence().enter() {
            present.notify_change();
        }
    }

    /// Drops what the page cache holds and is clean, forgets errors of writeback, and sets the
    /// capacity to zero, all without an event.
    ///
    /// Process context; may sleep.
    pub fn invalidate(&self) {
        // SAFETY: By the type invariant, the disk is valid.
        unsafe { bindings::invalidate_disk(self.as_raw()) };
    }
}

impl DiskView {
    /// Changes the capacity, in sectors of 512 bytes, without an event.
    ///
    /// Does not sleep; not for interrupts.
    pub fn set_capacity(&self, sectors: u64) {
        // SAFETY: By the type invariant, the disk is valid.
        unsafe { bindings::set_capacity(self.as_raw(), sectors) };
    }

    /// Has the next opener look for partitions first; those that are not there any more go.
    ///
    /// Any context.
    pub fn need_partition_scan(&self) {
        // SAFETY: By the type invariant, the disk is valid.
        unsafe { bindings::disk_need_part_scan(self.as_raw()) };
    }

    /// Has the next opener not look for partitions; returns whether it would have.
    ///
    /// For those who cannot read now, and ask again later. Any context.
    pub fn forget_partition_scan(&self) -> bool {
        // SAFETY: By the type invariant, the disk is valid.
        unsafe { bindings::disk_forget_part_scan(self.as_raw()) }
    }

    /// Returns whether the disk has partitions at the moment. Any context.
    pub fn has_partitions(&self) -> bool {
        // SAFETY: By the type invariant, the disk is valid.
        unsafe { bindings::disk_has_partitions(self.as_raw()) }
    }

    /// Returns whether the disk can be opened: it was added, and is not being removed. Any context.
    pub fn is_live(&self) -> bool {
        // SAFETY: By the type invariant, the disk is valid.
        unsafe { bindings::disk_live(self.as_raw()) }
    }

    /// Returns whether the disk has an I/O scheduler at the moment. Any context.
    pub fn has_elevator(&self) -> bool {
        // SAFETY: By the type invariant, the disk has a queue. Users may change the scheduler any
        // time; it is not looked at.
        unsafe {
            !(&raw const (*(*self.as_raw()).queue).elevator)
                .read_volatile()
                .is_null()
        }
    }
}

impl<T: Operations> GenDisk<T> {
    /// Notifies user space and file systems that the medium is another one.
    ///
    /// Sends the event `change` with `DISK_MEDIA_CHANGE=1`, raises the sequence number of the disk,
    /// shuts down a file system that is mounted from it, and drops what the page cache holds and is
    /// clean. Partitions are not looked for: see [`need_partition_scan`](DiskView::need_partition_scan).
    /// Does nothing if the disk is being removed.
    ///
    /// Process context; may sleep. Takes locks of the file system, which may wait for I/O, and whose
    /// holders may wait for the open mutex of the disk: not to be called within
    /// [`with_openers`](Self::with_openers).
    pub fn force_media_change(&self) {
        // SAFETY: By the type invariant, the disk is valid.
        unsafe { bindings::disk_assert_not_opening(self.as_raw()) };
        if let Some(present) = self.presence().enter() {
            present.force_media_change();
        }
    }
}

/// What `queue_limits_start_update()` does: takes the lock of the limits, and returns these.
///
/// # Safety
///
/// `queue` must be valid. The caller must commit or cancel the update, which gives the lock back.
unsafe fn start_update(queue: *mut bindings::request_queue) -> bindings::queue_limits {
    // SAFETY: The lock is initialized, since the queue is. Limits change under it, but for what a
    // driver learns when I/O fails, as by `RequestQueue::disable_discard`: that is a single field,
    // which is copied before or after.
    unsafe {
        bindings::mutex_lock(&raw mut (*queue).limits_lock);
        (&raw const (*queue).limits).read_volatile()
    }
}
