// SPDX-License-Identifier: GPL-2.0

//! Tasks.

use super::{
    context::Context,
    run::{
        is_running,
        violation,
        with, //
    },
    schedule, //
};
use std::{
    collections::BTreeSet,
    panic::{
        catch_unwind,
        AssertUnwindSafe, //
    },
};

/// A task of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task(pub(super) usize);

/// What is known of a task.
pub(super) struct Info {
    pub(super) name: String,
    /// What it waits for.
    pub(super) waits: Option<&'static str>,
    /// It is not to run until it is woken.
    pub(super) blocked: bool,
    /// It was woken since it has waited last.
    woken: bool,
    pub(super) done: bool,
    pub(super) context: Context,
    /// Who waits until it has ended.
    joiners: BTreeSet<usize>,
}

impl Info {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            waits: None,
            blocked: false,
            woken: false,
            done: false,
            context: Context::default(),
            joiners: BTreeSet::new(),
        }
    }
}

/// Returns the number that shuttle has given to the task that runs.
pub(super) fn shuttle_index() -> usize {
    usize::from(shuttle::current::me())
}

/// Returns the number of the task that runs.
pub(super) fn current_index() -> usize {
    let id = shuttle_index();
    with(|sim| sim.ids.get(&id).copied()).unwrap_or(0)
}

/// Returns the task that runs.
pub fn current() -> Task {
    Task(current_index())
}

impl Task {
    /// Returns the name of the task.
    pub fn name(self) -> String {
        with(|sim| {
            sim.tasks
                .get(self.0)
                .map_or(String::new(), |task| task.name.clone())
        })
    }

    /// Returns whether somebody has sent it a signal; nobody does.
    pub fn signal_pending(self) -> bool {
        super::point();
        false
    }

    /// Returns the number of the task.
    pub fn pid(self) -> i32 {
        self.0 as i32
    }
}

/// Starts a task.
pub fn spawn(name: &str, body: impl FnOnce() + 'static) -> Task {
    super::point();
    let task = with(|sim| {
        sim.tasks.push(Info::new(name));
        sim.schedule.woken();
        Task(sim.tasks.len() - 1)
    });
    let body = Portable(body);
    shuttle::thread::spawn(move || {
        let body = body;
        with(|sim| sim.ids.insert(shuttle_index(), task.0));
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
    super::point();
    task
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
    super::might_sleep("waiting for a task");
    super::point();
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
