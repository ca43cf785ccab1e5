// SPDX-License-Identifier: GPL-2.0

//! The sleep of the system.
//!
//! The thread of an optical drive's device is freezable, so it is told when no task of user space
//! runs any more. It goes on to serve all: other threads of the kernel that wait for IO cannot freeze
//! before it is done. But packets do not wait for more writes any more, and when nothing is left to
//! do the drive puts on the medium what it has cached; then the thread freezes. A drive that takes
//! too long for that keeps the system awake. After the sleep the medium is looked at, since the power
//! was off.

use crate::device::Device;
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
}
