// SPDX-License-Identifier: GPL-2.0

//! Telling the users of a disk that its medium has gone.

use crate::disk::device::Device;
use kernel::sync::Arc;
use rb::{
    block::gen_disk::{
        GenDisk,
        Operations, //
    },
    kthread, //
};

/// Waits for the medium of a disk to go.
///
/// It has a thread of its own: a file system that is told of the loss waits for its I/O, which the
/// thread of the device has to end meanwhile.
pub(crate) struct Keeper<D: Operations> {
    device: Arc<Device>,
    disk: Arc<GenDisk<D>>,
}

impl<D: Operations> Keeper<D> {
    /// Creates one for a disk.
    pub(crate) fn new(device: Arc<Device>, disk: Arc<GenDisk<D>>) -> Self {
        Self { device, disk }
    }
}

impl<D: Operations> kthread::Run for Keeper<D> {
    fn run(&self) {
        while !kthread::should_stop() {
            self.device.hub.lost.wait(None);
            // No open or close can run meanwhile, so the session and its medium do not change.
            let lost = self.disk.with_openers(|_| {
                let lost = self.device.hub.is_lost();
                if lost {
                    self.disk.set_capacity(0);
                }
                lost
            });
            if lost {
                self.disk.force_media_change();
            }
        }
    }
}
