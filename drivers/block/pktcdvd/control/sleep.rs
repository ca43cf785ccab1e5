// SPDX-License-Identifier: GPL-2.0

//! Suspend, hibernation, power-off and reboot.
//!
//! Before any task is frozen, the caches of all drives are flushed, because a drive that is served
//! from user space cannot be flushed later. Lingering sessions end. The system waits for that only
//! for a while ([`prepare`]), and goes on if it fails.
//!
//! The thread of an optical drive's device is freezable. When user space is frozen, the thread is
//! told to freeze. It goes on serving IO first: other kernel threads that wait for IO cannot freeze
//! before it is done. Packets do not wait for more writes then. When nothing is left to do, the
//! thread has the cache of the drive flushed, and freezes. If the drive takes too long, the system
//! stays awake. After the sleep the medium is examined, since the drive had no power.
//!
//! Before power-off and reboot the same is done as before suspend, with a longer wait, since there
//! is no second chance.

mod prepare;

use crate::disk::device::Device;
use kernel::{
    sync::atomic::{
        Acquire,
        Full,
        Relaxed,
        Release, //
    },
    time::{
        Instant,
        Monotonic, //
    }, //
};
use rb::kthread;

impl Device {
    /// Freezes until the system has slept. Called by the thread, when nothing is left to do.
    pub(crate) fn sleep(&self) {
        if !kthread::freeze() {
            return;
        }
        // Under the lock, where no last reference is dropped.
        if let Some(session) = self.queue.lock().session() {
            session.io_failed();
        }
    }

    /// Asks the thread to flush the cache of the drive. Returns a ticket for
    /// [`Device::await_sync`].
    pub(crate) fn want_sync(&self) -> u64 {
        let ticket = self.syncs_wanted.fetch_add(1, Full).wrapping_add(1);
        self.bell.ring();
        ticket
    }

    /// Waits for the flush of a ticket until `until`. Returns whether the cache was flushed, or did
    /// not have to be.
    pub(crate) fn await_sync(&self, ticket: u64, until: Instant<Monotonic>) -> bool {
        self.await_turn(until, false, || self.syncs_tried.load(Acquire) >= ticket)
    }

    /// Returns the last ticket.
    pub(crate) fn syncs_wanted(&self) -> u64 {
        self.syncs_wanted.load(Acquire)
    }

    /// Returns whether a task waits for a flush of the cache.
    pub(crate) fn is_sync_wanted(&self) -> bool {
        self.syncs_tried.load(Relaxed) < self.syncs_wanted()
    }

    /// Notes that the flushes of all tickets up to `ticket` are done, or not needed. Called by the
    /// thread.
    pub(crate) fn sync_tried(&self, ticket: u64) {
        if ticket > self.syncs_tried.load(Relaxed) {
            self.syncs_tried.store(ticket, Release);
            self.turn();
        }
    }
}
