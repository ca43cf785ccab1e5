// SPDX-License-Identifier: GPL-2.0

//! What is done before anything is stopped.

use crate::{
    device::Device,
    registry::Registry, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::Release,
        Arc, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    }, //
};
use rb::suspend::Sleeper;

/// How long the system waits for all drives together. What they have cached then they are asked for
/// once more.
const PATIENCE: Delta = Delta::from_secs(10);

impl Sleeper for Registry {
    fn prepare(&self) {
        // Without memory for that, there is less time for it later.
        let Ok(devices) = self.optical_devices() else {
            return;
        };
        let until = Instant::<Monotonic>::now() + PATIENCE;

        devices.iter().for_each(|device| device.want_sync());
        devices.iter().for_each(|device| device.await_sync(until));
    }
}

impl Registry {
    fn optical_devices(&self) -> Result<KVec<Arc<Device>>> {
        let mut devices = KVec::new();

        self.for_each(|mapping| {
            if mapping.device().optical {
                devices.push(mapping.device().clone(), GFP_KERNEL)?;
            }
            Ok(())
        })?;
        Ok(devices)
    }
}

impl Device {
    /// Has the thread ask the drive to put on the medium what it has cached.
    fn want_sync(&self) {
        self.sync_wanted.store(true, Release);
        self.bell.ring();
    }

    /// Waits for that, and gives up at a time.
    fn await_sync(&self, until: Instant<Monotonic>) {
        while self.is_sync_wanted() {
            let left = until - Instant::now();
            if left.is_negative() {
                return self.sync_tried();
            }
            self.ended
                .wait_event_idle_timeout(Some(left), || !self.is_sync_wanted());
        }
    }
}
