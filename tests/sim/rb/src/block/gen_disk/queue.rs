// SPDX-License-Identifier: GPL-2.0

//! Who is in a queue, and freezing it.

use crate::{
    block::error::{
        BlkError,
        BlkResult, //
    },
    new_wait_queue,
    wait::WaitQueue, //
};
use kernel::{
    prelude::*,
    sim,
    time::Delta, //
};
use std::sync::Mutex;

#[derive(Default)]
struct State {
    users: usize,
    frozen: usize,
    dead: bool,
}

/// The door of a queue.
#[pin_data]
pub(crate) struct Queue {
    state: Mutex<State>,
    #[pin]
    wait: WaitQueue,
}

impl Queue {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            state: Mutex::default(),
            wait <- new_wait_queue!("a frozen queue"),
        })
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        sim::point();
        f(&mut self
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// Enters, as I/O does.
    pub(crate) fn enter(&self, nowait: bool) -> BlkResult {
        loop {
            let entered = self.with(|state| {
                if state.dead {
                    return Some(Err(BlkError::IOERR));
                }
                if state.frozen != 0 {
                    return nowait.then_some(Err(BlkError::AGAIN));
                }
                state.users += 1;
                Some(Ok(()))
            });
            if let Some(result) = entered {
                return result;
            }
            self.wait
                .wait_event(|| self.with(|state| state.frozen == 0 || state.dead));
        }
    }

    /// Leaves.
    pub(crate) fn exit(&self) {
        let idle = self.with(|state| {
            state.users = state.users.checked_sub(1).expect("an IO ends twice");
            state.users == 0
        });
        if idle {
            self.wait.wake_up_all();
        }
    }

    /// Lets nobody enter, and waits until nobody is in.
    pub(crate) fn freeze(&self) {
        sim::might_sleep("freezing a queue");
        sim::lockdep::acquire("a frozen queue", ::core::ptr::from_ref(self).addr(), false);
        self.with(|state| state.frozen += 1);
        self.wait.wait_event(|| self.with(|state| state.users == 0));
    }

    /// As [`Queue::freeze`], for at most so many nanoseconds; returns whether nobody is in.
    pub(crate) fn freeze_within(&self, nanos: u64) -> bool {
        sim::might_sleep("freezing a queue");
        sim::lockdep::acquire("a frozen queue", ::core::ptr::from_ref(self).addr(), false);
        self.with(|state| state.frozen += 1);
        let until = sim::clock::now().saturating_add(nanos);
        loop {
            let left = until.saturating_sub(sim::clock::now());
            let left = Delta::from_nanos(i64::try_from(left).unwrap_or(i64::MAX));
            let idle = || self.with(|state| state.users == 0);
            if self.wait.wait_event_idle_timeout(Some(left), idle) {
                return true;
            }
            if sim::clock::now() >= until {
                self.unfreeze();
                return false;
            }
        }
    }

    pub(crate) fn unfreeze(&self) {
        self.with(|state| state.frozen -= 1);
        sim::lockdep::release("a frozen queue", ::core::ptr::from_ref(self).addr());
        self.wait.wake_up_all();
    }

    /// Refuses all who come, and waits until nobody is in.
    pub(crate) fn kill(&self) {
        self.with(|state| state.dead = true);
        self.wait.wake_up_all();
        self.wait.wait_event(|| self.with(|state| state.users == 0));
    }
}
