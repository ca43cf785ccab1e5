// SPDX-License-Identifier: GPL-2.0

//! The sleep of the system.
//!
//! Before it, packets that have begun are finished and the drives put on the media what they have
//! cached; what comes then waits. After it the media are looked at, since the power was off.

use crate::{
    device::Device,
    registry::Registry, //
};
use kernel::{
    error::code::*,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Release, //
        },
        Arc, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    }, //
};
use rb::suspend::Sleeper;

/// How long a device may take to come to rest.
const PATIENCE: Delta = Delta::from_secs(20);

impl Sleeper for Registry {
    fn prepare(&self) -> Result {
        let devices = self.devices()?;
        let result = devices.iter().try_for_each(|device| device.rest());

        if result.is_err() {
            devices.iter().for_each(|device| device.wake());
        }
        result
    }

    fn awake(&self) {
        // Needs no memory: whoever has been brought to rest goes on.
        let _ = self.for_each(|mapping| {
            mapping.device().wake();
            Ok(())
        });
    }
}

impl Registry {
    fn devices(&self) -> Result<KVec<Arc<Device>>> {
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
    /// Brings the device to rest; fails with [`EBUSY`] if the drive takes too long.
    fn rest(&self) -> Result {
        let until = Instant::<Monotonic>::now() + PATIENCE;
        let rests = || self.resting.load(Acquire);

        self.paused.store(true, Release);
        self.bell.ring();
        while self.geometry().is_some() && !rests() {
            let left = until - Instant::now();
            if left.is_negative() {
                pr_err!("pktcdvd{}: the drive is busy: no sleep\n", self.index());
                return Err(EBUSY);
            }
            self.ended.wait_event_idle_timeout(Some(left), rests);
        }
        Ok(())
    }

    /// Lets the device go on.
    fn wake(&self) {
        if let Some(session) = self.queue.lock().session() {
            session.io_failed();
        }
        self.resting.store(false, Release);
        self.paused.store(false, Release);
        self.bell.ring();
    }

    /// Returns whether the device is to rest.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Acquire)
    }

    /// Notes that nothing is under way any more.
    pub(crate) fn rests(&self) {
        self.resting.store(true, Release);
        self.ended.wake_up_all();
    }
}
