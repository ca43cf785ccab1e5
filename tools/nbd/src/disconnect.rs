// SPDX-License-Identifier: GPL-2.0

//! Takes devices out of use, and disconnects them.

use crate::cli;
use crate::device::Device;
use crate::nbd::Nbd;
use crate::uses::Use;
use crate::{Error, Result};
use std::env;
use std::io;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(500);

/// Disconnects a device, once it is not in use any more.
pub fn run(options: &cli::Disconnect) -> Result {
    let device = options.device;
    if after_failure() {
        return Ok(());
    }
    if !device.file("").exists() {
        return Err(Error::NoDevice(format!("there is no {device}")));
    }
    let until = Instant::now() + options.wait;
    while device.is_connected() {
        match free(device, options.swapoff) {
            Ok(()) => return failed(device, Nbd::open()?.disconnect(device, None)),
            Err(Error::Busy(_)) if Instant::now() < until => thread::sleep(PAUSE),
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

/// Whether systemd stops the unit because its process has failed: the next one goes on with the device.
fn after_failure() -> bool {
    env::var_os("SERVICE_RESULT").is_some_and(|result| result != "success")
}

/// What is said if a device could not be disconnected.
pub fn failed(device: Device, done: io::Result<()>) -> Result {
    done.map_err(|err| Error::system(format!("cannot disconnect {device}"), err))
}

/// Fails if the device is in use, and stays so.
fn free(device: Device, swapoff: bool) -> Result {
    let used = || Use::of(device).map_err(|err| Error::system(device.node(), err));
    match used()? {
        Some(Use::Swap(areas)) if swapoff => take_out(&areas)?,
        other => return refuse(device, other),
    }
    refuse(device, used()?)
}

/// Fails if the device is in use.
pub fn refuse(device: Device, used: Option<Use>) -> Result {
    match used {
        None => Ok(()),
        Some(Use::Swap(areas)) => Err(Error::Busy(format!(
            "{device} is swap space: run `swapoff {}` first",
            areas.join(" ")
        ))),
        Some(Use::Other(what)) => Err(Error::Busy(format!("{device} is {what}"))),
    }
}

/// What fails here may not fail later, when there is more memory; or somebody else has done it.
fn take_out(areas: &[String]) -> Result {
    for area in areas {
        Command::new("swapoff")
            .arg(area)
            .status()
            .map_err(|err| Error::system("swapoff", err))?;
    }
    Ok(())
}
