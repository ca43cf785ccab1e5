// SPDX-License-Identifier: GPL-2.0-or-later
//! Drives for rewritable discs, for a guest of QEMU.
//!
//! ```text
//! rblk-mmc-drive --socket S --control C --drive cdrw,strict --drive dvd+rw &
//! ```
//!
//! It says `ready` when both sockets can be connected to, serves one guest after
//! the other, and ends when it is killed. See README.

use clap::Parser;
use rblk_mmc_drive::bay::Rack;
use rblk_mmc_drive::drive::Drive;
use rblk_mmc_drive::vhost::Backend;
use rblk_mmc_drive::{control, options};
use std::error::Error;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::{fs, thread};
use vhost::vhost_user::Listener;
use vhost_user_backend::VhostUserDaemon;
use vm_memory::{GuestMemoryAtomic, GuestMemoryMmap};

#[derive(Parser)]
struct Arguments {
    /// The socket for QEMU's vhost-user-scsi.
    #[arg(long)]
    socket: String,
    /// The socket for tests.
    #[arg(long)]
    control: String,
    /// MEDIA[,OPTION]...; the first is target 0.
    #[arg(long, required = true, value_parser = drive)]
    drive: Vec<String>,
}

/// Complains early about what is no drive.
fn drive(text: &str) -> Result<String, String> {
    options::parse(text).map(|_| text.to_string())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let make = |(number, text): (usize, &String)| {
        let (options, medium) = options::parse(text)?;
        Ok(Drive::new(options, medium)?.numbered(number))
    };
    let drives = arguments.drive.iter().enumerate().map(make);
    let drives: Result<Vec<Drive>, String> = drives.collect();
    let rack = Rack::new(drives?);

    let _ = fs::remove_file(&arguments.control);
    let control_listener = UnixListener::bind(&arguments.control)?;
    let mut listener = Listener::new(&arguments.socket, true)?;
    let controlled = rack.clone();
    thread::spawn(move || control::serve(&control_listener, &controlled));
    println!("ready");

    let memory = GuestMemoryAtomic::new(GuestMemoryMmap::new());
    let backend = Backend::new(rack, memory.clone());
    loop {
        let name = "mmc-drive".to_string();
        let daemon = VhostUserDaemon::new(name, Arc::clone(&backend), memory.clone());
        let mut daemon = daemon.map_err(|error| error.to_string())?;
        daemon
            .start(&mut listener)
            .map_err(|error| error.to_string())?;
        if let Err(error) = daemon.wait() {
            eprintln!("mmc-drive: the guest left: {error}");
        }
    }
}
