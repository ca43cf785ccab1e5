// SPDX-License-Identifier: GPL-2.0

//! Prepares this process for running while the machine can get no memory but by what this process
//! does.

use crate::{Error, Result};
use rustix::mm::{mlockall, MlockAllFlags};
use rustix::process::{configure_io_flusher_behavior, getpid};
use std::fs;
use std::hint::black_box;
use std::process::Command;

/// What is left free in the heap.
const ROOM: usize = 64 << 10;

/// Before others when both want the processor, or the last pages: a real-time priority.
///
/// Util-linux does it: the C library's function has no safe form.
fn before_others() -> Result {
    let pid = getpid().as_raw_nonzero().to_string();
    match Command::new("chrt").args(["-f", "-p", "1", &pid]).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Failed(format!(
            "no real-time priority: chrt failed: {status}"
        ))),
        Err(err) => Err(Error::system("no real-time priority: chrt", err)),
    }
}

/// Has this thread, and those that it starts from now on, go before others.
pub fn go_before_others() -> Result {
    before_others()?;
    // It is not killed for the memory of others, which would not come free without it.
    fs::write("/proc/self/oom_score_adj", "-1000")
        .map_err(|err| Error::system("/proc/self/oom_score_adj", err))?;
    // What the kernel allocates for it does not wait for the device, nor for others who write.
    configure_io_flusher_behavior(true).map_err(|err| Error::system("PR_SET_IO_FLUSHER", err))
}

/// Has this process keep the memory that it has.
///
/// What is allocated later is small, and freed before long: the path of a file in sysfs, the list of
/// connections, an error. The heap has room for that, which stays with it: the C library gives back
/// what is free at its end only from 128 KiB on.
pub fn keep_memory() -> Result {
    drop(black_box(vec![1u8; ROOM]));
    // Programs, libraries, heap and stack, as they are and as they grow.
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)
        .map_err(|err| Error::system("memory cannot be locked", err))
}
