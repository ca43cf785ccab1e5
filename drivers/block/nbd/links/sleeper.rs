// SPDX-License-Identifier: GPL-2.0

//! How the threads of a connection sleep.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Full,
        Release, //
    },
};
use rb::{
    kthread,
    wait::RcuWait, //
};

/// A thread that sleeps until it is woken.
#[pin_data]
pub(crate) struct Sleeper {
    woken: Atomic<bool>,
    #[pin]
    place: RcuWait,
}

impl Sleeper {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            woken: Atomic::new(false),
            place <- RcuWait::new(),
        })
    }

    /// Callable under the I/O lock.
    pub(crate) fn wake(&self) {
        self.woken.store(true, Release);
        self.place.wake_up();
    }

    /// Sleeps until woken since the last time that this returned, or asked to stop: then it returns
    /// false.
    pub(crate) fn sleep(&self) -> bool {
        let mut stop = false;
        self.place.wait_event_idle(|| {
            self.woken.xchg(false, Full) || {
                stop = kthread::should_stop();
                stop
            }
        });
        !stop
    }
}
