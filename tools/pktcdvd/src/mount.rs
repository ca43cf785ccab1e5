// SPDX-License-Identifier: GPL-2.0

//! Mounts discs, and unmounts them.

use crate::class::Class;
use crate::cli::{Mount, Umount};
use crate::contents::{self, Contents};
use crate::device_map::Mapping;
use crate::drive::Target;
use crate::mapped::{self, Mapped, LOOKERS};
use crate::mountinfo;
use crate::paths::Paths;
use crate::programs;
use crate::remove;
use crate::{Error, Result};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The package that has `mount` and `umount`.
const PACKAGE: &str = "mount (util-linux)";

/// Mounts a disc; maps its drive if need be.
pub fn mount(paths: &Paths, options: &Mount) -> Result {
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

fn try_to_mount(paths: &Paths, options: &Mount, mapping: &Mapping) -> Result {
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
fn contents(node: &Path) -> Result<Option<Contents>> {
    let failed = |err| Error::system(node.display().to_string(), err);
    let file = File::open(node).map_err(|err| match err.raw_os_error() {
        Some(code) if code == rustix::io::Errno::NOMEDIUM.raw_os_error() => {
            Error::Medium(format!("{}: no medium; put a disc in", node.display()))
        }
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
pub fn umount(paths: &Paths, options: &Umount) -> Result {
    let class = Class::open(paths)?;
    let mappings = class.mappings()?;
    let path = Path::new(&options.target);
    let mapping = match remove::find(paths, &mappings, &options.target) {
        // A directory stands for what is mounted on it.
        Err(_) if path.is_dir() => mounted_on(paths, &mappings, path)?,
        mapping => mapping?,
    };
    unmount_all(paths, &mapping)?;
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
    let mapping = mount.and_then(|mount| mappings.iter().find(|map| map.number == mount.number));
    mapping.cloned().ok_or_else(|| {
        Error::NoDevice(format!("no packet device is mounted on {}", path.display()))
    })
}

/// Unmounts all file systems of a packet device, the last one first.
pub fn unmount_all(paths: &Paths, mapping: &Mapping) -> Result {
    unmount(&mountinfo::points(paths, mapping.number))
}

/// Unmounts what is mounted on directories, the last one first.
pub fn unmount(points: &[std::path::PathBuf]) -> Result {
    for point in points.iter().rev() {
        programs::run("umount", PACKAGE, [point])?;
    }
    Ok(())
}
