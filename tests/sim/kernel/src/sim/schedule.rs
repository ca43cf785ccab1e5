// SPDX-License-Identifier: GPL-2.0

//! Which task runs next.
//!
//! Two strategies take turns, as the seed says. *Sticky*: at each point, another task is taken with
//! a probability that is chosen once for the run. *Priorities* (PCT): each task has a priority, the
//! highest runs, and at a few points chosen before, the one that runs falls to the lowest.
//!
//! Task 0 is the clock. It runs if no other task can, and now and then if a timer is due soon, since
//! time passes while tasks run, too.

use super::rng::Rng;

/// How it is decided what runs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// At each point, another task is taken once in so many times.
    Sticky(u64),
    /// Priorities, with so many changes within so many points.
    Priorities(u64, u64),
}

/// Decides what runs next.
pub(super) struct Schedule {
    strategy: Strategy,
    rng: Rng,
    points: u64,
    changes: Vec<u64>,
    priorities: Vec<i64>,
    lowest: i64,
    /// A task became runnable, so that the one that runs may not be the right one.
    woken: bool,
    sticky: bool,
}

impl Schedule {
    /// Makes the schedule of a seed.
    pub(super) fn new(seed: u64, strategy: Option<Strategy>) -> Self {
        let mut rng = Rng::new(seed ^ 0x5ced);
        let strategy = strategy.unwrap_or_else(|| match rng.below(6) {
            0 => Strategy::Sticky(2),
            1 => Strategy::Sticky(8),
            2 => Strategy::Sticky(40),
            3 => Strategy::Sticky(200),
            n => Strategy::Priorities(n, 3000),
        });
        let changes = match strategy {
            Strategy::Sticky(_) => Vec::new(),
            Strategy::Priorities(depth, points) => (0..depth).map(|_| rng.below(points)).collect(),
        };
        Self {
            strategy,
            rng,
            points: 0,
            changes,
            priorities: Vec::new(),
            lowest: 0,
            woken: false,
            sticky: false,
        }
    }

    /// Returns how many points there were.
    pub(super) fn points(&self) -> u64 {
        self.points
    }

    /// Notes that a task became runnable.
    pub(super) fn woken(&mut self) {
        self.woken = true;
    }

    /// Returns whether to ask what runs next, at a point.
    pub(super) fn is_switch(&mut self) -> bool {
        self.points += 1;
        self.sticky = false;
        match self.strategy {
            Strategy::Sticky(often) => self.rng.below(often) == 0,
            Strategy::Priorities(..) => {
                let change = self.changes.contains(&self.points);
                if change {
                    self.sticky = true;
                }
                change || core::mem::take(&mut self.woken) || self.rng.below(64) == 0
            }
        }
    }

    /// Has a task that only waits for others run after them.
    pub(super) fn give_way(&mut self, task: usize) {
        self.points += 1;
        self.lowest -= 1;
        let lowest = self.lowest;
        if let Some(priority) = self.priorities.get_mut(task) {
            *priority = lowest;
        }
    }

    fn priority(&mut self, task: usize) -> i64 {
        while self.priorities.len() <= task {
            self.priorities.push((self.rng.draw() >> 8) as i64);
        }
        self.priorities.get(task).copied().unwrap_or(0)
    }

    /// Chooses one of the tasks that can run.
    ///
    /// `busy` says that the clock is a task like others, as something happens that is not over;
    /// `is_soon`, that something is to happen soon.
    pub(super) fn pick(
        &mut self,
        tasks: &[usize],
        current: Option<usize>,
        busy: bool,
        is_soon: bool,
    ) -> usize {
        let is_task = |task: &usize| *task != 0 || busy;
        let others = || tasks.iter().copied().filter(is_task);
        let count = others().count() as u64;
        let is_soon = is_soon && !busy;
        if count == 0 || (is_soon && tasks.contains(&0) && self.rng.below(100) == 0) {
            return 0;
        }
        if matches!(self.strategy, Strategy::Sticky(_)) {
            let index = self.rng.below(count) as usize;
            return others().nth(index).unwrap_or(0);
        }
        if core::mem::take(&mut self.sticky) {
            if let Some(current) = current {
                self.give_way(current);
            }
        }
        let best = others().max_by_key(|&task| self.priority(task));
        best.unwrap_or(0)
    }
}

/// Asks what runs next.
pub(super) fn switch() {
    shuttle::thread::yield_now();
}
