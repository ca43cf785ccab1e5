// SPDX-License-Identifier: GPL-2.0

//! `/sys/class/ubd`, and the files of disks.

use crate::{Error, Result};
use rustix::io::Errno;
use serde::Serialize;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// Its name.
    pub name: String,
    /// Its number, `major:minor`.
    pub number: String,
    /// Path of its image, as it was given.
    pub cow: String,
}

/// The class of a driver that is there.
#[derive(Debug)]
pub struct Class {
    sysfs: PathBuf,
}

impl Class {
    /// Fails if the driver is not loaded.
    pub fn open() -> Result<Self> {
        let class = Self { sysfs: sysfs() };
        match class.directory().is_dir() {
            true => Ok(class),
            false => Err(Error::NoDriver),
        }
    }

    fn directory(&self) -> PathBuf {
        self.sysfs.join("class/ubd")
    }

    /// All disks, in the order of the driver.
    pub fn disks(&self) -> Result<Vec<Disk>> {
        let path = self.directory().join("device_map");
        let text = fs::read(&path).map_err(|err| Error::of(&path, err))?;
        Ok(String::from_utf8_lossy(&text)
            .lines()
            .filter_map(disk)
            .collect())
    }

    /// The disk that a user means: by its name, the path of its node, its number, or the path of its image.
    pub fn find(&self, target: &str) -> Result<Disk> {
        let name = target.strip_prefix("/dev/").unwrap_or(target);
        let is_meant =
            |disk: &Disk| disk.name == name || disk.number == target || disk.cow == target;
        let mut disks = self.disks()?.into_iter();
        disks
            .find(is_meant)
            .ok_or_else(|| Error::NotThere(format!("there is no disk {target}")))
    }

    /// Adds a disk; the error is the kernel's.
    pub fn add(&self, command: &[u8]) -> io::Result<()> {
        write(&self.directory().join("add"), command)
    }

    /// Removes a disk; the error is the kernel's.
    pub fn remove(&self, command: &str) -> io::Result<()> {
        write(&self.directory().join("remove"), command.as_bytes())
    }

    /// What a file of a disk says, if it is there.
    pub fn attribute<T: FromStr>(&self, disk: &str, file: &str) -> Option<T> {
        let path = self.sysfs.join("block").join(disk).join(file);
        fs::read_to_string(path).ok()?.trim_end().parse().ok()
    }
}

fn sysfs() -> PathBuf {
    #[cfg(feature = "test-root")]
    if let Some(root) = std::env::var_os("UBD_SYSFS") {
        return root.into();
    }
    "/sys".into()
}

/// One write, as the driver wants a command.
fn write(path: &Path, command: &[u8]) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .open(path)?
        .write_all(command)
}

/// Reads a line of `NAME MAJOR:MINOR PATH`; the path may have blanks in it.
fn disk(line: &str) -> Option<Disk> {
    let mut words = line.splitn(3, ' ');
    let name = words.next()?;
    // It becomes part of paths.
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return None;
    }
    Some(Disk {
        name: name.to_owned(),
        number: words.next()?.to_owned(),
        cow: words.next()?.to_owned(),
    })
}

/// Whether the kernel said that.
pub fn is(err: &io::Error, errno: Errno) -> bool {
    Errno::from_io_error(err) == Some(errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let root = disk("root 253:1 /my images/a.cow").unwrap();
        assert_eq!(
            (root.name.as_str(), root.number.as_str()),
            ("root", "253:1")
        );
        assert_eq!(root.cow, "/my images/a.cow");
        for line in ["", "ubda", "ubda 253:0", "../x 253:0 /a", " 253:0 /a"] {
            assert_eq!(disk(line), None, "{line}");
        }
    }
}
