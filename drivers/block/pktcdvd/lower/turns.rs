// SPDX-License-Identifier: GPL-2.0

//! Waiting for something that a thread of the driver brings about.

use kernel::{
    current,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        Arc, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    },
};
use rb::{
    kthread,
    new_wait_queue,
    wait::WaitQueue, //
};

/// How often a waiting task checks whether to give up.
const SLICE: Delta = Delta::from_millis(500);

/// The tasks that wait until a session has ended, or the cache of the drive was flushed.
#[pin_data]
pub(crate) struct Turns {
    /// Changes each time.
    count: Atomic<u32>,
    #[pin]
    wait: WaitQueue,
}

impl Turns {
    /// Creates one for which nobody waits.
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                count: Atomic::new(0),
                wait <- new_wait_queue!("pktcdvd::Turns"),
            }),
            GFP_KERNEL,
        )
    }

    /// Wakes all tasks in [`Turns::wait`].
    pub(crate) fn turn(&self) {
        self.count.fetch_add(1, Release);
        self.wait.wake_up_all();
    }

    /// Waits until `done` returns true, up to the time `until`. Returns whether it did.
    ///
    /// Gives up earlier if the system is about to sleep, and with `by_signal` after a signal.
    /// Process context.
    pub(crate) fn wait(
        &self,
        until: Instant<Monotonic>,
        by_signal: bool,
        mut done: impl FnMut() -> bool,
    ) -> bool {
        loop {
            let turn = self.count.load(Acquire);
            if done() {
                return true;
            }
            let left = until - Instant::now();
            let gives_up = kthread::should_freeze() || (by_signal && current!().signal_pending());
            if gives_up || left.is_negative() {
                return false;
            }
            self.wait
                .wait_event_idle_timeout(Some(left.min(SLICE)), || {
                    self.count.load(Acquire) != turn
                });
        }
    }
}
