// SPDX-License-Identifier: GPL-2.0

//! What `make bench` runs in its guests.
//!
//! - `rblk-bench nbd DEVICE MIB`: serves a disk from memory, over a unix socket,
//!   to an nbd device, until that is disconnected.
//! - `rblk-bench nbd-stop DEVICE`: disconnects it.
//! - `rblk-bench load DEVICE DIRECTION PATTERN BYTES DEPTH WARM ops|ms NUMBER`: reads or
//!   writes (`read`, `write`) at places that are `random` or `sequential`, so many bytes
//!   at a time and so many at once; after `WARM` operations, which do not count, `NUMBER`
//!   of them, or for `NUMBER` milliseconds. Prints the operations, the nanoseconds of all,
//!   and those that one takes usually.

mod load;
mod mark;
mod nbd;

use std::error::Error;

/// What a subcommand ends with.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["nbd", device, mib] => nbd::serve(device, mib.parse()?),
        ["nbd-stop", device] => nbd::stop(device),
        ["load", rest @ ..] => load::run(&load::Load::parse(rest)?),
        _ => Err("see the top of main.rs".into()),
    }
}
