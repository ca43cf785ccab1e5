// SPDX-License-Identifier: GPL-2.0

//! What all devices share.

use crate::logic::minors::Minors;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use rb::{
    block::major::BlkdevMajor,
    debugfs,
    workqueue::{
        Flag,
        OwnedQueue, //
    },
};

/// The major number of network block devices.
pub(crate) const MAJOR: u32 = 43;

/// The control of all devices, for what a device cannot do by itself.
pub(crate) trait Control: Send + Sync {
    /// Notifies user space that a device has lost a connection. May sleep.
    fn announce_lost_link(&self, index: u32);

    /// Removes a device that was to go with its session, if that has ended and nobody has it open;
    /// not now, but soon. The caller may have locks of the device.
    fn remove_later(&self, index: u32);
}

/// What all devices share.
#[pin_data]
pub(crate) struct Shared {
    /// Most bytes of a request of a device that was told nothing else.
    pub(crate) max_request: u32,
    pub(crate) minors: Minors,
    pub(crate) debugfs: debugfs::Dir,
    /// Work that I/O may wait for.
    pub(crate) reclaim_work: OwnedQueue,
    /// Work that only programs wait for that bring connections back.
    pub(crate) notices: OwnedQueue,
    /// From when the driver is up until it goes down.
    #[pin]
    control: Mutex<Option<Arc<dyn Control>>>,
    // Last: all disks of the major have gone before.
    _major: BlkdevMajor,
}

impl Shared {
    /// Takes the major number, for no device yet.
    ///
    /// Fails with `EBUSY` if somebody has it, as the kernel's own driver.
    pub(crate) fn new(max_request: u32, minors: Minors) -> Result<Arc<Self>> {
        let major = BlkdevMajor::register_number(c"nbd", MAJOR)?;
        let reclaim_work = OwnedQueue::new(c"nbd-reclaim", Flag::MemReclaim | Flag::Unbound, 0)?;
        let notices = OwnedQueue::new(c"nbd-notices", Flag::MemReclaim | Flag::Unbound, 0)?;
        Arc::pin_init(
            pin_init!(Self {
                max_request,
                minors,
                debugfs: debugfs::Dir::new(c"nbd"),
                reclaim_work,
                notices,
                control <- new_mutex!(None, "nbd::Shared::control"),
                _major: major,
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the control of the devices, if the driver is up.
    pub(crate) fn control(&self) -> Option<Arc<dyn Control>> {
        self.control.lock().clone()
    }

    /// Sets the control of the devices.
    pub(crate) fn set_control(&self, control: Arc<dyn Control>) {
        *self.control.lock() = Some(control);
    }

    /// Takes the control out, so that it is no longer found.
    pub(crate) fn take_control(&self) -> Option<Arc<dyn Control>> {
        self.control.lock().take()
    }

    /// Waits for all work. Each holds what carries the requests of a device, and so this.
    pub(crate) fn flush_work(&self) {
        self.notices.flush();
        self.reclaim_work.flush();
    }
}
