// SPDX-License-Identifier: GPL-2.0

//! Asks an optical drive what disc is in it.

use crate::class::number_in;
use crate::device_number::DeviceNumber;
use crate::medium::{parse_blank, parse_profile, Medium};
use crate::nodes;
use crate::paths::Paths;
use crate::{Error, Result};
use rblk_cdrom::ask;
use rustix::fs::{open, Mode, OFlags};
use rustix::io::Errno;
use std::fs;
use std::path::{Path, PathBuf};

/// The type of SCSI devices that optical drives are.
const TYPE_OPTICAL: u32 = 5;

const GET_CONFIGURATION: [u8; 12] = [0x46, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0];
const READ_DISC_INFORMATION: [u8; 12] = [0x51, 0, 0, 0, 0, 0, 0, 0, 34, 0, 0, 0];

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

/// Asks the drive; `None` if it does not know what is asked, as drives before MMC-2.
///
/// The drive is opened in the way that needs no disc, and moves no tray.
pub fn look(path: &Path) -> Result<Option<Medium>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let drive = match open(path, flags, Mode::empty()) {
        Ok(drive) => drive,
        Err(Errno::NOMEDIUM) => {
            return Ok(Some(Medium {
                profile: 0,
                blank: None,
            }))
        }
        Err(err) => return Err(Error::system(path.display().to_string(), err)),
    };
    let Some(profile) = ask(&drive, GET_CONFIGURATION)
        .ok()
        .as_ref()
        .and_then(parse_profile)
    else {
        return Ok(None);
    };
    let blank = ask(&drive, READ_DISC_INFORMATION)
        .ok()
        .as_ref()
        .and_then(parse_blank);
    Ok(Some(Medium { profile, blank }))
}
