// SPDX-License-Identifier: GPL-2.0

//! Connects a device over netlink, and replaces its connections when they are lost. All its memory is
//! locked: it may be what the machine needs for swapping.

use crate::{
    genl::{Attributes, Family},
    handshake::{self, Export},
};
use rustix::{
    event::{poll, PollFd, PollFlags, Timespec},
    mm::{mlockall, MlockAllFlags},
};
use std::{io, os::fd::AsRawFd, process::ExitCode, thread, time::Duration};

const CONNECT: u8 = 1;
const RECONFIGURE: u8 = 3;
const INDEX: u16 = 1;
const SIZE: u16 = 2;
const BLOCK_SIZE: u16 = 3;
const TIMEOUT: u16 = 4;
const SERVER_FLAGS: u16 = 5;
const SOCKETS: u16 = 7;
const DEAD_TIMEOUT: u16 = 8;
const ITEM: u16 = 1;
const FD: u16 = 1;

/// Connect a device to servers, and again whenever a connection is lost.
#[derive(clap::Args)]
pub struct Options {
    /// The number of the device.
    #[arg(long, default_value_t = 0)]
    index: u32,
    /// Seconds that requests wait when all connections are lost.
    #[arg(long, default_value_t = 60)]
    dead: u64,
    /// Addresses, one for each connection; all are of the same data.
    #[arg(required = true)]
    addresses: Vec<String>,
}

fn sockets(exports: &[&Export]) -> Attributes {
    exports.iter().fold(Attributes::default(), |list, export| {
        let fd = Attributes::default().u32(FD, export.stream.as_raw_fd() as u32);
        list.nested(ITEM, fd)
    })
}

fn first_message(options: &Options, exports: &[Export]) -> io::Result<Attributes> {
    let export = exports.first().ok_or(io::ErrorKind::NotFound)?;
    Ok(Attributes::default()
        .u32(INDEX, options.index)
        .u64(SIZE, export.size)
        .u64(BLOCK_SIZE, 4096)
        .u64(TIMEOUT, 30)
        .u64(SERVER_FLAGS, export.flags.into())
        .u64(DEAD_TIMEOUT, options.dead)
        .nested(SOCKETS, sockets(&exports.iter().collect::<Vec<_>>())))
}

/// Whether the other end is gone, after a second at most.
fn is_lost(export: &Export) -> io::Result<bool> {
    let mut fds = [PollFd::new(&export.stream, PollFlags::RDHUP)];
    let second = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    Ok(poll(&mut fds, Some(&second))? > 0)
}

/// Runs until it is killed.
pub fn run(options: &Options) -> io::Result<ExitCode> {
    let mut family = Family::find("nbd")?;
    let mut exports = Vec::new();
    for address in &options.addresses {
        exports.push(handshake::connect(address)?);
    }
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)?;
    family.call(CONNECT, &first_message(options, &exports)?)?;
    println!("# reconnect: connected");
    loop {
        for (address, export) in options.addresses.iter().zip(&mut exports) {
            if !is_lost(export)? {
                continue;
            }
            let Ok(new) = handshake::connect(address) else {
                thread::sleep(Duration::from_millis(200));
                continue;
            };
            let message = Attributes::default()
                .u32(INDEX, options.index)
                .nested(SOCKETS, sockets(&[&new]));
            match family.call(RECONFIGURE, &message) {
                Ok(_) => {
                    println!("# reconnect: {address} again");
                    *export = new;
                }
                Err(err) => eprintln!("# reconnect: {address}: {err}"),
            }
        }
    }
}
