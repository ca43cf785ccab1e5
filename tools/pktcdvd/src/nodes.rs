// SPDX-License-Identifier: GPL-2.0

//! Nodes in `/dev/pktcdvd`: those of the kernel, `pktcdvd0` and so on, and names that users give.
//!
//! A name is a link to the kernel's node, so that it has the rights that udev gives to that.

use crate::device_map::Mapping;
use crate::device_number::DeviceNumber;
use crate::paths::Paths;
use crate::{Error, Result};
use std::fs;
use std::io;
use std::os::unix::fs::{symlink, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The longest name that a file can have, in bytes.
const MAX_NAME: usize = 255;

/// Checks that a name can be one of a node.
pub fn check_name(name: &str) -> Result {
    let wrong = if name.is_empty() {
        "is empty"
    } else if name.len() > MAX_NAME {
        "is too long"
    } else if name.contains('/') {
        "must not have a `/` in it: the node is made in /dev/pktcdvd"
    } else if name.starts_with(['.', '-']) {
        "must not begin with that character"
    } else if name.chars().any(char::is_control) {
        "must not have control characters in it"
    } else if name == "control" {
        "is that of the control device"
    } else {
        return Ok(());
    };
    Err(Error::Usage(format!("the name {name:?} {wrong}")))
}

/// Whether the kernel makes and removes nodes of such names by itself.
pub fn is_kernels(name: &str) -> bool {
    name.strip_prefix("pktcdvd")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The number of a block device's node, `None` if the file is something else.
pub fn number_of(path: &Path) -> io::Result<Option<DeviceNumber>> {
    let metadata = fs::metadata(path)?;
    let is_block = metadata.file_type().is_block_device();
    Ok(is_block.then(|| DeviceNumber::from_raw(metadata.rdev())))
}

/// The device that a name or node stands for.
enum Meant {
    /// The kernel's node of that name, to which it is a link.
    Kernels(String),
    /// A node with that number, as `pktsetup` makes it.
    Number(DeviceNumber),
    /// None.
    Nothing,
}

/// What a file in the directory of nodes stands for, if there is one.
fn meant(paths: &Paths, path: &Path) -> io::Result<Meant> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.file_type().is_block_device() {
        return Ok(Meant::Number(DeviceNumber::from_raw(metadata.rdev())));
    }
    if !metadata.file_type().is_symlink() {
        return Ok(Meant::Nothing);
    }
    let target = fs::read_link(path)?;
    let beside = match target.parent() {
        Some(parent) => parent == Path::new("") || parent == paths.nodes(),
        None => false,
    };
    let name = target.file_name().and_then(|name| name.to_str());
    Ok(match name {
        Some(name) if beside && is_kernels(name) => Meant::Kernels(name.to_owned()),
        _ => Meant::Nothing,
    })
}

impl Meant {
    fn is(&self, map: &Mapping) -> bool {
        match self {
            Self::Kernels(name) => *name == map.name,
            Self::Number(number) => *number == map.number,
            Self::Nothing => false,
        }
    }
}

/// The packet device that a name in the directory of nodes is of; [`None`] if there is no such name.
pub fn named<'a>(paths: &Paths, path: &Path, mappings: &'a [Mapping]) -> Option<&'a Mapping> {
    if path.parent() != Some(&paths.nodes()) {
        return None;
    }
    let meant = meant(paths, path).ok()?;
    mappings.iter().find(|map| meant.is(map))
}

/// Checks that a name can be given; one that leads nowhere counts for nothing.
pub fn check_free(paths: &Paths, name: &str, mappings: &[Mapping]) -> Result {
    let path = paths.nodes().join(name);
    let taken = |what: String| Err(Error::NameTaken(format!("{} {what}", path.display())));

    match meant(paths, &path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        // There is no such directory; whoever makes the link will say so.
        Err(err) if err.kind() == io::ErrorKind::NotADirectory => Ok(()),
        Err(err) => Err(Error::system(path.display().to_string(), err)),
        Ok(Meant::Nothing) => taken("exists, and is no name of a packet device".into()),
        Ok(meant) => match mappings.iter().find(|map| meant.is(map)) {
            Some(map) => taken(format!("exists: it is {} ({})", map.name, map.number)),
            None => Ok(()),
        },
    }
}

/// Gives a name, in place of one that leads nowhere; see [`check_free`].
pub fn create(paths: &Paths, name: &str, map: &Mapping) -> Result<PathBuf> {
    let dir = paths.nodes();
    let path = dir.join(name);
    let failed = |err: io::Error| Error::system(format!("cannot make {}", path.display()), err);

    match fs::create_dir(&dir) {
        Err(err) if err.kind() != io::ErrorKind::AlreadyExists => return Err(failed(err)),
        _ => {}
    }
    match meant(paths, &path) {
        Ok(Meant::Nothing) | Err(_) => {}
        Ok(_) => fs::remove_file(&path).map_err(failed)?,
    }
    symlink(&map.name, &path).map_err(failed)?;
    Ok(path)
}

/// Names of a device that users have given.
pub fn names_of(paths: &Paths, map: &Mapping) -> Vec<String> {
    let Ok(dir) = fs::read_dir(paths.nodes()) else {
        return Vec::new();
    };
    let mut names: Vec<_> = dir
        .flatten()
        .filter(|entry| meant(paths, &entry.path()).is_ok_and(|meant| meant.is(map)))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !is_kernels(name))
        .collect();
    names.sort();
    names
}

/// Takes names away that users have given.
pub fn remove(paths: &Paths, names: &[String]) -> Result {
    for name in names {
        let path = paths.nodes().join(name);
        match fs::remove_file(&path) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => {
                let what = format!("unmapped, but cannot remove {}", path.display());
                return Err(Error::system(what, err));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names() {
        for name in ["disc", "cd-rw", "Ünï code", "pktcdvd", "a.b"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", ".x", "-a", "a/b", "/", "x\ny", "control"] {
            assert!(matches!(check_name(name), Err(Error::Usage(_))), "{name}");
        }
        assert!(check_name(&"x".repeat(255)).is_ok());
        assert!(check_name(&"x".repeat(256)).is_err());
    }

    #[test]
    fn names_of_the_kernel() {
        assert!(is_kernels("pktcdvd0") && is_kernels("pktcdvd127"));
        assert!(!is_kernels("pktcdvd") && !is_kernels("pktcdvd1x") && !is_kernels("disc0"));
    }

    proptest! {
        #[test]
        fn a_name_stays_in_its_directory(name in "\\PC*") {
            if check_name(&name).is_ok() {
                let path = Path::new("/dev/pktcdvd").join(&name);
                prop_assert_eq!(path.parent(), Some(Path::new("/dev/pktcdvd")));
                prop_assert_eq!(path.file_name().and_then(|n| n.to_str()), Some(&*name));
            }
        }
    }
}
