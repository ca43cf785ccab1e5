// SPDX-License-Identifier: GPL-2.0

//! The sleep of the system.
//!
//! The thread of an optical drive's device is freezable, so it is told when no task of user space
//! runs any more. Until then all are served: somebody who waits for IO could not be frozen. Then
//! packets that have begun are finished and the drive puts on the medium what it has cached; what
//! comes from other threads of the kernel waits. A drive that takes too long for that keeps the
//! system awake. After the sleep the medium is looked at, since the power was off.

use crate::device::Device;
use rb::kthread;

impl Device {
    /// Sleeps with the system. Called by the thread, when nothing is under way.
    pub(crate) fn sleep(&self) {
        if !kthread::freeze() {
            return;
        }
        // Under the lock, where no last reference is dropped.
        if let Some(session) = self.queue.lock().session() {
            session.io_failed();
        }
    }

    /// Returns whether nothing new is to be begun. To be asked by the thread.
    pub(crate) fn is_paused(&self) -> bool {
        kthread::should_freeze()
    }
}
