// SPDX-License-Identifier: GPL-2.0

//! Programs for tests of swapping over a block device: one that fills memory, one that notices when
//! nothing moves any more, and one that prepares a server for running on the machine that swaps.

#![forbid(unsafe_code)]

mod guarded;
mod heartbeat;
mod stress;

use clap::Parser;
use std::process::ExitCode;

/// What to be.
#[derive(Parser)]
enum Command {
    Stress(stress::Options),
    Heartbeat(heartbeat::Options),
    Guarded(guarded::Options),
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Stress(options) => stress::run(&options),
        Command::Heartbeat(options) => heartbeat::run(&options),
        Command::Guarded(options) => guarded::run(&options),
    };
    result.unwrap_or_else(|err| {
        eprintln!("nbd-swap: {err}");
        ExitCode::FAILURE
    })
}
