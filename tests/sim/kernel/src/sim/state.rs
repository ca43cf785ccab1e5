// SPDX-License-Identifier: GPL-2.0

//! The state of a run, and whether there is one.

use super::{
    rng::Rng,
    schedule::Schedule, //
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    collections::{
        BTreeMap,
        BTreeSet,
        VecDeque, //
    },
};

/// A function that is called once, later.
pub(super) type Call = Box<dyn FnOnce()>;

/// The state of a run.
pub(super) struct Sim {
    pub(super) rng: Rng,
    pub(super) schedule: Schedule,
    pub(super) clock: Clock,
    pub(super) tasks: Vec<Info>,
    /// The tasks by the numbers that shuttle has given them.
    pub(super) ids: Vec<usize>,
    pub(super) lockdep: Lockdep,
    pub(super) rcu: Rcu,
    pub(super) rates: Rates,
    /// Whoever carries out I/O is to have all memory already.
    pub(super) none_for_io: bool,
    pub(super) failed: Option<String>,
    pub(super) stats: Stats,
    pub(super) log: VecDeque<String>,
}

/// The time, and what is to happen.
#[derive(Default)]
pub(super) struct Clock {
    pub(super) now: u64,
    pub(super) next: u64,
    pub(super) timers: BTreeMap<(u64, u64), Call>,
    /// Something happens, and is not over: other tasks may run meanwhile.
    pub(super) busy: bool,
}

/// What is known of a task.
pub(super) struct Info {
    pub(super) name: String,
    /// What it waits for.
    pub(super) waits: Option<&'static str>,
    /// It is not to run until it is woken.
    pub(super) blocked: bool,
    /// It was woken since it has waited last.
    pub(super) woken: bool,
    pub(super) done: bool,
    pub(super) context: Context,
    /// Who waits until it has ended.
    pub(super) joiners: BTreeSet<usize>,
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

/// Where a task is.
#[derive(Default)]
pub(super) struct Context {
    pub(super) sections: Vec<(Kind, &'static str)>,
    /// The classes and addresses of the locks that it holds.
    pub(super) held: Vec<(&'static str, usize)>,
}

/// What a section of code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It must not sleep.
    Atomic,
    /// It must not allocate memory in ways that wait for I/O.
    IoPath,
    /// What the task submits is queued until it returns.
    Submission,
    /// Memory may wait for it.
    Reclaim,
    /// Allocations start no I/O.
    NoIo,
    /// Who writes to a file is not held up on behalf of others.
    LocalThrottle,
    /// Nothing fails.
    Spared,
    /// Something that hardware began.
    Interrupt,
}

/// Which class of lock was taken while which was held, and what is taken by interrupts.
#[derive(Default)]
pub(super) struct Lockdep {
    pub(super) after: BTreeMap<&'static str, BTreeSet<&'static str>>,
    pub(super) in_interrupts: BTreeSet<&'static str>,
    pub(super) in_tasks: BTreeSet<&'static str>,
    /// Taken by work that memory may wait for, and held by who allocates memory that may wait for I/O.
    pub(super) in_io: BTreeSet<&'static str>,
    pub(super) in_allocations: BTreeSet<&'static str>,
}

/// Readers of RCU, and what waits for them.
#[derive(Default)]
pub(super) struct Rcu {
    pub(super) next: u64,
    pub(super) readers: BTreeSet<u64>,
    /// What is to be called, and which readers it waits for.
    pub(super) calls: BTreeMap<u64, (BTreeSet<u64>, Option<Call>)>,
    pub(super) waiters: BTreeSet<usize>,
}

/// How often something fails: once in so many times; 0 for never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// Allocations that may fail.
    pub allocation: u64,
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// How many runs.
    pub runs: u64,
    /// How many places where another task could run.
    pub points: u64,
    /// What was counted with [`count`](super::count).
    pub counts: BTreeMap<&'static str, u64>,
}

thread_local! {
    static SIM: RefCell<Option<Sim>> = const { RefCell::new(None) };
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether the caller is in a simulation.
pub fn is_running() -> bool {
    RUNNING.with(Cell::get)
}

/// Begins a run.
pub(super) fn begin(sim: Sim) {
    SIM.with(|place| *place.borrow_mut() = Some(sim));
    RUNNING.with(|running| running.set(true));
}

/// Ends the run, whose state stays until it is taken.
pub(super) fn end() {
    RUNNING.with(|running| running.set(false));
}

/// Takes the state of the run that has ended, if there is one.
pub(super) fn take() -> Option<Sim> {
    SIM.with(|sim| sim.borrow_mut().take())
}

/// Calls `f` with the state of the run.
pub(super) fn with<R>(f: impl FnOnce(&mut Sim) -> R) -> R {
    SIM.with(|sim| f(sim.borrow_mut().as_mut().expect("a simulation runs")))
}

/// Returns what all tasks do that have not ended.
pub(super) fn tasks() -> String {
    with(|sim| {
        let tasks = sim.tasks.iter().skip(1).filter(|task| !task.done);
        let all: Vec<String> = tasks
            .map(|task| match (task.waits, task.blocked) {
                (Some(what), true) => format!("{} waits for {what}", task.name),
                _ => format!("{} runs", task.name),
            })
            .collect();
        all.join(", ")
    })
}
