// SPDX-License-Identifier: GPL-2.0

//! Waiting for something that somebody else does.

use kernel::{
    prelude::*,
    sim::{
        self,
        Task, //
    },
    sync::LockClassKey,
    time::Delta, //
};
use std::sync::Mutex;

/// A queue of tasks that wait for a condition.
pub struct WaitQueue {
    name: &'static CStr,
    waiters: Mutex<Vec<Task>>,
}

/// Creates a [`WaitQueue`] initializer.
#[macro_export]
macro_rules! new_wait_queue {
    ($name:literal) => {
        $crate::wait::WaitQueue::new(kernel::c_str!($name), kernel::static_lock_class!())
    };
}
pub use new_wait_queue;

impl WaitQueue {
    /// Returns an initializer for an empty queue.
    pub fn new(name: &'static CStr, _key: Pin<&'static LockClassKey>) -> impl PinInit<Self> {
        Self {
            name,
            waiters: Mutex::default(),
        }
    }

    fn with<R>(&self, f: impl FnOnce(&mut Vec<Task>) -> R) -> R {
        f(&mut self
            .waiters
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// Wakes all waiters.
    pub fn wake_up_all(&self) {
        sim::point();
        for waiter in self.with(core::mem::take) {
            sim::wake(waiter);
        }
        sim::point();
    }

    /// Sleeps, uninterruptibly, until `condition` holds.
    pub fn wait_event(&self, condition: impl FnMut() -> bool) {
        self.wait(None, condition);
    }

    /// Sleeps until `condition` holds, or a signal comes.
    pub fn wait_event_interruptible(&self, condition: impl FnMut() -> bool) -> Result {
        self.wait(None, condition);
        Ok(())
    }

    /// Sleeps until `condition` holds; at most for `timeout`, or until the next wake-up.
    pub fn wait_event_idle_timeout(
        &self,
        timeout: Option<Delta>,
        condition: impl FnMut() -> bool,
    ) -> bool {
        self.wait(timeout, condition)
    }

    fn wait(&self, timeout: Option<Delta>, mut condition: impl FnMut() -> bool) -> bool {
        sim::might_sleep("waiting for an event");
        let name: &'static str = self.name.to_str().unwrap_or("an event");
        let mut slept = false;

        loop {
            sim::point();
            let me = sim::is_running().then(sim::current);
            if let Some(me) = me {
                self.with(|waiters| {
                    if !waiters.contains(&me) {
                        waiters.push(me);
                    }
                });
            }
            let section = sim::atomic("the condition of a wait");
            let result = condition();
            drop(section);
            if result || slept || me.is_none() || std::thread::panicking() {
                self.with(|waiters| waiters.retain(|waiter| Some(*waiter) != me));
                return result;
            }
            // Who was woken meanwhile does not sleep, even if a lock of the condition has taken the wake-up.
            if self.with(|waiters| waiters.iter().any(|waiter| Some(*waiter) == me)) {
                sleep(name, timeout);
            }
            slept = timeout.is_some();
        }
    }
}

/// A place for a single waiter.
pub struct RcuWait {
    queue: WaitQueue,
}

impl RcuWait {
    /// Returns an initializer for a place where nobody waits.
    pub fn new() -> impl PinInit<Self> {
        Self {
            queue: WaitQueue {
                name: c"RcuWait",
                waiters: Mutex::default(),
            },
        }
    }

    /// Wakes the waiter, if there is one.
    pub fn wake_up(&self) {
        self.queue.wake_up_all();
    }

    /// Sleeps until `condition` holds.
    pub fn wait_event_idle(&self, condition: impl FnMut() -> bool) {
        self.queue.wait(None, condition);
    }

    /// Sleeps until `condition` holds; at most for `timeout`, or until the next wake-up.
    pub fn wait_event_idle_timeout(
        &self,
        timeout: Option<Delta>,
        condition: impl FnMut() -> bool,
    ) -> bool {
        self.queue.wait(timeout, condition)
    }
}

fn sleep(what: &'static str, timeout: Option<Delta>) {
    match timeout {
        None => sim::wait(what),
        Some(timeout) => {
            let nanos = timeout.as_nanos().max(0).unsigned_abs();
            sim::clock::wait_until(what, sim::clock::now().saturating_add(nanos));
        }
    }
}
