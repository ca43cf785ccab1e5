// SPDX-License-Identifier: GPL-2.0

//! Pools of bios.

use super::inflight::{
    Inflight,
    InflightGuard, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// A pool of bios for clones and flushes.
#[pin_data(PinnedDrop)]
pub struct BioSet {
    inflight: Arc<Inflight>,
}

impl BioSet {
    /// Returns an initializer for a pool that keeps `reserved` bios back.
    pub fn new(_reserved: u32) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            inflight: Inflight::new()?,
        }? Error)
    }

    /// Counts a user of bios of the pool, until the guard is dropped.
    pub(super) fn begin_use(&self) -> InflightGuard {
        Inflight::begin(&self.inflight)
    }
}

#[pinned_drop]
impl PinnedDrop for BioSet {
    fn drop(self: Pin<&mut Self>) {
        self.inflight.wait();
    }
}
