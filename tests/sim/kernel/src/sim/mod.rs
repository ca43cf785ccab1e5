// SPDX-License-Identifier: GPL-2.0

//! The simulation: tasks, virtual time, what is forbidden where, and faults.
//!
//! Coroutines and the hand-over between them are those of `shuttle`. What runs next is decided in
//! [`schedule`]; time, in [`clock`]; what a task must not do, in [`context`] and [`lockdep`].

mod adapter;
pub mod clock;
pub mod context;
pub mod faults;
mod identity;
pub mod lockdep;
mod points;
pub mod rcu;
mod report;
mod rng;
mod run;
mod schedule;
mod state;
mod task;

pub use context::{
    atomic,
    io_path,
    might_sleep,
    Section, //
};
pub use identity::{
    current,
    Task, //
};
pub use points::{
    choose,
    count,
    once_in,
    point,
    yield_now, //
};
pub use report::{
    failed,
    log,
    violation, //
};
pub use rng::Rng;
pub use run::{
    check,
    Failure,
    Options, //
};
pub use schedule::Strategy;
pub use state::{
    is_running,
    Stats, //
};
pub use task::{
    exited,
    spawn,
    wait,
    wake, //
};
