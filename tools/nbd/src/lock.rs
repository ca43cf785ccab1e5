// SPDX-License-Identifier: GPL-2.0

//! Only one process keeps a device.

use crate::device::Device;
use crate::{Error, Result};
use rustix::fs::{flock, FlockOperation};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

const DIRECTORY: &str = "/run/rblk-nbd";

fn path(device: Device) -> PathBuf {
    format!("{DIRECTORY}/{device}").into()
}

/// Held while this process keeps a device.
pub struct Lock(#[allow(dead_code, reason = "open as long as it is held")] File);

impl Lock {
    /// Takes the device.
    ///
    /// # Errors
    ///
    /// Who keeps it already.
    pub fn take(device: Device) -> Result<Self> {
        let path = path(device);
        let failed = |err| Error::system(path.display().to_string(), err);
        fs::create_dir_all(DIRECTORY).map_err(|err| Error::system(DIRECTORY, err))?;
        let open = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let mut file = open.map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                let pid = fs::read_to_string(&path).unwrap_or_default();
                let pid = pid.trim();
                return Err(Error::Busy(format!(
                    "{device} is kept by process {pid} already"
                )));
            }
            other => other.map_err(|err| failed(err.into()))?,
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self(file))
    }
}

/// Which process keeps a device.
pub fn keeper(device: Device) -> Option<u32> {
    let file = File::open(path(device)).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(Errno::WOULDBLOCK) => fs::read_to_string(path(device)).ok()?.trim().parse().ok(),
        _ => None,
    }
}
