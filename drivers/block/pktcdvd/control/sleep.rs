// SPDX-License-Identifier: GPL-2.0

//! Suspend, hibernation, power-off and reboot.
//!
//! Before any task is frozen, the caches of all drives are flushed, because a drive that is served
//! from user space cannot be flushed later. Lingering sessions end. The system waits for that only
//! for a while, and goes on if it fails. Once user space is frozen, the
//! [thread](crate::disk::thread) of each device flushes the cache once more.
//!
//! Before power-off and reboot the same is done as before suspend, with a longer wait, since there
//! is no second chance.

use crate::{
    control::registry::Registry,
    disk::{
        device::Device,
        users::END_PATIENCE, //
    }, //
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

/// How long the system waits for all drives together before it freezes tasks. Their caches are
/// flushed once more afterwards.
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
    /// Flushes the caches of all drives, and ends lingering sessions. Waits up to `patience` for
    /// all together.
    fn bring_to_rest(&self, patience: Delta) {
        // Without memory for this list, the thread of each device still flushes its drive later.
        let Ok(devices) = self.optical_devices() else {
            return;
        };
        let until = Instant::<Monotonic>::now() + patience;

        // All are asked before the first one is waited for, so that they work at the same time.
        devices.iter().for_each(|device| {
            let _ = device.users.hurry();
            device.hub.syncs.want();
        });
        for device in &devices {
            device.hub.syncs.wait(device.hub.syncs.last(), until);
            device.users.await_idle(until, false);
        }
    }

    fn optical_devices(&self) -> Result<KVec<Arc<Device>>> {
        let mut devices = KVec::new();

        self.for_each(|mapping| {
            if mapping.device().hub.optical {
                devices.push(mapping.device().clone(), GFP_KERNEL)?;
            }
            Ok(())
        })?;
        Ok(devices)
    }
}
