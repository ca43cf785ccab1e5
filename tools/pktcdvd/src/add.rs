// SPDX-License-Identifier: GPL-2.0

//! Maps a device.

use crate::class::Class;
use crate::cli::Add;
use crate::device_map::Mapping;
use crate::device_number::DeviceNumber;
use crate::drive;
use crate::medium;
use crate::nodes;
use crate::paths::Paths;
use crate::{Error, Result};
use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};

/// What has been made.
#[derive(Debug)]
pub struct Added {
    /// The packet device.
    pub mapping: Mapping,
    /// Its node: the one that was asked for, or else the kernel's.
    pub node: PathBuf,
}

/// Maps a device and makes a node for it, or leaves all as it was.
pub fn add(paths: &Paths, options: &Add) -> Result<Added> {
    if let Some(name) = &options.name {
        nodes::check_name(name)?;
    }
    let class = Class::open(paths)?;
    let lower = lower_number(paths, &options.device)?;
    if let Some(name) = &options.name {
        nodes::check_free(paths, name, &class.mappings()?)?;
    }
    if !options.force {
        check_medium(paths, lower, &options.device)?;
    }

    class
        .add(&command(lower, options))
        .map_err(|err| refusal(&class, lower, &options.device, err))?;
    finish(paths, &class, lower, options.name.as_deref())
        .map_err(|cause| undo(&class, lower, cause))
}

/// The number of the device that is to be mapped, which a path or itself may stand for.
fn lower_number(paths: &Paths, device: &str) -> Result<DeviceNumber> {
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

fn check_medium(paths: &Paths, lower: DeviceNumber, device: &str) -> Result {
    if !drive::is_optical(paths, lower) {
        return Ok(());
    }
    let path = match device.parse::<DeviceNumber>() {
        Err(_) => Some(PathBuf::from(device)),
        Ok(_) => drive::node_of(paths, lower),
    };
    let Some(path) = path else {
        return Ok(());
    };
    let objection = drive::look(&path)?
        .err()
        .and_then(|refusal| medium::objection(&refusal, &path.to_string_lossy()));
    objection.map_or(Ok(()), |text| Err(Error::Medium(text)))
}

/// What to write to `add`.
fn command(lower: DeviceNumber, options: &Add) -> String {
    let mut command = lower.to_string();
    let words = [
        ("packet_size", options.packet_size),
        ("packet_buffers", options.packet_buffers),
        ("offset", options.offset),
    ];
    for (key, value) in words {
        if let Some(value) = value {
            command += &format!(" {key}={value}");
        }
    }
    command
}

/// Finds what the kernel has made, and makes the node.
fn finish(
    paths: &Paths,
    class: &Class<'_>,
    lower: DeviceNumber,
    name: Option<&str>,
) -> Result<Added> {
    let mut mappings = class.mappings()?.into_iter();
    let mapping = mappings.find(|map| map.lower == lower).ok_or_else(|| {
        Error::NoDevice(format!("{lower} was mapped, and somebody has unmapped it"))
    })?;
    let node = match name {
        Some(name) if name == mapping.name => paths.nodes().join(name),
        Some(name) if nodes::is_kernels(name) => {
            return Err(Error::NameTaken(format!(
                "the name {name} is for the kernel to give, and it gave {}",
                mapping.name
            )))
        }
        Some(name) => nodes::create(paths, name, mapping.number)?,
        None => paths.nodes().join(&mapping.name),
    };
    Ok(Added { mapping, node })
}

fn undo(class: &Class<'_>, lower: DeviceNumber, cause: Error) -> Error {
    match class.remove(lower) {
        Ok(()) => cause,
        // That is as it was, too.
        Err(err) if Errno::from_io_error(&err) == Some(Errno::NXIO) => cause,
        Err(err) => Error::HalfMade {
            cause: Box::new(cause),
            undo: Box::new(Error::system("remove", err)),
            lower,
        },
    }
}

/// Says in words why the kernel did not map a device.
fn refusal(class: &Class<'_>, lower: DeviceNumber, device: &str, err: io::Error) -> Error {
    let failed = |text: &str| Error::System {
        what: format!("cannot map {device}: {text}"),
        source: io::Error::from_raw_os_error(err.raw_os_error().unwrap_or_default()),
    };
    match Errno::from_io_error(&err) {
        Some(Errno::BUSY) => Error::Busy(busy(class, lower, device)),
        Some(Errno::NXIO | Errno::NODEV) => Error::NoDevice(format!("there is no {device}")),
        Some(Errno::NOMEDIUM) => Error::Medium(format!("no disc in {device}")),
        Some(Errno::MEDIUMTYPE | Errno::ROFS) => Error::Medium(format!(
            "packets cannot be written on the disc in {device}; the kernel's log says why"
        )),
        Some(Errno::OPNOTSUPP) => failed("the driver takes no such device"),
        Some(Errno::INVAL) => {
            failed("the packet size or the offset does not suit it; the kernel's log says why")
        }
        Some(Errno::NOMEM) => failed("too little memory for the packet buffers"),
        _ => Error::system(format!("cannot map {device}"), err),
    }
}

fn busy(class: &Class<'_>, lower: DeviceNumber, device: &str) -> String {
    for map in class.mappings().unwrap_or_default() {
        if map.lower == lower {
            return format!(
                "{device} is mapped already, as {} ({})",
                map.name, map.number
            );
        }
        if map.number == lower {
            return format!("{device} is a packet device itself");
        }
    }
    format!("{device} is mounted or claimed by another program, or too many devices are mapped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        let lower = DeviceNumber {
            major: 8,
            minor: 16,
        };
        let mut options = Add {
            name: None,
            device: "/dev/sdb".into(),
            packet_size: None,
            packet_buffers: None,
            offset: None,
            force: false,
            json: false,
        };
        assert_eq!(command(lower, &options), "8:16");
        options.packet_size = Some(131072);
        options.offset = Some(2048);
        options.packet_buffers = Some(4);
        assert_eq!(
            command(lower, &options),
            "8:16 packet_size=131072 packet_buffers=4 offset=2048"
        );
    }
}
