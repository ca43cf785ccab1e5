// SPDX-License-Identifier: GPL-2.0

//! Writes the manual and completions for shells: `pktcdvd-generate DIRECTORY` makes `man8/` and
//! `completions/` there.

use pktcdvd::cli::{self, EXAMPLES};
use pktcdvd::error::EXIT_STATUSES;
use rblk_common::manual::Manual;
use std::process::ExitCode;

fn main() -> ExitCode {
    Manual {
        name: "pktcdvd",
        command: cli::command(),
        exit_statuses: EXIT_STATUSES,
        examples: EXAMPLES,
        see_also: &["pktsetup", "mkudffs"],
    }
    .main()
}
