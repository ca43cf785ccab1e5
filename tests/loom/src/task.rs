// SPDX-License-Identifier: GPL-2.0

//! Tasks as the scheduler sees them: running or asleep.

use loom::{
    sync::atomic::{fence, AtomicBool, Ordering},
    thread::{self, Thread},
};
use std::{cell::RefCell, sync::Arc, sync::OnceLock};

/// A task. What is in `std`'s types is no part of what loom looks at.
#[derive(Debug)]
pub(crate) struct Task {
    thread: OnceLock<Thread>,
    asleep: AtomicBool,
    stop: AtomicBool,
}

loom::thread_local! {
    static CURRENT: RefCell<Option<Arc<Task>>> = RefCell::new(None);
}

impl Task {
    /// Creates a task that is to [run](Self::enter).
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            thread: OnceLock::new(),
            asleep: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        })
    }

    /// Makes it the task of the current thread.
    pub(crate) fn enter(self: &Arc<Self>) {
        self.thread.get_or_init(thread::current);
        CURRENT.with(|current| current.replace(Some(self.clone())));
    }

    /// Returns the task of the current thread.
    pub(crate) fn current() -> Arc<Self> {
        let current = CURRENT.with(|current| current.borrow().clone());
        current.unwrap_or_else(|| {
            let task = Self::new();
            task.enter();
            task
        })
    }

    /// As `set_current_state()`.
    pub(crate) fn set_asleep(&self) {
        self.asleep.swap(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// As `__set_current_state(TASK_RUNNING)`.
    pub(crate) fn set_running(&self) {
        self.asleep.swap(false, Ordering::Relaxed);
    }

    /// As `schedule()`.
    pub(crate) fn schedule(&self) {
        while self.asleep.load(Ordering::Relaxed) {
            thread::park();
        }
    }

    /// As `wake_up_process()`; returns whether it was asleep.
    pub(crate) fn wake_up(&self) -> bool {
        fence(Ordering::SeqCst);
        let woken = self.asleep.swap(false, Ordering::Relaxed);
        if woken {
            if let Some(thread) = self.thread.get() {
                thread.unpark();
            }
        }
        woken
    }

    /// As `kthread_should_stop()`.
    pub(crate) fn should_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// As `kthread_stop()`, but does not wait for its end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake_up();
    }
}
