// SPDX-License-Identifier: GPL-2.0

//! Faults that the seed injects.

pub use super::state::Rates;
use super::{
    context::{
        self,
        Kind, //
    },
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
    let noio = context::within(Kind::NoIo).is_some();
    if how == Allocation::Kernel && !noio {
        if let Some(section) = context::within(Kind::IoPath) {
            violation(&format!(
                "memory is allocated that may wait for I/O: {section}"
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
