// SPDX-License-Identifier: GPL-2.0

//! Writes the manual and completions for shells: `ubd-generate DIRECTORY` makes `man8/` and
//! `completions/` there.

use rblk_common::manual::Manual;
use rblk_ubd::cli::{self, EXAMPLES};
use rblk_ubd::error::EXIT_STATUSES;
use std::process::ExitCode;

fn main() -> ExitCode {
    Manual {
        name: "ubd",
        command: cli::command(),
        exit_statuses: EXIT_STATUSES,
        examples: EXAMPLES,
        see_also: &["losetup", "dmsetup"],
    }
    .main()
}
