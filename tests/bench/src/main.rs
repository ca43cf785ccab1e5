// SPDX-License-Identifier: GPL-2.0

//! What `make bench` runs in its guests.
//!
//! - `rblk-bench nbd DEVICE MIB`: serves a disk from memory, over a unix socket,
//!   to an nbd device, until that is disconnected.
//! - `rblk-bench slow DEVICE MIB card|disk FACTOR FILE`: the same, but it takes the time of a
//!   flash card or a hard disk, times `FACTOR`, and keeps what it counts in `FILE`.
//! - `rblk-bench nbd-stop DEVICE`: disconnects it.
//! - `rblk-bench load DEVICE DIRECTION PATTERN BYTES DEPTH WARM ops|ms NUMBER [PLACES [JOBS]]`:
//!   reads or writes (`read`, `write`) at places that are `random` or `sequential`, or in some order
//!   but each `once`, so many bytes at a time and so many at once; after `WARM` operations, which do not count,
//!   `NUMBER` of them, or for `NUMBER` milliseconds. With `PLACES`, as many places are used,
//!   spread over the disk; with `JOBS`, as many threads do that at a time. Prints the
//!   operations, the nanoseconds of all, and those that one takes usually.
//! - `rblk-bench fill DEVICE PLACES [FIRST COUNT]`: writes a page to as many places, spread
//!   over the disk, or to `COUNT` of them.
//! - `rblk-bench insmod FILE PARAMETERS`, `rmmod NAME`, `discard DEVICE`, `echo FILE TEXT
//!   COUNT`: do that, and print the like. `echo` writes the text `COUNT` times, each time with
//!   a number for the `{}` in it; each write is an operation.

mod error;
mod load;
mod mark;
mod nbd;
mod slow;
mod step;

use error::Result;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["nbd", device, mib] => nbd::serve(device, mib.parse()?, nbd::Memory),
        ["slow", device, mib, kind, factor, file] => {
            let mib = mib.parse()?;
            let work = slow::Device::new(kind, mib, factor.parse()?, file)?;
            nbd::serve(device, mib, work)
        }
        ["nbd-stop", device] => nbd::stop(device),
        ["load", rest @ ..] => load::run(&load::Load::parse(rest)?),
        ["fill", device, places] => load::fill(device, places.parse()?, 0, places.parse()?),
        ["fill", device, places, first, count] => {
            load::fill(device, places.parse()?, first.parse()?, count.parse()?)
        }
        ["insmod", file, parameters] => step::insmod(file, parameters),
        ["rmmod", name] => step::rmmod(name),
        ["discard", device] => step::discard(device),
        ["echo", file, text, count] => step::echo(file, text, count.parse()?),
        _ => Err("see the top of main.rs".into()),
    }
}
