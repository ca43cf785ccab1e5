// SPDX-License-Identifier: GPL-2.0

//! The hardware queues of a disk, and who dispatches from them.

use super::raw::Raw;
use crate::{
    new_wait_queue,
    wait::WaitQueue, //
};
use kernel::{
    prelude::*,
    sim::{
        self,
        clock, //
    },
};
use std::{
    collections::{
        BTreeMap,
        VecDeque, //
    },
    sync::{
        Arc as Shared,
        Mutex,
        OnceLock, //
    },
};

/// After how long a request is tried again for which something was short.
const RESOURCE_DELAY: u64 = 3_000_000;

type Dispatch = Box<dyn Fn(u32) + Send + Sync>;
type Late = Box<dyn Fn(u32, u32) -> bool + Send + Sync>;

/// A hardware queue.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Box<Raw>>,
    /// Whether the next request that ends lets the queue run.
    restart: bool,
    /// Whether a worker will run the queue.
    scheduled: bool,
}

#[derive(Default)]
struct State {
    queues: Vec<Queue>,
    dispatching: usize,
    /// Requests that were started, each with a number of its own.
    started: BTreeMap<(u32, u32), u64>,
    next: u64,
    timeout: u64,
}

/// The hardware queues of a disk.
pub(crate) struct Hardware {
    state: Mutex<State>,
    idle: Pin<KBox<WaitQueue>>,
    dispatch: OnceLock<Dispatch>,
    /// Asks the driver about a request that is late; returns whether it may take as long again.
    late: OnceLock<Late>,
    this: std::sync::Weak<Self>,
    depth: u32,
}

impl Hardware {
    pub(super) fn new(queues: u32, depth: u32) -> Result<Shared<Self>> {
        let idle = KBox::pin_init(new_wait_queue!("those who dispatch"), GFP_KERNEL)?;
        let state = State {
            queues: (0..queues).map(|_| Queue::default()).collect(),
            timeout: 30_000_000_000,
            ..State::default()
        };
        Ok(Shared::new_cyclic(|this| Self {
            state: Mutex::new(state),
            idle,
            dispatch: OnceLock::new(),
            late: OnceLock::new(),
            this: this.clone(),
            depth,
        }))
    }

    pub(super) fn set_up(&self, dispatch: Dispatch, late: Option<Late>) {
        let _ = self.dispatch.set(dispatch);
        if let Some(late) = late {
            let _ = self.late.set(late);
        }
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    fn queue<R>(&self, queue: u32, f: impl FnOnce(&mut Queue) -> R) -> R {
        self.with(|state| {
            f(state
                .queues
                .get_mut(queue as usize)
                .expect("there is such a queue"))
        })
    }

    /// Queues a request; `first` for one that comes back.
    pub(super) fn push(&self, raw: Box<Raw>, first: bool) {
        let queue = raw.queue;
        self.queue(queue, |queue| {
            if first {
                queue.waiting.push_front(raw);
            } else {
                queue.waiting.push_back(raw);
            }
        });
        if first {
            self.schedule(queue);
        }
    }

    /// Takes the next request, and tells whether it is the last one for now.
    pub(super) fn pop(&self, queue: u32) -> Option<(Box<Raw>, bool)> {
        sim::point();
        self.queue(queue, |queue| {
            let raw = queue.waiting.pop_front()?;
            queue.restart = true;
            Some((raw, queue.waiting.is_empty()))
        })
    }

    /// Puts a request back that the driver has no room for.
    pub(super) fn put_back(&self, raw: Box<Raw>, is_short: bool) {
        sim::point();
        let number = raw.queue;
        let waits = self.queue(number, |queue| {
            queue.waiting.push_front(raw);
            queue.restart
        });
        if !waits {
            self.schedule(number);
        } else if is_short {
            if let Some(this) = self.this.upgrade() {
                clock::after(RESOURCE_DELAY, move || this.schedule(number));
            }
        }
    }

    /// Lets a queue run in which something waits, as one of its requests has ended.
    pub(super) fn restart(&self, queue: u32) {
        let runs = self.queue(queue, |queue| {
            core::mem::take(&mut queue.restart) && !queue.waiting.is_empty()
        });
        if runs {
            self.schedule(queue);
        }
    }

    /// Runs a queue in the context of the caller.
    pub(super) fn run(&self, queue: u32) {
        sim::point();
        if self.queue(queue, |queue| queue.waiting.is_empty()) {
            return;
        }
        self.with(|state| state.dispatching += 1);
        if let Some(dispatch) = self.dispatch.get() {
            dispatch(queue);
        }
        let idle = self.with(|state| {
            state.dispatching -= 1;
            state.dispatching == 0
        });
        if idle {
            self.idle.wake_up_all();
        }
    }

    /// Runs a queue in a worker.
    pub(super) fn schedule(&self, number: u32) {
        let Some(this) = self.this.upgrade() else {
            return;
        };
        if !self.queue(number, |queue| {
            core::mem::replace(&mut queue.scheduled, true)
        }) {
            sim::spawn("kblockd", move || {
                this.queue(number, |queue| queue.scheduled = false);
                this.run(number);
            });
        }
    }

    /// Waits until nobody dispatches.
    pub(crate) fn wait_for_dispatch(&self) {
        self.idle
            .wait_event(|| self.with(|state| state.dispatching == 0));
    }

    /// Notes that a request was started, and looks after it.
    pub(super) fn started(&self, queue: u32, tag: u32) {
        let (number, timeout) = self.with(|state| {
            state.next += 1;
            state.started.insert((queue, tag), state.next);
            (state.next, state.timeout)
        });
        if self.late.get().is_some() {
            self.watch(queue, tag, number, timeout);
        }
    }

    fn watch(&self, queue: u32, tag: u32, number: u64, timeout: u64) {
        let this = self.this.clone();
        clock::after(timeout, move || {
            let Some(this) = this.upgrade() else { return };
            let is_late = move |this: &Self| {
                this.with(|state| state.started.get(&(queue, tag)) == Some(&number))
            };
            if !is_late(&this) {
                return;
            }
            sim::spawn("timeout worker", move || {
                let again = is_late(&this) && this.late.get().is_some_and(|late| late(queue, tag));
                if again && is_late(&this) {
                    this.watch(queue, tag, number, timeout);
                }
            });
        });
    }

    /// Notes that a request is not started any more.
    pub(super) fn ended(&self, queue: u32, tag: u32) {
        self.with(|state| state.started.remove(&(queue, tag)));
    }
}

/// A reference to a request queue of a disk with a blk-mq front.
pub struct RequestQueue(Shared<Hardware>);

impl RequestQueue {
    pub(crate) fn new(hardware: Shared<Hardware>) -> Self {
        Self(hardware)
    }

    /// Lets the hardware queues dispatch what waits for it, in the context of a worker.
    pub fn run_hw_queues(&self) {
        sim::point();
        for queue in 0..self.0.with(|state| state.queues.len() as u32) {
            if self.0.queue(queue, |queue| !queue.waiting.is_empty()) {
                self.0.schedule(queue);
            }
        }
    }

    /// Returns how many requests of each kind of hardware queue there are at a time.
    pub fn async_depth(&self) -> u32 {
        sim::point();
        self.0.depth
    }

    /// Sets how long a started request may take.
    pub fn set_timeout(&self, seconds: u32) {
        self.0
            .with(|state| state.timeout = u64::from(seconds).saturating_mul(1_000_000_000));
    }

    /// Lets the block layer send no more discards.
    pub fn disable_discard(&self) {}

    /// Lets the block layer send no more writes of zeroes.
    pub fn disable_write_zeroes(&self) {}
}
