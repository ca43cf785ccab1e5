// SPDX-License-Identifier: GPL-2.0

//! Kernel threads.

use kernel::{
    prelude::*,
    sim::{
        self,
        Task, //
    },
    sync::Arc, //
};
use std::{
    cell::RefCell,
    collections::BTreeSet, //
};

thread_local! {
    /// Threads that were asked to stop.
    static STOPPING: RefCell<BTreeSet<Task>> = const { RefCell::new(BTreeSet::new()) };
}

/// What a [`Thread`] runs.
pub trait Run: Send + Sync + 'static {
    /// The body of the thread.
    fn run(&self);
}

/// Returns whether the thread that calls this has been asked to stop.
pub fn should_stop() -> bool {
    sim::point();
    sim::is_running() && STOPPING.with(|tasks| tasks.borrow().contains(&sim::current()))
}

/// Forgets what the last run has left.
pub(crate) fn reset() {
    STOPPING.with(|tasks| tasks.borrow_mut().clear());
}

/// Has the thread that calls this take part in the sleep of the system.
pub fn set_freezable() {}

/// Returns whether the thread that calls this is to [`freeze`].
pub fn should_freeze() -> bool {
    false
}

/// Sleeps until the system has slept.
pub fn freeze() -> bool {
    false
}

/// A kernel thread that is stopped when this is dropped.
pub struct Thread<T: Run> {
    task: Task,
    data: Arc<T>,
}

impl<T: Run> Thread<T> {
    /// Creates a thread, and lets it run.
    pub fn spawn(name: &CStr, _nice: i8, data: Arc<T>) -> Result<Self> {
        sim::might_sleep("creating a thread");
        if !sim::faults::allocate(sim::faults::Allocation::Kernel) {
            return Err(ENOMEM);
        }
        let body = data.clone();
        let task = sim::spawn(&name.to_string_lossy(), move || {
            // Threads of drivers carry out I/O.
            let _section = sim::io_path("a thread of a driver");
            body.run();
        });
        Ok(Self { task, data })
    }

    /// Makes the thread one for batches of work.
    pub fn set_batch(&self, _nice: i8) {}

    /// Returns what the thread runs on.
    pub fn data(&self) -> &Arc<T> {
        &self.data
    }
}

impl<T: Run> Drop for Thread<T> {
    fn drop(&mut self) {
        sim::might_sleep("stopping a thread");
        STOPPING.with(|tasks| tasks.borrow_mut().insert(self.task));
        sim::wake(self.task);
        sim::exited(self.task);
    }
}
