// SPDX-License-Identifier: GPL-2.0

//! Prepares a server that runs on the machine which swaps to it. Then it needs no memory that is not
//! there yet, does not wait for swapping itself, and gets what memory there is before others.

use rustix::process::{configure_io_flusher_behavior, getrlimit, setrlimit, Resource, Rlimit};
use std::{env, io, os::unix::process::CommandExt, process, process::ExitCode};

/// A new thread gets a stack of that size at once, because all memory is locked.
const STACK: u64 = 128 << 10;

/// No memory is given back, none is got by other means than the heap, and there is one heap.
const ALLOCATOR: &str = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1073741824:\
                         glibc.malloc.arena_max=1";

/// Run a program with its memory locked, as a server of this machine's own swap area.
#[derive(clap::Args)]
pub struct Options {
    /// The program and its arguments.
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<String>,
}

/// Becomes the program.
pub fn run(options: &Options) -> io::Result<ExitCode> {
    let preload = env::current_exe()?.with_file_name("libnbd_swap_preload.so");
    let limit = Rlimit {
        current: Some(STACK),
        ..getrlimit(Resource::Stack)
    };
    setrlimit(Resource::Stack, limit)?;
    // Inherited by what is started, unlike locked memory.
    configure_io_flusher_behavior(true)?;

    Err(process::Command::new("chrt")
        .args(["-f", "1", "env"])
        .arg(format!("LD_PRELOAD={}", preload.display()))
        .arg(format!("GLIBC_TUNABLES={ALLOCATOR}"))
        .args(&options.command)
        .exec())
}
