// SPDX-License-Identifier: GPL-2.0

//! What shuttle asks: how many runs there are, and which task runs next.

use super::state::{
    is_running,
    with, //
};
use shuttle::scheduler::{
    Schedule as Start,
    Scheduler as Shuttle,
    Task,
    TaskId, //
};

/// What shuttle asks.
pub(super) struct Adapter {
    /// How many runs are left.
    left: u64,
    /// The tasks that can run, kept for its memory.
    ids: Vec<usize>,
}

impl Adapter {
    /// Makes one for so many runs.
    pub(super) fn new(runs: u64) -> Self {
        Self {
            left: runs,
            ids: Vec::new(),
        }
    }
}

impl Shuttle for Adapter {
    fn new_execution(&mut self) -> Option<Start> {
        self.left = self.left.checked_sub(1)?;
        Some(Start::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        _is_yielding: bool,
    ) -> Option<TaskId> {
        let ids = &mut self.ids;
        ids.clear();
        ids.extend(runnable.iter().map(|task| usize::from(task.id())));
        let current = current.map(usize::from);
        if !is_running() {
            return ids.first().map(|&id| TaskId::from(id));
        }
        let id = with(|sim| {
            let (tasks, known) = (&sim.tasks, &sim.ids);
            ids.retain(|id| {
                let task = known.get(*id).and_then(|&task| tasks.get(task));
                task.is_none_or(|task| !task.blocked)
            });
            if sim.failed.is_some() && ids.contains(&0) {
                0
            } else {
                let (busy, is_soon) = (sim.clock.busy, sim.clock.is_soon());
                sim.schedule.pick(ids, current, busy, is_soon)
            }
        });
        Some(TaskId::from(id))
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}
