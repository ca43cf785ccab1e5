// SPDX-License-Identifier: GPL-2.0

//! What the files use of `rb::wait`, with the steps of the C functions below.

use crate::{prelude::PinInit, task::Task, time::Delta};
use loom::sync::{
    atomic::{fence, AtomicBool, Ordering},
    Mutex,
};
use std::sync::Arc;

/// A queue of tasks that wait for a condition.
#[derive(Debug, Default)]
pub struct WaitQueue(Mutex<Vec<Arc<Task>>>);

/// Creates a [`WaitQueue`].
#[macro_export]
macro_rules! new_wait_queue {
    ($name:literal) => {
        $crate::wait::WaitQueue::default()
    };
}

impl WaitQueue {
    /// Wakes all waiters.
    pub fn wake_up_all(&self) {
        self.0.lock().unwrap().retain(|task| !task.wake_up());
    }

    /// Sleeps until `condition` holds.
    pub fn wait_event(&self, condition: impl FnMut() -> bool) {
        self.wait_event_idle_timeout(None, condition);
    }

    /// Sleeps until `condition` holds; once at most, if there is a timeout.
    pub fn wait_event_idle_timeout(
        &self,
        timeout: Option<Delta>,
        mut condition: impl FnMut() -> bool,
    ) -> bool {
        let task = Task::current();
        let is_it = |other: &Arc<Task>| Arc::ptr_eq(other, &task);
        let mut slept = false;
        let result = loop {
            let mut queue = self.0.lock().unwrap();
            if !queue.iter().any(is_it) {
                queue.push(task.clone());
            }
            task.set_asleep();
            drop(queue);

            let result = condition();
            if result || slept {
                break result;
            }
            if timeout.is_none() {
                task.schedule();
            }
            slept = timeout.is_some();
        };
        task.set_running();
        self.0.lock().unwrap().retain(|other| !is_it(other));
        result
    }
}

/// A place where one task waits.
#[derive(Debug)]
pub struct RcuWait {
    /// Whether there is a task.
    taken: AtomicBool,
    /// Which.
    task: std::sync::Mutex<Option<Arc<Task>>>,
}

impl RcuWait {
    /// A place where nobody waits.
    pub fn new() -> impl PinInit<Self> {
        Self {
            taken: AtomicBool::new(false),
            task: std::sync::Mutex::new(None),
        }
    }

    /// Wakes the waiter, if there is one.
    pub fn wake_up(&self) {
        fence(Ordering::SeqCst);
        if self.taken.load(Ordering::Acquire) {
            let task = self.task.lock().unwrap().clone();
            task.unwrap().wake_up();
        }
    }

    /// Sleeps until `condition` holds.
    pub fn wait_event_idle(&self, condition: impl FnMut() -> bool) {
        self.wait_event_idle_timeout(None, condition);
    }

    /// Sleeps until `condition` holds; once at most, if there is a timeout.
    pub fn wait_event_idle_timeout(
        &self,
        timeout: Option<Delta>,
        mut condition: impl FnMut() -> bool,
    ) -> bool {
        let task = Task::current();
        *self.task.lock().unwrap() = Some(task.clone());
        self.taken.store(true, Ordering::Release);
        let mut slept = false;
        let result = loop {
            task.set_asleep();
            let result = condition();
            if result || slept {
                break result;
            }
            if timeout.is_none() {
                task.schedule();
            }
            slept = timeout.is_some();
        };
        self.taken.store(false, Ordering::Release);
        task.set_running();
        result
    }
}
