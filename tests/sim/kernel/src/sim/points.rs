// SPDX-License-Identifier: GPL-2.0

//! Places where another task may run, and what else the seed decides.

use super::{
    identity::shuttle_index,
    report::{
        failed,
        violation, //
    },
    schedule,
    state::{
        self,
        is_running,
        with, //
    },
};

/// After so many points, a run has no end.
const TOO_MANY: u64 = 3_000_000;

/// A place where another task may run.
pub fn point() {
    if !is_running() || std::thread::panicking() {
        return;
    }
    let (switches, points) = with(|sim| (sim.schedule.is_switch(), sim.schedule.points()));
    look_at(points);
    if switches {
        schedule::switch();
    }
}

fn look_at(points: u64) {
    if points > TOO_MANY && !failed() {
        violation(&format!("the run has no end: {}", state::tasks()));
    }
}

/// Lets another task run, if one can.
pub fn yield_now() {
    if is_running() {
        let points = with(|sim| {
            sim.schedule.give_way(shuttle_index());
            sim.schedule.points()
        });
        look_at(points);
        schedule::switch();
    }
}

/// Returns a number below `n`, decided by the seed.
pub fn choose(n: u64) -> u64 {
    with(|sim| sim.rng.below(n))
}

/// Returns true once in `n` times, decided by the seed.
pub fn once_in(n: u64) -> bool {
    choose(n) == 0
}

/// Counts something for the report.
pub fn count(what: &'static str, by: u64) {
    if is_running() {
        with(|sim| *sim.stats.counts.entry(what).or_default() += by);
    }
}
