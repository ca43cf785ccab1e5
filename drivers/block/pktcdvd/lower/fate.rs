// SPDX-License-Identifier: GPL-2.0

//! Whether a lower device is still there.

use common::bell::Bell;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};
use rb::block::bdev::Watcher;

/// Whether a lower device and its medium are still there. Rings the bell when they go.
pub(crate) struct Fate {
    gone: Atomic<bool>,
    bell: Arc<Bell>,
}

impl Fate {
    /// Creates one for a device that is about to be opened.
    pub(crate) fn new(bell: &Arc<Bell>) -> Result<Arc<Self>> {
        Ok(Arc::new(
            Self {
                gone: Atomic::new(false),
                bell: bell.clone(),
            },
            GFP_KERNEL,
        )?)
    }

    /// Returns whether it is gone. Any context.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }
}

impl Watcher for Fate {
    fn device_gone(&self) {
        self.gone.store(true, Relaxed);
        self.bell.ring();
    }
}
