// SPDX-License-Identifier: GPL-2.0

//! Finds an optical drive, and opens it.

use crate::class::{number_in, Class};
use crate::device_map::Mapping;
use crate::device_number::DeviceNumber;
use crate::driver::logic::mmc::medium::Medium;
use crate::driver::logic::mmc::refusal::Refusal;
use crate::mmc::Kernel;
use crate::mountinfo;
use crate::nodes;
use crate::paths::Paths;
use crate::remove;
use crate::survey;
use crate::users;
use crate::{Error, Result};
use rustix::fd::OwnedFd;
use rustix::fs::{fstat, open, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// The number of a block device that is given by its path or number.
pub fn number(paths: &Paths, device: &str) -> Result<DeviceNumber> {
    if let Ok(number) = device.parse() {
        return match paths.block(number).try_exists() {
            Ok(false) => Err(Error::NoDevice(format!(
                "there is no block device {number}"
            ))),
            _ => Ok(number),
        };
    }
    match nodes::number_of(Path::new(device)) {
        Ok(Some(number)) => Ok(number),
        Ok(None) => Err(Error::Usage(format!("{device} is no block device"))),
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            Err(Error::NoDevice(format!("there is no {device}")))
        }
        Err(err) => Err(Error::system(device, err)),
    }
}

/// A lower device, and the packet device that it is mapped to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The number of the lower device.
    pub lower: DeviceNumber,
    /// The node of the lower device.
    pub node: PathBuf,
    /// The packet device.
    pub mapping: Option<Mapping>,
}

impl Target {
    /// Finds what a user means: a lower device, mapped or not, or a packet device by any name.
    pub fn find(paths: &Paths, target: &str) -> Result<Self> {
        let mappings = match Class::open(paths).and_then(|class| class.mappings()) {
            // Without the driver nothing is mapped.
            Err(Error::NoModule(_)) => Vec::new(),
            mappings => mappings?,
        };
        let mapping = match remove::find(paths, &mappings, target) {
            Ok(mapping) => Some(mapping),
            Err(Error::NoDevice(_)) if target.contains(['/', ':']) => None,
            Err(error) => return Err(error),
        };
        let lower = match &mapping {
            Some(mapping) => mapping.lower,
            None => number(paths, target)?,
        };
        let given = Path::new(target);
        let node = match nodes::number_of(given) {
            Ok(Some(number)) if number == lower => given.to_owned(),
            _ => node_of(paths, lower)
                .ok_or_else(|| Error::NoDevice(format!("there is no node of {lower}")))?,
        };
        Ok(Self {
            lower,
            node,
            mapping,
        })
    }

    /// As [`Self::find`], if that is an optical drive.
    pub fn find_drive(paths: &Paths, target: &str) -> Result<Self> {
        let found = Self::find(paths, target)?;
        if !is_optical(paths, found.lower) {
            let node = found.node.display();
            return Err(Error::Usage(format!("{node} is no optical drive")));
        }
        Ok(found)
    }

