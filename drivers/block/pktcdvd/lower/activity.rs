// SPDX-License-Identifier: GPL-2.0

//! What a drive is busy with for long, as users may ask.

use crate::logic::mmc::progress;
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

/// What a drive is busy with. Any context.
pub(crate) struct Activity(Atomic<u32>);

impl Activity {
    /// A drive that is busy with nothing.
    pub(crate) fn new() -> Self {
        Self(Atomic::new(progress::Activity::None.to_bits()))
    }

    /// Notes what the drive is busy with.
    pub(crate) fn set(&self, activity: progress::Activity) {
        self.0.store(activity.to_bits(), Relaxed);
    }

    /// Returns what the drive is busy with.
    pub(crate) fn get(&self) -> progress::Activity {
        progress::Activity::from_bits(self.0.load(Relaxed))
    }
}
