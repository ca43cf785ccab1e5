// SPDX-License-Identifier: GPL-2.0

//! The sleep of the system.
//!
//! Before anything is stopped the drives are asked to put on the medium what they have cached: one
//! that is served from user space cannot do so later. But nothing depends on it, and nobody is held
//! up by one that takes long.
//!
//! The thread of an optical drive's device is freezable, so it is told when no task of user space
//! runs any more. It goes on to serve all: other threads of the kernel that wait for IO cannot freeze
//! before it is done. But packets do not wait for more writes any more, and when nothing is left to
//! do the drive puts on the medium what it has cached since; then the thread freezes. A drive that
//! takes too long for that keeps the system awake. After the sleep the medium is looked at, since the
//! power was off.

#[cfg(CONFIG_PM_SLEEP)]
mod prepare;

use crate::device::Device;
use kernel::sync::atomic::{
    Acquire,
    Release, //
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

    /// Returns whether the drive is to be asked to put on the medium what it has cached.
    pub(crate) fn is_sync_wanted(&self) -> bool {
        self.sync_wanted.load(Acquire)
    }

    /// Notes that the drive has been asked, or need not be.
    pub(crate) fn sync_tried(&self) {
        if self.is_sync_wanted() {
            self.sync_wanted.store(false, Release);
            self.ended.wake_up_all();
        }
    }
}
