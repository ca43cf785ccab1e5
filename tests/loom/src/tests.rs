// SPDX-License-Identifier: GPL-2.0

//! Each test is run in every order of what its threads do. A thread that nobody would wake is found
//! as one that all others wait for.

mod bell;
mod budget;
mod flight;
mod inflight;
mod nbd;
mod ubd;

use loom::{cell::UnsafeCell, model::Builder};
use std::rc::Rc;

/// A place that one thread may have at a time: loom sees whether another has it without having
/// waited for the first.
#[derive(Clone)]
struct Guarded(Rc<UnsafeCell<()>>);

impl Guarded {
    fn new() -> Self {
        Self(Rc::new(UnsafeCell::new(())))
    }

    /// Writes to it.
    fn touch(&self) {
        self.0.with_mut(|_| ());
    }
}

/// Tries the orders in which the processor is taken from a thread at most so many times.
fn model(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(f);
}
