// SPDX-License-Identifier: GPL-2.0

//! Playing scenarios.

use crate::scenarios::Scenario;
use kernel::sim::{
    check,
    Failure,
    Options,
    Stats, //
};
use std::{
    sync::Mutex,
    thread,
    time::{
        Duration,
        Instant, //
    },
};

/// How many seeds a thread takes at a time.
const SHARE: u64 = 50;

/// How much to play.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// So many seeds.
    Runs(u64),
    /// As many as fit in that time.
    Time(Duration),
}

/// Plays seeds from `seed` on, with a thread for each processor.
pub fn play(scenario: Scenario, seed: u64, amount: Amount) -> Result<Stats, Failure> {
    let end = match amount {
        Amount::Time(time) => Some(Instant::now() + time),
        Amount::Runs(_) => None,
    };
    let next = Mutex::new(0);
    let total = Mutex::new(Ok(Stats::default()));
    let threads = thread::available_parallelism().map_or(1, usize::from);

    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(scenario, seed, amount, end, &next, &total));
        }
    });
    total.into_inner().expect("the threads have ended")
}

fn work(
    scenario: Scenario,
    seed: u64,
    amount: Amount,
    end: Option<Instant>,
    next: &Mutex<u64>,
    total: &Mutex<Result<Stats, Failure>>,
) {
    loop {
        let begin = {
            let mut next = next.lock().expect("no thread panics with it");
            let begin = *next;
            *next += SHARE;
            begin
        };
        let runs = match amount {
            Amount::Runs(runs) => runs.saturating_sub(begin).min(SHARE),
            Amount::Time(_) => SHARE,
        };
        let is_over = end.is_some_and(|end| Instant::now() > end);
        if runs == 0 || is_over || total.lock().expect("as above").is_err() {
            return;
        }
        let options = Options {
            seed: seed.wrapping_add(begin),
            runs,
            strategy: None,
        };
        let result = check(options, move |seed| scenario.run(seed));
        add(&mut total.lock().expect("as above"), result);
    }
}

fn add(total: &mut Result<Stats, Failure>, more: Result<Stats, Failure>) {
    match (&mut *total, more) {
        (Ok(total), Ok(more)) => {
            total.runs += more.runs;
            total.points += more.points;
            for (what, count) in more.counts {
                *total.counts.entry(what).or_default() += count;
            }
        }
        (Ok(_), Err(failure)) => *total = Err(failure),
        (Err(_), _) => {}
    }
}
