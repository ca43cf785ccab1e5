// SPDX-License-Identifier: GPL-2.0

//! Faults that the seed injects.

pub use super::state::Rates;
use super::{
    context::{
        self,
        Kind, //
    },
    lockdep,
    points::{
        count,
        point, //
    },
    report::violation,
    state::{
        is_running,
        with, //
    },
};

/// Sets how often something fails from now on.
pub fn set(rates: Rates) {
    with(|sim| sim.rates = rates);
}

/// Runs `f`, in which no allocation fails: what the world itself does.
pub fn spare<R>(f: impl FnOnce() -> R) -> R {
    let _section = context::enter(Kind::Spared, "what the world does");
    f()
}

/// Says that whoever carries out I/O has all the memory that he needs from now on, and may not wait
/// for more; or that this is not so any more.
pub fn set_none_for_io(none: bool) {
    with(|sim| sim.none_for_io = none);
}

/// Returns whether there is no memory at all.
pub fn is_dry() -> bool {
    is_running() && with(|sim| sim.rates.allocation == 1)
}

/// Says that the caller, or what is below, allocates memory in a way that waits for I/O if it may.
pub fn may_wait_for_io() {
    if !is_running() || context::within(Kind::NoIo).is_some() {
        return;
    }
    if let Some(section) = context::within(Kind::IoPath) {
        violation(&format!(
            "memory is allocated that may wait for I/O: {section}"
        ));
    }
    lockdep::allocates();
}

/// How an allocation goes about finding memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// It may sleep and wait for I/O (`GFP_KERNEL`).
    Kernel,
    /// It may sleep, but starts no I/O.
    NoIo,
    /// As that, and gives up.
    Grow,
    /// It never sleeps.
    NoWait,
}

/// Accounts for an allocation; returns whether it succeeds.
pub fn allocate(how: Allocation) -> bool {
    if !is_running() || std::thread::panicking() || context::within(Kind::Spared).is_some() {
        return true;
    }
    if how != Allocation::NoWait {
        context::might_sleep("allocating memory");
    }
    if how == Allocation::Kernel {
        may_wait_for_io();
    }
    if how != Allocation::NoWait && with(|sim| sim.none_for_io) {
        if let Some(section) = context::within(Kind::IoPath) {
            violation(&format!(
                "memory is allocated where there may be none: {section}"
            ));
        }
    }
    point();
    let fails = with(|sim| sim.rates.allocation != 0 && sim.rng.below(sim.rates.allocation) == 0);
    // The kernel does not fail small allocations that may wait.
    if fails && how != Allocation::NoIo {
        count("allocations failed", 1);
        return false;
    }
    true
}
