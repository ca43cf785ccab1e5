// SPDX-License-Identifier: GPL-2.0

//! Waiting until a device has closed its lower device.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        Arc, //
    },
    time::Delta, //
};
use rb::{
    new_wait_queue,
    wait::WaitQueue, //
};

/// How long a removal waits for programs that try to open the disk at that moment.
const PATIENCE: Delta = Delta::from_secs(2);

/// Reports when a device has closed its lower device.
///
/// A disk can outlive its removal for a moment: an open that comes then fails, but holds the disk
/// until it has failed.
#[pin_data]
pub(crate) struct Departure {
    gone: Atomic<bool>,
    #[pin]
    wait: WaitQueue,
}

impl Departure {
    /// Creates a notice for a device that has its lower device open.
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                gone: Atomic::new(false),
                wait <- new_wait_queue!("pktcdvd::Departure"),
            }),
            GFP_KERNEL,
        )
    }

    /// Sleeps until the device has closed its lower device, up to [`PATIENCE`].
    pub(crate) fn wait(&self) {
        let gone = || self.gone.load(Acquire);
        self.wait.wait_event_idle_timeout(Some(PATIENCE), gone);
    }
}

/// The last field of a device: gives notice when all before it are dropped.
pub(crate) struct GivesNotice(pub(crate) Arc<Departure>);

impl Drop for GivesNotice {
    fn drop(&mut self) {
        self.0.gone.store(true, Release);
        self.0.wait.wake_up_all();
    }
}
