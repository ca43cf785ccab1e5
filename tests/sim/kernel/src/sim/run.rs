// SPDX-License-Identifier: GPL-2.0

//! Running scenarios, one seed after the other.

use super::{
    adapter::Adapter,
    clock,
    report::{
        log,
        stop,
        violation, //
    },
    rng::Rng,
    schedule::{
        self,
        Schedule,
        Strategy, //
    },
    state::{
        self,
        is_running,
        with,
        Clock,
        Info,
        Lockdep,
        Rates,
        Rcu,
        Sim,
        Stats, //
    },
    task,
};
use std::{
    collections::VecDeque,
    panic::{
        catch_unwind,
        AssertUnwindSafe, //
    },
};

/// Stack of a task. Drivers of the kernel have 16 KiB; the host's formatting takes more.
const STACK: usize = 128 << 10;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The first seed.
    pub seed: u64,
    /// How many seeds.
    pub runs: u64,
    /// How tasks are chosen; by default the seed decides.
    pub strategy: Option<Strategy>,
}

/// A run that has shown an error.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed, which repeats it.
    pub seed: u64,
    /// What was wrong, and the last lines of the log.
    pub text: String,
}

/// Runs a scenario with one seed after the other, until one shows an error.
///
/// The scenario is the body of the first task. A run ends when all tasks have.
pub fn check(
    options: Options,
    scenario: impl Fn(u64) + Send + Sync + 'static,
) -> Result<Stats, Failure> {
    hush();
    let stats = std::sync::Arc::new(std::sync::Mutex::new(Stats::default()));
    let seed = std::sync::Arc::new(std::sync::Mutex::new(options.seed));
    let scenario = std::sync::Arc::new(scenario);

    let mut config = shuttle::Config::new();
    config.stack_size = STACK;
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.max_steps = shuttle::MaxSteps::None;
    config.silence_warnings = true;
    let runner = shuttle::Runner::new(Adapter::new(options.runs), config);

    let (total, next) = (stats.clone(), seed.clone());
    let result = catch_unwind(AssertUnwindSafe(|| {
        runner.run(move || {
            let seed = *next.lock().expect("it is ours");
            let scenario = scenario.clone();
            let done = one(seed, options.strategy, move || scenario(seed));
            let mut total = total.lock().expect("it is ours");
            total.runs += 1;
            total.points += done.points;
            for (what, count) in done.counts {
                *total.counts.entry(what).or_default() += count;
            }
            *next.lock().expect("it is ours") = seed.wrapping_add(1);
        })
    }));
    state::end();
    let total = stats.lock().map(|stats| stats.clone()).unwrap_or_default();
    let failed_seed = seed
        .lock()
        .map_or_else(|err| *err.into_inner(), |seed| *seed);
    let sim = state::take();
    match (result, sim) {
        (Ok(_), _) => Ok(total),
        (Err(_), Some(sim)) => {
            let text = sim
                .failed
                .unwrap_or_else(|| "a panic of the simulator".to_owned());
            let log: Vec<String> = sim.log.into();
            // What belongs to tasks that were stopped on the way is not dropped.
            Err(Failure {
                seed: failed_seed,
                text: format!("{text}\n{}", log.join("\n")),
            })
        }
        (Err(payload), None) => std::panic::resume_unwind(payload),
    }
}

/// Has panics within a run go to its log, and no other place.
fn hush() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !is_running() {
                usual(info);
            } else if let Some(place) = info.location() {
                log(format!("panic at {place}"));
            }
        }));
    });
}

/// One run. This is the body of task 0, the clock.
fn one(seed: u64, strategy: Option<Strategy>, scenario: impl FnOnce() + 'static) -> Stats {
    let sim = Sim {
        rng: Rng::new(seed),
        schedule: Schedule::new(seed, strategy),
        clock: Clock::default(),
        tasks: vec![Info::new("clock")],
        ids: Vec::new(),
        lockdep: Lockdep::default(),
        rcu: Rcu::default(),
        rates: Rates::default(),
        none_for_io: false,
        failed: None,
        stats: Stats::default(),
        log: VecDeque::new(),
    };
    state::begin(sim);
    task::spawn("init", scenario);
    while !is_over() {
        schedule::switch();
        if with(|sim| sim.failed.is_some()) {
            stop();
        }
        if !is_over() && !clock::tick() && is_stuck() {
            task_violation();
        }
    }
    state::end();
    let sim = state::take();
    sim.map_or_else(Stats::default, |sim| Stats {
        points: sim.schedule.points(),
        ..sim.stats
    })
}

fn is_over() -> bool {
    with(|sim| {
        let failed = sim.failed.is_some();
        !failed && sim.tasks.iter().skip(1).all(|task| task.done)
    })
}

/// Returns whether all tasks wait that have not ended.
fn is_stuck() -> bool {
    with(|sim| {
        let mut tasks = sim.tasks.iter().skip(1);
        tasks.all(|task| task.done || task.blocked)
    })
}

fn task_violation() {
    violation(&format!("nobody can go on: {}", state::tasks()));
}
