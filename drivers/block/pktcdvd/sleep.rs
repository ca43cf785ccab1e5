// SPDX-License-Identifier: GPL-2.0

//! The sleep of the system, and its end.
//!
//! Before anything is stopped the drives are asked to put on the medium what they have cached: one
//! that is served from user space cannot do so later. Sessions that linger end. But nothing depends
//! on it, and nobody is held up by a drive that takes long.
//!
//! The thread of an optical drive's device is freezable, so it is told when no task of user space
//! runs any more. It goes on to serve all: other threads of the kernel that wait for IO cannot freeze
//! before it is done. But packets do not wait for more writes any more, and when nothing is left to
//! do the drive puts on the medium what it has cached since; then the thread freezes. A drive that
//! takes too long for that keeps the system awake. After the sleep the medium is looked at, since the
//! power was off.
//!
//! Before the system is turned off or started anew the same is done as before it sleeps, but for
//! longer: there is no later.

mod prepare;

use crate::device::Device;
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
    /// Sleeps with the system. Called by the thread, when nothing is left to do.
    pub(crate) fn sleep(&self) {
        if !kthread::freeze() {
            return;
        }
        // Under the lock, where no last reference is dropped.
        if let Some(session) = self.queue.lock().session() {
            session.io_failed();
        }
    }

    /// Has the thread ask the drive to put on the medium what it has cached. Returns a ticket for
    /// [`Device::await_sync`].
    pub(crate) fn want_sync(&self) -> u64 {
        let ticket = self.syncs_wanted.fetch_add(1, Full).wrapping_add(1);
        self.bell.ring();
        ticket
    }

    /// Waits for that, and gives up at a time; returns whether the drive has been asked, or need
    /// not be.
    pub(crate) fn await_sync(&self, ticket: u64, until: Instant<Monotonic>) -> bool {
        self.await_turn(until, false, || self.syncs_tried.load(Acquire) >= ticket)
    }

    /// Returns the last ticket.
    pub(crate) fn syncs_wanted(&self) -> u64 {
        self.syncs_wanted.load(Acquire)
    }

    /// Returns whether the drive is to be asked to put on the medium what it has cached, since
    /// somebody waits for that.
    pub(crate) fn is_sync_wanted(&self) -> bool {
        self.syncs_tried.load(Relaxed) < self.syncs_wanted()
    }

    /// Notes that the drive has been asked, or need not be, for those with tickets up to `ticket`.
    /// Called by the thread.
    pub(crate) fn sync_tried(&self, ticket: u64) {
        if ticket > self.syncs_tried.load(Relaxed) {
            self.syncs_tried.store(ticket, Release);
            self.turn();
        }
    }
}
