// SPDX-License-Identifier: GPL-2.0

//! Closing the drive when a session has ended.

use crate::disk::device::Device;
use kernel::sync::Arc;
use rb::kthread;

/// Closes the drive when a session has ended.
///
/// It has a thread of its own, which does not freeze: a drive may take minutes until it is closed,
/// and neither the last closer nor the suspend of the system may wait for that.
pub(crate) struct Closer(Arc<Device>);

impl Closer {
    /// Creates one for a device.
    pub(crate) fn new(device: Arc<Device>) -> Self {
        Self(device)
    }
}

impl kthread::Run for Closer {
    fn run(&self) {
        let device = &*self.0;

        while !kthread::should_stop() {
            if let Some(session) = device.users.await_ended() {
                session.finish(device.hub.index());
                drop(session);
                device.users.closed();
            }
        }
    }
}
