// SPDX-License-Identifier: GPL-2.0

//! Mounts discs, and unmounts them.

use crate::class::Class;
use crate::cli;
use crate::contents::{self, Contents};
use crate::device_map::Mapping;
use crate::device_number::DeviceNumber;
use crate::drive::{self, Target};
use crate::mapped::{self, Mapped, LOOKERS};
use crate::mountinfo::{self, Mount};
use crate::paths::Paths;
use crate::programs;
use crate::remove;
use crate::{Error, Result};
use rustix::fd::OwnedFd;
use rustix::fs::{open, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The package that has `mount` and `umount`.
const PACKAGE: &str = "mount (util-linux)";

/// Mounts a disc; maps its drive if need be.
pub fn mount(paths: &Paths, options: &cli::Mount) -> Result {
    let target = Target::find(paths, &options.target)?;
    let class = Class::open(paths)?;
    let mapped = Mapped::new(paths, &class, &target)?;
    let mounted = try_to_mount(paths, options, mapped.mapping()).and_then(|()| mapped.keep());
    if mounted.is_err() {
        // Why it could not be mounted is what counts.
        let _ = mapped.end();
    }
    mounted
}

fn try_to_mount(paths: &Paths, options: &cli::Mount, mapping: &Mapping) -> Result {
    let node = paths.nodes().join(&mapping.name);
    let kind = match &options.kind {
        Some(kind) => Some(kind.clone()),
        None => contents(&node)?
            .and_then(|contents| contents.filesystem)
            .map(str::to_owned),
    };
    let mut arguments: Vec<OsString> = Vec::new();
    // What is not known here, mount asks libblkid for.
    if let Some(kind) = kind {
        arguments.extend(["-t".into(), kind.into()]);
    }
    for option in &options.options {
        arguments.extend(["-o".into(), option.into()]);
    }
    arguments.push(node.into());
    arguments.push(options.directory.clone().into());
    programs::run("mount", PACKAGE, arguments)
}

/// What is on a packet device.
pub fn contents(node: &Path) -> Result<Option<Contents>> {
    let failed = |err| Error::system(node.display().to_string(), err);
    let file = File::open(node).map_err(|err| match err.raw_os_error() {
        Some(code) if code == Errno::NOMEDIUM.raw_os_error() => Error::Medium(format!(
            "{}: no medium; put a disc in, and shut the tray",
            node.display()
        )),
        _ => failed(err),
    })?;
    contents::find(|first, blocks| read(&file, first, blocks)).map_err(failed)
}

fn read(file: &File, first: u32, blocks: u32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; blocks as usize * 2048];
    let (mut len, start) = (0, u64::from(first) * 2048);
    while len < bytes.len() {
        match file.read_at(&mut bytes[len..], start + len as u64) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

/// Unmounts a disc, and unmaps its drive if this command has mapped it; see [`Mapped::keep`].
pub fn umount(paths: &Paths, options: &cli::Umount) -> Result {
    let class = Class::open(paths)?;
    let mappings = class.mappings()?;
    let path = Path::new(&options.target);
    let mapping = match remove::find(paths, &mappings, &options.target) {
        // A directory stands for what is mounted on it.
        Err(_) if path.is_dir() => mounted_on(paths, &mappings, path)?,
        mapping => mapping?,
    };
    unmount(paths, &[mapping.number])?;
    if mapped::is_ours(paths, &mapping) {
        remove::unmap(paths, &class, &mapping, LOOKERS)?;
    }
    Ok(())
}

fn mounted_on(paths: &Paths, mappings: &[Mapping], path: &Path) -> Result<Mapping> {
    let path =
        fs::canonicalize(path).map_err(|err| Error::system(path.display().to_string(), err))?;
    let mounts = mountinfo::read(paths);
    let mount = mounts.iter().rev().find(|mount| mount.point == path);
    let is_of = |mount: &Mount, map: &&Mapping| mount.is_of(map.number, mountinfo::number_of);
    let mapping = mount.and_then(|mount| mappings.iter().find(|map| is_of(mount, map)));
    mapping.cloned().ok_or_else(|| {
        Error::NoDevice(format!("no packet device is mounted on {}", path.display()))
    })
}

/// Unmounts all file systems of devices, the last one first, with all that was written on them.
///
/// Unmounting itself does not tell what could not be written. So all is written before, and nothing
/// is unmounted if that fails; and what unmounting has written is asked of the devices.
pub fn unmount(paths: &Paths, devices: &[DeviceNumber]) -> Result {
    let mut written = Vec::new();
    for &device in devices {
        let mounts = mountinfo::of(paths, device);
        // The kernel tells of an error once to each: all are asked, so that the next try can do
        // without what is lost.
        let mut told = Ok(());
        for mount in &mounts {
            told = told.and(sync(&mount.point, |file| rustix::fs::syncfs(file)).map(drop));
        }
        // Without a node the file systems alone tell.
        let node = drive::node_of(paths, device).filter(|_| !mounts.is_empty());
        if let Some(node) = node {
            match sync(&node, |file| rustix::fs::fsync(file)) {
                Ok(file) => written.push((file, node)),
                Err(error) => told = told.and(Err(error)),
            }
        }
        told?;
        for mount in mounts.iter().rev() {
            check_top(paths, devices, &mount.point)?;
            programs::run("umount", PACKAGE, [&mount.point])?;
        }
    }
    for (file, node) in &written {
        rustix::fs::fsync(file).map_err(|err| lost(node, err))?;
    }
    Ok(())
}

/// Opens a directory or device, and has written what belongs to it.
fn sync(path: &Path, write: impl Fn(&OwnedFd) -> rustix::io::Result<()>) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::empty()).and_then(|file| write(&file).map(|()| file));
    file.map_err(|err| lost(path, err))
}

fn lost(path: &Path, err: Errno) -> Error {
    Error::Failed(format!(
        "{}: what was written may not be on the disc: {err}",
        path.display()
    ))
}

/// Checks that what is to be unmounted is not hidden by what somebody else has mounted upon it.
fn check_top(paths: &Paths, devices: &[DeviceNumber], point: &Path) -> Result {
    let mounts = mountinfo::read(paths);
    let top = mounts.iter().rev().find(|mount| mount.point == point);
    let is_ours = |mount: &Mount| {
        let mut devices = devices.iter();
        devices.any(|&device| mount.is_of(device, mountinfo::number_of))
    };
    match top {
        Some(top) if !is_ours(top) => Err(Error::Busy(format!(
            "{} is mounted upon {}: unmount that first",
            top.source.display(),
            point.display()
        ))),
        _ => Ok(()),
    }
}
