// SPDX-License-Identifier: GPL-2.0

//! Nodes in `/dev/pktcdvd`: those of the kernel, `pktcdvd0` and so on, and those that users name.

use crate::device_map::Mapping;
use crate::device_number::DeviceNumber;
use crate::paths::Paths;
use crate::{Error, Result};
use rustix::fs::{mknodat, FileType, Mode, CWD};
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Rights of a new node, those that `pktsetup` gives it.
const MODE: Mode = Mode::from_raw_mode(0o640);

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

/// Checks that a node can be made; one that leads nowhere counts for nothing.
pub fn check_free(paths: &Paths, name: &str, mappings: &[Mapping]) -> Result {
    let path = paths.nodes().join(name);
    let taken = |what: String| Err(Error::NameTaken(format!("{} {what}", path.display())));

    match fs::symlink_metadata(&path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        // There is no such directory; whoever makes the node will say so.
        Err(err) if err.kind() == io::ErrorKind::NotADirectory => Ok(()),
        Err(err) => Err(Error::system(path.display().to_string(), err)),
        Ok(file) if !file.file_type().is_block_device() => {
            taken("exists, and is no block device".into())
        }
        Ok(file) => {
            let number = DeviceNumber::from_raw(file.rdev());
            match mappings.iter().find(|map| map.number == number) {
                Some(map) => taken(format!("exists: it is {} ({number})", map.name)),
                None => Ok(()),
            }
        }
    }
}

/// Makes the node, in place of one that leads nowhere; see [`check_free`].
pub fn create(paths: &Paths, name: &str, number: DeviceNumber) -> Result<PathBuf> {
    let dir = paths.nodes();
    let path = dir.join(name);
    let failed = |err: io::Error| Error::system(format!("cannot make {}", path.display()), err);

    match fs::create_dir(&dir) {
        Err(err) if err.kind() != io::ErrorKind::AlreadyExists => return Err(failed(err)),
        _ => {}
    }
    match fs::symlink_metadata(&path) {
        Ok(file) if file.file_type().is_block_device() => fs::remove_file(&path).map_err(failed)?,
        _ => {}
    }
    mknodat(CWD, &path, FileType::BlockDevice, MODE, number.to_raw())
        .map_err(|err| failed(err.into()))?;
    Ok(path)
}

/// Names of the nodes of a device that users have named.
pub fn names_of(paths: &Paths, number: DeviceNumber) -> Vec<String> {
    let Ok(dir) = fs::read_dir(paths.nodes()) else {
        return Vec::new();
    };
    let mut names: Vec<_> = dir
        .flatten()
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            let same = metadata.file_type().is_block_device()
                && DeviceNumber::from_raw(metadata.rdev()) == number;
            entry.file_name().into_string().ok().filter(|_| same)
        })
        .filter(|name| !is_kernels(name))
        .collect();
    names.sort();
    names
}

/// Removes nodes that users have named.
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
