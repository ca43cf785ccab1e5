// SPDX-License-Identifier: GPL-2.0

//! The bell, which wakes the thread of a device.

use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Release, //
    },
    sync::Arc,
    time::Delta, //
};
use rb::{
    block::page_bio::Completion,
    kthread,
    new_wait_queue,
    wait::WaitQueue, //
};

/// Tells the thread of a device that there is work. It can be rung in any context, without a lock.
#[pin_data]
pub(crate) struct Bell {
    rung: Atomic<bool>,
    #[pin]
    wait: WaitQueue,
}

impl Bell {
    /// Creates a bell.
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                rung: Atomic::new(false),
                wait <- new_wait_queue!("pktcdvd::Bell"),
            }),
            GFP_KERNEL,
        )
    }

    /// Wakes the thread, now or when it next sleeps.
    pub(crate) fn ring(&self) {
        self.rung.store(true, Release);
        self.wait.wake_up_all();
    }

    /// Sleeps until the bell rings, the thread is to stop, or `timeout` has passed.
    pub(crate) fn wait(&self, timeout: Option<Delta>) {
        self.wait.wait_event_idle_timeout(timeout, || {
            self.rung.xchg(false, Acquire) || kthread::should_stop()
        });
    }

    /// As [`Bell::wait`], but also returns when the thread is to freeze.
    pub(crate) fn wait_or_pause(&self, timeout: Option<Delta>) {
        self.wait.wait_event_idle_timeout(timeout, || {
            self.rung.xchg(false, Acquire) || kthread::should_stop() || kthread::should_freeze()
        });
    }
}

/// Rings the bell when the IO of a packet has completed.
pub(crate) struct RingBell(pub(crate) Arc<Bell>);

impl Completion for RingBell {
    fn completed(&self) {
        self.0.ring();
    }
}
