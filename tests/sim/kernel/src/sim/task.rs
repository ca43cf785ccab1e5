// SPDX-License-Identifier: GPL-2.0

//! Tasks.

use super::{
    context::might_sleep,
    identity::{
        current_index,
        shuttle_index,
        Task,
        UNKNOWN, //
    },
    points::point,
    report::violation,
    schedule,
    state::{
        is_running,
        with,
        Info, //
    },
};
use std::panic::{
    catch_unwind,
    AssertUnwindSafe, //
};

impl Task {
    /// Returns whether somebody has sent it a signal; nobody does.
    pub fn signal_pending(self) -> bool {
        point();
        false
    }
}

/// Starts a task.
pub fn spawn(name: &str, body: impl FnOnce() + 'static) -> Task {
    point();
    let task = with(|sim| {
        sim.tasks.push(Info::new(name));
        sim.schedule.woken();
        Task(sim.tasks.len() - 1)
    });
    let body = Portable(body);
    shuttle::thread::spawn(move || {
        let body = body;
        note_number(shuttle_index(), task);
        let result = catch_unwind(AssertUnwindSafe(body.0));
        if let Err(payload) = result {
            let text = payload
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| {
                    payload
                        .downcast_ref::<&str>()
                        .map(|text| (*text).to_owned())
                })
                .unwrap_or_default();
            violation(&format!("panic: {text}"));
        }
        end(task);
    });
    point();
    task
}

/// Notes which number shuttle has given to a task.
fn note_number(number: usize, task: Task) {
    with(|sim| {
        let ids = &mut sim.ids;
        ids.resize(ids.len().max(number + 1), UNKNOWN);
        if let Some(place) = ids.get_mut(number) {
            *place = task.0;
        }
    });
}

/// Tasks of a simulation share one thread of the host, so that what they are given need not be
/// `Send`.
struct Portable<F>(F);

// SAFETY: shuttle runs all tasks of a run on the thread that has begun the run, and so this is made,
// used and dropped on one thread.
#[allow(unsafe_code)]
unsafe impl<F> Send for Portable<F> {}

fn end(task: Task) {
    let joiners = with(|sim| {
        let info = sim.tasks.get_mut(task.0)?;
        info.done = true;
        let held = info.context.leftovers();
        Some((core::mem::take(&mut info.joiners), held))
    });
    if let Some((joiners, held)) = joiners {
        if let Some(held) = held {
            violation(&format!("the task ends and still has {held}"));
        }
        for joiner in joiners {
            wake(Task(joiner));
        }
    }
}

/// Returns whether a task has ended.
fn is_done(task: Task) -> bool {
    with(|sim| sim.tasks.get(task.0).is_none_or(|info| info.done))
}

/// Waits until a task has ended.
pub fn exited(task: Task) {
    might_sleep("waiting for a task");
    point();
    while is_running() && !is_done(task) {
        let me = current_index();
        with(|sim| {
            if let Some(info) = sim.tasks.get_mut(task.0) {
                info.joiners.insert(me);
            }
        });
        wait("the end of a task");
    }
}

/// Waits until somebody wakes the task that runs; it may be woken for no reason.
///
/// Whoever waits for a condition looks at it before, and again after.
pub fn wait(what: &'static str) {
    if !is_running() || std::thread::panicking() {
        return;
    }
    let me = current_index();
    let blocks = with(|sim| {
        let info = sim.tasks.get_mut(me);
        info.is_some_and(|info| {
            info.waits = Some(what);
            info.blocked = !core::mem::take(&mut info.woken);
            info.blocked
        })
    });
    if blocks {
        schedule::switch();
    }
    with(|sim| {
        if let Some(info) = sim.tasks.get_mut(me) {
            info.waits = None;
            info.woken = false;
        }
    });
}

/// Wakes a task.
pub fn wake(task: Task) {
    if !is_running() || std::thread::panicking() {
        return;
    }
    with(|sim| {
        sim.schedule.woken();
        if let Some(info) = sim.tasks.get_mut(task.0) {
            info.woken = true;
            info.blocked = false;
        }
    });
}
