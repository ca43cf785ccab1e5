// SPDX-License-Identifier: GPL-2.0

//! Work queues of one's own, which drain before they go.

use crate::{
    new_wait_queue,
    wait::WaitQueue, //
};
use kernel::{
    alloc::{
        AllocError,
        Flags as AllocFlags, //
    },
    impl_flags,
    prelude::*,
    sim::{
        self,
        context::{
            enter,
            Kind, //
        }, //
    },
    sync::Arc,
    workqueue::{
        Queued,
        RawWorkItem, //
    },
};
use std::{
    collections::VecDeque,
    sync::Mutex, //
};

impl_flags!(
    /// Properties of a queue.
    #[derive(Debug, Clone, Default, Copy, PartialEq, Eq)]
    pub struct Flags(u32);

    /// A property of a queue.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Flag {
        /// Work runs on every CPU.
        Unbound = 1,
        /// Work may be needed to get memory back.
        MemReclaim = 2,
        /// Work runs before that of others.
        HighPri = 4,
        /// Work stops when the system is suspended.
        Freezable = 8,
    }
);

/// Most work at a time, if nothing else is said.
const USUAL: u32 = 8;

#[derive(Default)]
struct State {
    queued: VecDeque<Queued>,
    workers: u32,
}

#[pin_data]
struct Shared {
    state: Mutex<State>,
    most: u32,
    for_reclaim: bool,
    #[pin]
    idle: WaitQueue,
}

/// A work queue that belongs to the one who made it.
pub struct OwnedQueue(Arc<Shared>);

impl Shared {
    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// Runs work until there is none.
    fn work(&self) {
        let what = "work that memory may wait for";
        let _sections = self
            .for_reclaim
            .then(|| [Kind::IoPath, Kind::Reclaim].map(|kind| enter(kind, what)));
        while let Some(queued) = self.next() {
            queued.run();
        }
        self.idle.wake_up_all();
    }

    /// Takes the next work, or ends the worker. What somebody runs already is left to him.
    fn next(&self) -> Option<Queued> {
        sim::point();
        self.with(|state| {
            let at = state.queued.iter().position(Queued::begin);
            let queued = at.and_then(|at| state.queued.remove(at));
            state.workers -= u32::from(queued.is_none());
            queued
        })
    }
}

impl OwnedQueue {
    /// Makes a queue that runs up to `max_active` of its work at a time.
    pub fn new(_name: &CStr, flags: impl Into<Flags>, max_active: u32) -> Result<Self> {
        sim::might_sleep("making a work queue");
        let most = if max_active == 0 { USUAL } else { max_active };
        let for_reclaim = flags.into().contains(Flag::MemReclaim);
        let shared = pin_init!(Shared {
            state: Mutex::default(),
            most,
            for_reclaim,
            idle <- new_wait_queue!("work"),
        });
        Ok(Self(Arc::pin_init(shared, GFP_KERNEL)?))
    }

    /// Queues a work item; fails if it is queued, and not yet running, somewhere.
    pub fn enqueue<W, const ID: u64>(&self, work: W) -> W::EnqueueOutput
    where
        W: RawWorkItem<ID> + 'static,
    {
        sim::point();
        let (output, queued) = work.queue();
        if let Some(queued) = queued {
            self.push(queued);
        }
        output
    }

    /// Queues a function. Fails if there is no memory for it.
    pub fn try_spawn<F: FnOnce() + Send + 'static>(
        &self,
        flags: AllocFlags,
        f: F,
    ) -> Result<(), AllocError> {
        kernel::alloc::charge(flags)?;
        self.push(Queued::new(f));
        Ok(())
    }

    fn push(&self, queued: Queued) {
        self.handle().push(queued);
    }

    /// Returns a way to queue work on the queue, which may go then.
    pub(crate) fn handle(&self) -> Handle {
        Handle(self.0.clone())
    }

    /// Waits for all work.
    pub fn flush(&self) {
        sim::might_sleep("flushing a work queue");
        self.0
            .idle
            .wait_event(|| self.0.with(|state| state.workers == 0));
    }
}

/// What work is queued with.
pub(crate) struct Handle(Arc<Shared>);

impl Handle {
    /// Returns whether the queue has a thread even when there is no memory.
    pub(crate) fn is_for_reclaim(&self) -> bool {
        self.0.for_reclaim
    }

    /// Queues work.
    pub(crate) fn push(&self, queued: Queued) {
        // Without memory there are no more threads: what is for reclaim has one that it can count on.
        let dry = self.0.for_reclaim && sim::faults::is_dry();
        let most = if dry { 1 } else { self.0.most };
        let starts = self.0.with(|state| {
            state.queued.push_back(queued);
            let starts = state.workers < most;
            state.workers += u32::from(starts);
            starts
        });
        if starts {
            let shared = self.0.clone();
            sim::spawn("kworker", move || shared.work());
        }
    }
}

impl Drop for OwnedQueue {
    fn drop(&mut self) {
        self.flush();
    }
}
