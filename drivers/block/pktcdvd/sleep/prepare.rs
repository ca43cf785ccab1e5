// SPDX-License-Identifier: GPL-2.0

//! What is done before anything is stopped.

use crate::{
    device::Device,
    registry::Registry, //
};
use kernel::{
    prelude::*,
    sync::Arc,
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

        // All at once. Then none is waited for longer than for all together.
        devices.iter().for_each(|device| {
            let _ = device.hurry();
            device.want_sync();
        });
        for device in &devices {
            device.await_sync(device.syncs_wanted(), until);
            device.await_idle(until, false);
        }
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