    /// Opens the drive, to look at it only.
    pub fn open(&self) -> Result<Kernel<OwnedFd>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = open_device(&self.node, self.lower, flags);
        file.map(Kernel::new).map_err(|err| self.failed(err))
    }

    /// Whether somebody has the drive for himself: it is mounted, or its packet device is open.
    pub fn is_in_use(&self) -> Result<bool> {
        let flags = OFlags::RDONLY | OFlags::EXCL | OFlags::NONBLOCK | OFlags::CLOEXEC;
        // Closed at once, so that nobody is kept from using it.
        match open_device(&self.node, self.lower, flags) {
            Ok(_) => Ok(false),
            Err(err) if Errno::from_io_error(&err) == Some(Errno::BUSY) => Ok(true),
            Err(err) => Err(self.failed(err)),
        }
    }

    /// Opens the drive, so that nobody else uses what is in it meanwhile.
    ///
    /// Waits up to `limit` for the packet device to let go of the drive.
    pub fn open_alone(&self, paths: &Paths, limit: Duration) -> Result<Kernel<OwnedFd>> {
        if let Some(map) = &self.mapping {
            // The drive may stay open for a while after the packet device was closed. That it
            // cannot be closed is seen right below.
            let _ = fs::write(paths.class_device(&map.name).join("session"), "end\n");
        }
        let flags = OFlags::RDWR | OFlags::EXCL | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mounted = || self.is_mounted(paths);
        let attempt = || open_device(&self.node, self.lower, flags);
        match users::retry(limit, mounted, attempt) {
            Ok(file) => Ok(Kernel::new(file)),
            Err(err) if Errno::from_io_error(&err) == Some(Errno::BUSY) => {
                Err(Error::Busy(self.busy(paths)))
            }
            Err(err) => Err(self.failed(err)),
        }
    }

    fn failed(&self, err: io::Error) -> Error {
        match Errno::from_io_error(&err) {
            Some(Errno::NODEV) => Error::NoDevice(format!(
                "{} is not {} any more",
                self.node.display(),
                self.lower
            )),
            Some(Errno::NOMEDIUM) => {
                Error::Medium(format!("{}: {}", self.node.display(), Refusal::NoMedium))
            }
            _ => Error::system(self.node.display().to_string(), err),
        }
    }

    /// The numbers of the packet device, if there is one, and of the lower device.
    pub fn numbers(&self) -> Vec<DeviceNumber> {
        let mapping = self.mapping.iter().map(|map| map.number);
        mapping.chain([self.lower]).collect()
    }

    fn is_mounted(&self, paths: &Paths) -> bool {
        let mut numbers = self.numbers().into_iter();
        numbers.any(|number| !mountinfo::of(paths, number).is_empty())
    }

    /// Who uses the drive, in one line.
    fn busy(&self, paths: &Paths) -> String {
        let node = self.node.display();
        let upper = self.mapping.as_ref();
        let users = upper.map(|map| users::of(paths, map.number));
        match (upper, users) {
            (Some(map), Some(users)) if !users.is_empty() => {
                format!("{node} is used as {}, {}", map.name, users::text(&users))
            }
            _ => format!("{node} is {}", users::text(&users::of(paths, self.lower))),
        }
    }
}

/// Asks the drive what disc is in it, and whether packets can be written on that.
///
/// The drive is opened in the way that needs no disc, and moves no tray.
pub fn look(path: &Path, device: DeviceNumber) -> Result<std::result::Result<Medium, Refusal>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match open_device(path, device, flags) {
        Ok(drive) => Ok(survey::verdict(&mut Kernel::new(drive))),
        Err(err) if Errno::from_io_error(&err) == Some(Errno::NOMEDIUM) => {
            Ok(Err(Refusal::NoMedium))
        }
        Err(err) => Err(Error::system(path.display().to_string(), err)),
    }
}

/// Opens a node if it is still that of the device: a link such as `/dev/cdrom` may lead to another
/// drive a moment later.
fn open_device(path: &Path, device: DeviceNumber, flags: OFlags) -> io::Result<OwnedFd> {
    let file = open(path, flags, Mode::empty())?;
    let stat = fstat(&file)?;
    let is_block = FileType::from_raw_mode(stat.st_mode) == FileType::BlockDevice;
    match is_block && DeviceNumber::from_raw(stat.st_rdev) == device {
        true => Ok(file),
        false => Err(Errno::NODEV.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that leads elsewhere by now stands for that. No device node can be made here, so
    /// files of other kinds have to do.
    #[test]
    fn a_node_of_something_else() {
        let dir = tempfile::tempdir().unwrap();
        let node = dir.path().join("cdrom");
        std::os::unix::fs::symlink("/dev/null", &node).unwrap();
        for lower in ["11:0", "1:3"] {
            let target = Target {
                lower: lower.parse().unwrap(),
                node: node.clone(),
                mapping: None,
            };
            let paths = Paths::below(dir.path());
            let alone = target.open_alone(&paths, Duration::ZERO).map(drop);
            for outcome in [alone, target.open().map(drop), target.is_in_use().map(drop)] {
                assert!(matches!(outcome, Err(Error::NoDevice(_))), "{outcome:?}");
            }
            assert!(look(&node, target.lower).is_err());
        }
    }
}
