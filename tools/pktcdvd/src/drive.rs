// SPDX-License-Identifier: GPL-2.0

//! Finds an optical drive, and talks to it.

use crate::class::number_in;
use crate::device_number::DeviceNumber;
use crate::driver::logic::mmc::cdb::{Command, Transfer};
use crate::driver::logic::mmc::medium::Medium;
use crate::driver::logic::mmc::probe::{Outcome, BUFFER_LEN};
use crate::driver::logic::mmc::refusal::Refusal;
use crate::driver::logic::mmc::sense::{Failure, Sense};
use crate::medium;
use crate::nodes;
use crate::paths::Paths;
use crate::{Error, Result};
use rblk_cdrom::ask;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{open, Mode, OFlags};
use rustix::io::Errno;
use std::fs;
use std::path::{Path, PathBuf};

/// The type of SCSI devices that optical drives are.
const TYPE_OPTICAL: u32 = 5;

/// Whether a block device is an optical drive.
pub fn is_optical(paths: &Paths, number: DeviceNumber) -> bool {
    number_in(&paths.block(number).join("device/type")) == Some(TYPE_OPTICAL)
}

/// The node that the kernel has made for a device, if it is there.
pub fn node_of(paths: &Paths, number: DeviceNumber) -> Option<PathBuf> {
    let uevent = fs::read_to_string(paths.block(number).join("uevent")).ok()?;
    let name = uevent
        .lines()
        .find_map(|line| line.strip_prefix("DEVNAME="))?;
    let path = paths.dev().join(name);
    (nodes::number_of(&path).ok()? == Some(number)).then_some(path)
}

/// Asks the drive what disc is in it, and whether packets can be written on that.
///
/// The drive is opened in the way that needs no disc, and moves no tray.
pub fn look(path: &Path) -> Result<std::result::Result<Medium, Refusal>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match open(path, flags, Mode::empty()) {
        Ok(drive) => Ok(medium::look(|command, answer| {
            send(drive.as_fd(), command, answer)
        })),
        Err(Errno::NOMEDIUM) => Ok(Err(Refusal::NoMedium)),
        Err(err) => Err(Error::system(path.display().to_string(), err)),
    }
}

fn send(drive: BorrowedFd<'_>, command: &Command, answer: &mut [u8; BUFFER_LEN]) -> Outcome {
    let answer = match command.transfer() {
        Transfer::None => Some(&mut answer[..0]),
        Transfer::In(len) => answer.get_mut(..len.into()),
        // Nothing here is to change the drive.
        Transfer::Out(_) => None,
    };
    ask(drive, command.cdb(), answer.ok_or(Failure::Transport)?).map_err(|failure| match failure {
        rblk_cdrom::Failure::Sense(bytes) => {
            Sense::parse(&bytes).map_or(Failure::Transport, Failure::Sense)
        }
        rblk_cdrom::Failure::System(_) => Failure::Transport,
    })
}
