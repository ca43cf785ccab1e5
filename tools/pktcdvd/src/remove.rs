// SPDX-License-Identifier: GPL-2.0

//! Unmaps devices.

use crate::class::Class;
use crate::device_map::Mapping;
use crate::device_number::DeviceNumber;
use crate::nodes;
use crate::paths::Paths;
use crate::{Error, Result};
use rustix::io::Errno;
use std::path::Path;

/// Finds the packet device that a user means: by the name that the kernel gave it, by a node's
/// name or path, or by number; a path or number may also be those of the lower device.
pub fn find(paths: &Paths, mappings: &[Mapping], target: &str) -> Result<Mapping> {
    let by_number = |number: DeviceNumber| {
        let of = |same: &dyn Fn(&Mapping) -> bool| mappings.iter().find(|map| same(map)).cloned();
        of(&|map| map.number == number).or_else(|| of(&|map| map.lower == number))
    };
    if let Some(map) = mappings.iter().find(|map| map.name == target) {
        return Ok(map.clone());
    }
    let unmapped = || Error::NoDevice(format!("{target} is not mapped"));
    if let Ok(number) = target.parse() {
        return by_number(number).ok_or_else(unmapped);
    }
    let path = match target.contains('/') {
        true => Path::new(target).to_owned(),
        false => {
            nodes::check_name(target)?;
            paths.nodes().join(target)
        }
    };
    match nodes::number_of(&path) {
        Ok(Some(number)) => by_number(number).ok_or_else(unmapped),
        Ok(None) => Err(Error::Usage(format!(
            "{} is no block device",
            path.display()
        ))),
        Err(err) if Errno::from_io_error(&err) == Some(Errno::NOENT) => Err(Error::NoDevice(
            format!("there is no packet device {target}"),
        )),
        Err(err) => Err(Error::system(path.display().to_string(), err)),
    }
}

/// Unmaps a device and removes the nodes that users have named; returns what it was.
pub fn remove(paths: &Paths, target: &str) -> Result<Mapping> {
    let class = Class::open(paths)?;
    let map = find(paths, &class.mappings()?, target)?;
    // Before, since the number may be another device's right after.
    let names = nodes::names_of(paths, map.number);
    class
        .remove(map.number)
        .map_err(|err| match Errno::from_io_error(&err) {
            Some(Errno::BUSY) => Error::Busy(format!(
                "{} ({}) is open or mounted: unmount it first",
                map.name, map.number
            )),
            Some(Errno::NXIO) => Error::NoDevice(format!("{target} is not mapped any more")),
            _ => Error::system(format!("cannot unmap {}", map.name), err),
        })?;
    nodes::remove(paths, &names)?;
    Ok(map)
}
