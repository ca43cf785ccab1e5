// SPDX-License-Identifier: GPL-2.0

//! Unmaps devices.

use crate::class::Class;
use crate::device_map::Mapping;
use crate::device_number::DeviceNumber;
use crate::mountinfo;
use crate::nodes;
use crate::paths::Paths;
use crate::users;
use crate::{Error, Result};
use rustix::io::Errno;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Finds the packet device that a user means: by the name that the kernel gave it, by a name in
/// `/dev/pktcdvd`, by a node's path, or by number; a path or number may also be those of the lower
/// device.
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
    if let Some(map) = nodes::named(paths, &path, mappings) {
        return Ok(map.clone());
    }
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

/// Unmaps a device and takes its names away; returns what it was.
///
/// Waits up to `limit` for programs that have it open, which may just look at it.
pub fn remove(paths: &Paths, target: &str, limit: Duration) -> Result<Mapping> {
    let class = Class::open(paths)?;
    let map = find(paths, &class.mappings()?, target)?;
    unmap(paths, &class, &map, limit)?;
    Ok(map)
}

/// Unmaps a device and takes its names away.
pub fn unmap(paths: &Paths, class: &Class<'_>, map: &Mapping, limit: Duration) -> Result {
    // Before, since the name may be another device's right after.
    let names = nodes::names_of(paths, map);
    let mounted = || !mountinfo::points(paths, map.number).is_empty();
    users::retry(limit, mounted, || class.remove(map.number)).map_err(|err| {
        match Errno::from_io_error(&err) {
            Some(Errno::BUSY) => Error::Busy(format!(
                "{} ({}) is {}",
                map.name,
                map.number,
                users::text(&users::of(paths, map.number))
            )),
            Some(Errno::NXIO) => Error::NoDevice(format!("{} is not mapped any more", map.name)),
            _ => Error::system(format!("cannot unmap {}", map.name), err),
        }
    })?;
    // That it was mapped for a mount is of no more use.
    let _ = fs::remove_file(paths.state(&map.name));
    nodes::remove(paths, &names)
}
