// SPDX-License-Identifier: GPL-2.0

//! What the files use of `rb::kthread`.

use crate::task::Task;
use loom::thread::{self, JoinHandle};
use std::sync::Arc;

/// Returns whether the thread that calls this has been asked to stop.
pub fn should_stop() -> bool {
    Task::current().should_stop()
}

/// Returns whether the thread that calls this is to freeze: no system sleeps here.
pub fn should_freeze() -> bool {
    false
}

/// A kernel thread that is stopped when this is dropped.
#[derive(Debug)]
pub struct Thread {
    task: Arc<Task>,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    /// Lets a thread run `body`.
    pub fn spawn(body: impl FnOnce() + 'static) -> Self {
        let task = Task::new();
        let runs = task.clone();
        let handle = thread::spawn(move || {
            runs.enter();
            body();
        });
        Self {
            task,
            handle: Some(handle),
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.task.stop();
        if let Some(handle) = self.handle.take() {
            handle.join().unwrap();
        }
    }
}
