// SPDX-License-Identifier: GPL-2.0

//! The bell, which wakes a thread that has nothing to do.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Full,
        Release, //
    },
    time::Delta, //
};
use rb::{
    kthread,
    wait::RcuWait, //
};

/// Wakes one thread when there is work. It can be rung in any context, without a lock.
///
/// What is rung while the thread works is heard when it waits next. However often it was rung
/// meanwhile, the thread is woken once; it sees all that was done before.
#[pin_data]
pub struct Bell {
    rung: Atomic<bool>,
    #[pin]
    place: RcuWait,
}

impl Bell {
    /// Returns an initializer for a bell that was not rung.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            rung: Atomic::new(false),
            place <- RcuWait::new(),
        })
    }

    /// Wakes the thread, now or when it next waits.
    #[inline]
    pub fn ring(&self) {
        self.rung.store(true, Release);
        self.place.wake_up();
    }

    /// Sleeps until the bell rings, the thread is to stop, or `timeout` has passed, if there is one.
    ///
    /// Returns false if the thread is to stop, and the bell has not rung.
    #[inline]
    pub fn wait(&self, timeout: Option<Delta>) -> bool {
        self.wait_or(timeout, || false)
    }

    /// As [`Bell::wait`], but also returns when the thread is to freeze.
    #[inline]
    pub fn wait_or_freeze(&self, timeout: Option<Delta>) -> bool {
        self.wait_or(timeout, kthread::should_freeze)
    }

    fn wait_or(&self, timeout: Option<Delta>, other: impl Fn() -> bool) -> bool {
        let mut stop = false;

        self.place.wait_event_idle_timeout(timeout, || {
            // If two tasks ring at once, only the ring of the last one is read. The barriers here and in
            // `ring` make the thread see what the other task has done, too.
            self.rung.xchg(false, Full) || {
                stop = kthread::should_stop();
                stop || other()
            }
        });
        !stop
    }
}
