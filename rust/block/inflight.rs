// SPDX-License-Identifier: GPL-2.0

//! Counting what is in flight, so that what it uses can wait for it.

use crate::{
    new_wait_queue,
    wait::WaitQueue, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

/// How many users of something have not completed.
#[pin_data]
pub(super) struct Inflight {
    count: Atomic<usize>,
    /// Whether somebody waits, or has waited: others need not be woken.
    waits: Atomic<bool>,
    #[pin]
    idle: WaitQueue,
}

impl Inflight {
    /// Creates a count of zero.
    pub(super) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                count: Atomic::new(0),
                waits: Atomic::new(false),
                idle <- new_wait_queue!("rb::Inflight::idle"),
            }),
            GFP_KERNEL,
        )
    }

    /// Counts one more user, until the guard is dropped. Any context.
    #[inline]
    pub(super) fn begin(this: &Arc<Self>) -> InflightGuard {
        this.count.fetch_add(1, Relaxed);
        InflightGuard(this.clone())
    }

    /// Sleeps until there is no user. Nobody may begin meanwhile.
    pub(super) fn wait(&self) {
        // Whoever does not see this afterwards, in `drop`, has gone down with the count before.
        self.waits.xchg(true, Full);
        self.idle.wait_event(|| self.count.load(Acquire) == 0);
    }
}

/// One user that has not completed. Dropped in any context.
///
/// It keeps the count alive by itself: the waiter may be gone before the last user has returned
/// from waking it.
pub(super) struct InflightGuard(Arc<Inflight>);

impl Drop for InflightGuard {
    #[inline]
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Full) == 1 && self.0.waits.load(Relaxed) {
            self.0.idle.wake_up_all();
        }
    }
}
