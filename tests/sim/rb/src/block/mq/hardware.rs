// SPDX-License-Identifier: GPL-2.0

//! The hardware queues of a disk, and who dispatches from them.

use super::raw::Raw;
use crate::{
    block::{
        bio::Command,
        gen_disk::Core, //
    },
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
}

/// Who runs a hardware queue for others.
#[derive(Default)]
struct Worker(Mutex<Work>);

#[derive(Default)]
struct Work {
    /// It is to run the queue.
    scheduled: bool,
    begun: bool,
    /// There is no queue any more.
    over: bool,
    task: Option<sim::Task>,
}

impl Worker {
    fn with<R>(&self, f: impl FnOnce(&mut Work) -> R) -> R {
        f(&mut self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    fn wake(&self) {
        if let Some(task) = self.with(|work| work.task) {
            sim::wake(task);
        }
    }

    /// Has the queue run. Holds nothing of the disk, as an interrupt might have the last reference then.
    fn schedule(self: Shared<Self>, hardware: std::sync::Weak<Hardware>, queue: u32) {
        let begins = self.with(|work| {
            work.scheduled = true;
            !core::mem::replace(&mut work.begun, true)
        });
        self.wake();
        if begins {
            sim::spawn("kblockd", move || self.serve(&hardware, queue));
        }
    }

    /// Runs the queue whenever it is to.
    fn serve(&self, hardware: &std::sync::Weak<Hardware>, queue: u32) {
        self.with(|work| work.task = Some(sim::current()));
        while sim::is_running() {
            let (scheduled, over) =
                self.with(|work| (core::mem::take(&mut work.scheduled), work.over));
            if over {
                return;
            }
            if !scheduled {
                sim::wait("work of kblockd");
            } else if let Some(hardware) = hardware.upgrade() {
                hardware.run(queue);
            }
        }
    }
}

#[derive(Default)]
struct State {
    queues: Vec<Queue>,
    dispatching: usize,
    /// Requests that were started, each with a number of its own, and with who looks after it.
    started: BTreeMap<(u32, u32), (u64, Option<clock::Timer>)>,
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
    workers: Vec<Shared<Worker>>,
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
            workers: (0..queues).map(|_| Shared::default()).collect(),
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
            let (worker, this) = (self.worker(number), self.this.clone());
            clock::after(RESOURCE_DELAY, move || worker.schedule(this, number));
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

    /// Returns how many writes wait that the driver has not taken.
    pub(super) fn writes_waiting(&self) -> usize {
        self.with(|state| {
            let waiting = state.queues.iter().flat_map(|queue| &queue.waiting);
            waiting.filter(|raw| raw.command == Command::Write).count()
        })
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

    fn worker(&self, queue: u32) -> Shared<Worker> {
        let worker = self.workers.get(queue as usize);
        worker.expect("there is such a queue").clone()
    }

    /// Runs a queue in a worker.
    pub(super) fn schedule(&self, queue: u32) {
        self.worker(queue).schedule(self.this.clone(), queue);
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
            state.started.insert((queue, tag), (state.next, None));
            (state.next, state.timeout)
        });
        if self.late.get().is_some() {
            self.watch(queue, tag, number, timeout);
        }
    }

    fn watch(&self, queue: u32, tag: u32, number: u64, timeout: u64) {
        let this = self.this.clone();
        let timer = clock::after(timeout, move || {
            sim::spawn("timeout worker", move || {
                let Some(this) = this.upgrade() else { return };
                let is_late = || this.is_started(queue, tag, number);
                let again = is_late() && this.late.get().is_some_and(|late| late(queue, tag));
                if again && is_late() {
                    this.watch(queue, tag, number, timeout);
                }
            });
        });
        self.with(|state| {
            if let Some(started) = state.started.get_mut(&(queue, tag)) {
                started.1 = Some(timer);
            }
        });
    }

    fn is_started(&self, queue: u32, tag: u32, number: u64) -> bool {
        self.with(|state| {
            let started = state.started.get(&(queue, tag));
            started.is_some_and(|started| started.0 == number)
        })
    }

    /// Notes that a request is not started any more.
    pub(super) fn ended(&self, queue: u32, tag: u32) {
        let started = self.with(|state| state.started.remove(&(queue, tag)));
        if let Some(timer) = started.and_then(|started| started.1) {
            if sim::is_running() {
                clock::cancel(timer);
            }
        }
    }
}

impl Drop for Hardware {
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.with(|work| work.over = true);
            worker.wake();
        }
    }
}

/// A reference to a request queue of a disk with a blk-mq front.
pub struct RequestQueue(Shared<Hardware>, Shared<Core>);

impl RequestQueue {
    pub(crate) fn new(hardware: Shared<Hardware>, core: Shared<Core>) -> Self {
        Self(hardware, core)
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
    pub fn disable_discard(&self) {
        self.1.set(|state| state.limits.max_discard_sectors = 0);
    }

    /// Lets the block layer send no more writes of zeroes.
    pub fn disable_write_zeroes(&self) {
        self.1
            .set(|state| state.limits.max_write_zeroes_sectors = 0);
    }
}
