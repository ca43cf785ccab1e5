// SPDX-License-Identifier: GPL-2.0

//! The tests of KUnit on the host.

use crate::{
    error::Error,
    sim, //
};

/// What a test returns.
pub trait Outcome {
    /// Fails if the test has.
    fn check(self);
}

impl Outcome for () {
    fn check(self) {}
}

impl Outcome for Result<(), Error> {
    fn check(self) {
        if let Err(err) = self {
            panic!("the test returns {err:?}");
        }
    }
}

/// Runs a test with a few schedules.
pub fn run(name: &str, test: impl Fn() + Send + Sync + 'static) {
    let options = sim::Options {
        seed: 1,
        runs: 16,
        strategy: None,
    };
    if let Err(failure) = sim::check(options, move |_| test()) {
        panic!("{name}, seed {}: {}", failure.seed, failure.text);
    }
}
