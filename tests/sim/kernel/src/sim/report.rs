// SPDX-License-Identifier: GPL-2.0

//! The log of a run, and the errors that it shows.

use super::{
    identity::{
        current,
        current_index, //
    },
    schedule,
    state::{
        self,
        is_running,
        with, //
    },
};

/// How many lines of the log a failure shows.
const LOG_LINES: usize = 60;

/// Adds a line to the log of the run.
pub fn log(line: String) {
    if !is_running() {
        println!("{}", line.trim_end());
        return;
    }
    let line = format!(
        "[{:>12}] {}: {}",
        with(|sim| sim.clock.now),
        current().name(),
        line.trim_end()
    );
    with(|sim| {
        if sim.log.len() == LOG_LINES {
            sim.log.pop_front();
        }
        sim.log.push_back(line);
    });
}

/// Ends the run, which has shown an error.
///
/// The task stays where it is for good, so that nothing is unwound through a driver.
pub fn violation(text: &str) {
    if !is_running() {
        panic!("{text}");
    }
    let name = current().name();
    if !failed() {
        log(format!("other tasks: {}", state::tasks()));
    }
    with(|sim| {
        if sim.failed.is_none() {
            sim.failed = Some(format!("{name}: {text}"));
        }
    });
    if std::thread::panicking() {
        return;
    }
    if current_index() == 0 {
        // The clock is needed to end the run.
        stop();
    }
    loop {
        schedule::switch();
    }
}

/// Ends the run, from the clock.
pub(super) fn stop() -> ! {
    state::end();
    std::panic::resume_unwind(Box::new("a violation"))
}

/// Returns whether the run has shown an error.
pub fn failed() -> bool {
    with(|sim| sim.failed.is_some())
}
