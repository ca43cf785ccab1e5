// SPDX-License-Identifier: GPL-2.0

//! Writes the manual and completions for shells: `rblk-nbd-generate DIRECTORY` makes `man8/` and
//! `completions/` there.

use rblk_common::manual::Manual;
use rblk_nbd::cli::{self, EXAMPLES};
use rblk_nbd::error::EXIT_STATUSES;
use std::process::ExitCode;

fn main() -> ExitCode {
    Manual {
        name: "rblk-nbd",
        command: cli::command(),
        exit_statuses: EXIT_STATUSES,
        examples: EXAMPLES,
        see_also: &["nbd-client", "mkswap", "swapon"],
    }
    .main()
}
