// SPDX-License-Identifier: GPL-2.0

//! Which task runs.

use super::state::with;

/// A task of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task(pub(super) usize);

/// Stands for the task to which shuttle has given a number that is not known yet.
pub(super) const UNKNOWN: usize = usize::MAX;

/// Returns the number that shuttle has given to the task that runs.
pub(super) fn shuttle_index() -> usize {
    usize::from(shuttle::current::me())
}

/// Returns the number of the task that runs.
pub(super) fn current_index() -> usize {
    let id = shuttle_index();
    let known = with(|sim| sim.ids.get(id).copied());
    known.filter(|&task| task != UNKNOWN).unwrap_or(0)
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

    /// Returns the number of the task.
    pub fn pid(self) -> i32 {
        self.0 as i32
    }
}
