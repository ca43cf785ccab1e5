// SPDX-License-Identifier: GPL-2.0

//! What is done before anything is stopped.

use crate::{
    device::Device,
    registry::Registry,
    users::END_PATIENCE, //
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
use rb::reboot::Shutdown;

/// How long the system waits for all drives together before it sleeps. What they have cached then
/// they are asked for once more.
#[cfg(CONFIG_PM_SLEEP)]
const PATIENCE: Delta = Delta::from_secs(10);

#[cfg(CONFIG_PM_SLEEP)]
impl rb::suspend::Sleeper for Registry {
    fn prepare(&self) {
        self.bring_to_rest(PATIENCE);
    }
}

impl Shutdown for Registry {
    fn shutdown(&self) {
        self.bring_to_rest(END_PATIENCE);
    }
}

impl Registry {
    /// Has all drives put on the medium what they have cached, and sessions end that linger. Waits
    /// so long for all together.
    fn bring_to_rest(&self, patience: Delta) {
        // Without memory for that, there is less time for it later.
        let Ok(devices) = self.optical_devices() else {
            return;
        };
        let until = Instant::<Monotonic>::now() + patience;

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
