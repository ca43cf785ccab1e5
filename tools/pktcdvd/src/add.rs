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
use crate::users;
use crate::{Error, Result};
use rustix::io::Errno;
use std::io;
use std::path::PathBuf;

/// What has been made.
#[derive(Debug)]
pub struct Added {
    /// The packet device.
    pub mapping: Mapping,
    /// Its node: the name that was asked for, or else the kernel's.
    pub node: PathBuf,
    /// Why packets cannot be written on the disc that is in the drive now.
    pub warning: Option<String>,
}

/// Maps a device and gives it a name, or leaves all as it was.
pub fn add(paths: &Paths, options: &Add) -> Result<Added> {
    if let Some(name) = &options.name {
        nodes::check_name(name)?;
    }
    let class = Class::open(paths)?;
    let lower = drive::number(paths, &options.device)?;
    if let Some(name) = &options.name {
        nodes::check_free(paths, name, &class.mappings()?)?;
    }
    let warning = match options.force {
        true => None,
        false => objection(paths, lower, &options.device)?,
    };
    if let Some(text) = warning.as_ref().filter(|_| options.check) {
        return Err(Error::Medium(text.clone()));
    }

    class
        .add(&command(lower, options))
        .map_err(|err| refusal(paths, &class, lower, options, err))?;
    let (mapping, node) = finish(paths, &class, lower, options.name.as_deref())
        .map_err(|cause| undo(&class, lower, cause))?;
    Ok(Added {
        mapping,
        node,
        warning,
    })
}

/// Why packets cannot be written on the disc in the drive, if it is a drive.
fn objection(paths: &Paths, lower: DeviceNumber, device: &str) -> Result<Option<String>> {
    if !drive::is_optical(paths, lower) {
        return Ok(None);
    }
    let path = match device.parse::<DeviceNumber>() {
        Err(_) => Some(PathBuf::from(device)),
        Ok(_) => drive::node_of(paths, lower),
    };
    let Some(path) = path else {
        return Ok(None);
    };
    let refusal = drive::look(&path, lower)?.err();
    Ok(refusal.and_then(|refusal| medium::objection(&refusal, &path.to_string_lossy())))
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

/// Finds what the kernel has made, and gives it its name.
fn finish(
    paths: &Paths,
    class: &Class<'_>,
    lower: DeviceNumber,
    name: Option<&str>,
) -> Result<(Mapping, PathBuf)> {
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
        Some(name) => nodes::create(paths, name, &mapping)?,
        None => paths.nodes().join(&mapping.name),
    };
    Ok((mapping, node))
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
fn refusal(
    paths: &Paths,
    class: &Class<'_>,
    lower: DeviceNumber,
    options: &Add,
    err: io::Error,
) -> Error {
    let device = &options.device;
    let failed = |text: &str| Error::System {
        what: format!("cannot map {device}: {text}"),
        source: io::Error::from_raw_os_error(err.raw_os_error().unwrap_or_default()),
    };
    let sized = options.packet_size.is_some() || options.offset.is_some();
    match Errno::from_io_error(&err) {
        Some(Errno::BUSY) => Error::Busy(busy(paths, class, lower, device)),
        Some(Errno::NXIO | Errno::NODEV) => Error::NoDevice(format!("there is no {device}")),
        Some(Errno::NOMEDIUM) => Error::Medium(format!("no disc in {device}")),
        Some(Errno::MEDIUMTYPE | Errno::ROFS) => Error::Medium(format!(
            "packets cannot be written on the disc in {device}; the kernel's log says why"
        )),
        Some(Errno::OPNOTSUPP) => failed("the driver takes no such device"),
        Some(Errno::INVAL) if sized && drive::is_optical(paths, lower) => Error::Usage(format!(
            "{device} is an optical drive, whose discs say how large packets are and where they \
             begin: leave --packet-size and --offset out"
        )),
        Some(Errno::INVAL) => {
            failed("the packet size or the offset does not suit it; the kernel's log says why")
        }
        Some(Errno::NOMEM) => failed("too little memory for the packet buffers"),
        _ => Error::system(format!("cannot map {device}"), err),
    }
}

fn busy(paths: &Paths, class: &Class<'_>, lower: DeviceNumber, device: &str) -> String {
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
    let users = users::of(paths, lower);
    if users.is_empty() {
        return format!(
            "{device} is mounted or claimed by another program, or too many devices are mapped"
        );
    }
    format!("{device} is {}", users::text(&users))
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
            check: false,
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
