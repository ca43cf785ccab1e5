// SPDX-License-Identifier: GPL-2.0

//! Removes disks.

use crate::class::{is, Class};
use crate::cli::Remove;
use crate::{Error, Result};
use rustix::io::Errno;
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait before another try.
const PAUSE: Duration = Duration::from_millis(100);

/// Removes a disk, once nobody has it open; with `force` at once.
pub fn remove(options: &Remove) -> Result {
    let class = Class::open()?;
    let disk = class.find(&options.target)?;
    let force = if options.force { " force" } else { "" };
    // By its number, which another one of the same name would not have.
    let command = format!("{}{force}", disk.number);
    let start = Instant::now();
    loop {
        match class.remove(&command) {
            Ok(()) => return Ok(()),
            Err(err) if is(&err, Errno::BUSY) && start.elapsed() < options.wait => {
                thread::sleep(PAUSE);
            }
            Err(err) if is(&err, Errno::BUSY) => {
                return Err(Error::Busy(format!("{} is in use", disk.name)))
            }
            Err(err) if is(&err, Errno::NODEV) => {
                return Err(Error::NotThere(format!(
                    "{} is not there any more",
                    disk.name
                )))
            }
            Err(err) => return Err(Error::system(format!("cannot remove {}", disk.name), err)),
        }
    }
}
