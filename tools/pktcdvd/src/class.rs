// SPDX-License-Identifier: GPL-2.0

//! `/sys/class/pktcdvd`.

use crate::device_map::{self, Mapping};
use crate::device_number::DeviceNumber;
use crate::paths::Paths;
use crate::{Error, Result};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;

/// The class of a driver that is there.
pub struct Class<'a> {
    paths: &'a Paths,
}

impl<'a> Class<'a> {
    /// Fails if the driver is not loaded.
    pub fn open(paths: &'a Paths) -> Result<Self> {
        if paths.class().is_dir() {
            Ok(Self { paths })
        } else {
            Err(Error::NoModule(paths.class()))
        }
    }

    /// All packet devices, in the order of the kernel.
    pub fn mappings(&self) -> Result<Vec<Mapping>> {
        let path = self.paths.class().join("device_map");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(device_map::parse(&text)),
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                Err(Error::NoModule(self.paths.class()))
            }
            Err(err) => Err(Error::system(path.display().to_string(), err)),
        }
    }

    /// Maps a device; the error is the kernel's.
    pub fn add(&self, command: &str) -> io::Result<()> {
        write(&self.paths.class().join("add"), command)
    }

    /// Unmaps a device, by the number of either; the error is the kernel's.
    pub fn remove(&self, number: DeviceNumber) -> io::Result<()> {
        write(&self.paths.class().join("remove"), &number.to_string())
    }

    /// What a file of a packet device says, if it is there and may be read.
    pub fn attribute<T: FromStr>(&self, device: &str, file: &str) -> Option<T> {
        number_in(&self.paths.class_device(device).join(file))
    }

    /// Writes a number to a file of a packet device; the error is the kernel's.
    pub fn set(&self, device: &str, file: &str, value: i64) -> io::Result<()> {
        let path = self.paths.class_device(device).join(file);
        write(&path, &value.to_string())
    }

    /// All counters of a packet device, by name.
    pub fn counters(&self, device: &str) -> Vec<(String, u64)> {
        let Ok(dir) = fs::read_dir(self.paths.class_device(device).join("stat")) else {
            return Vec::new();
        };
        let mut counters: Vec<_> = dir
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some((name, number_in(&entry.path())?))
            })
            .collect();
        counters.sort();
        counters
    }
}

/// What the only line of a file says.
pub fn number_in<T: FromStr>(path: &Path) -> Option<T> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    // In one piece: each write is a command.
    OpenOptions::new()
        .write(true)
        .open(path)?
        .write_all(format!("{text}\n").as_bytes())
}
