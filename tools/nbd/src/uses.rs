// SPDX-License-Identifier: GPL-2.0

//! What a device is used for.

use crate::device::Device;
use rustix::io::Errno;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;

/// `O_EXCL`, which a block device takes only from one at a time: mounts, swap and mappings have it.
const EXCLUSIVE: i32 = rustix::fs::OFlags::EXCL.bits() as i32;

/// The parts of a device, or the whole of it, in the text of `/proc/swaps`.
pub fn swap_areas(swaps: &str, device: Device) -> impl Iterator<Item = &str> {
    let node = device.node();
    swaps
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().next())
        .filter(move |path| belongs(path, &node))
}

/// Whether a path is a device's, or that of one of its partitions.
fn belongs(path: &str, node: &str) -> bool {
    match path.strip_prefix(node) {
        Some("") => true,
        Some(rest) => rest.strip_prefix('p').is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        }),
        None => false,
    }
}

/// Where a device or one of its partitions is mounted first, by the text of `/proc/self/mountinfo`.
pub fn mounted(mountinfo: &str, device: Device) -> Option<&str> {
    let node = device.node();
    mountinfo.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let source = source.split(' ').nth(1)?;
        belongs(source, &node)
            .then(|| mount.split(' ').nth(4))
            .flatten()
    })
}

/// What a device is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// Swap space: the areas.
    Swap(Vec<String>),
    /// Anything else, in words.
    Other(String),
}

impl Use {
    /// What `device` is used for now, if for anything.
    pub fn of(device: Device) -> io::Result<Option<Self>> {
        let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
        let areas: Vec<_> = swap_areas(&swaps, device).map(String::from).collect();
        if !areas.is_empty() {
            return Ok(Some(Self::Swap(areas)));
        }
        let open = OpenOptions::new()
            .read(true)
            .custom_flags(EXCLUSIVE)
            .open(device.node());
        match open.map_err(|err| Errno::from_io_error(&err).ok_or(err)) {
            Ok(_) | Err(Ok(Errno::NOENT)) => Ok(None),
            Err(Ok(Errno::BUSY)) => Ok(Some(Self::Other(words(device)))),
            Err(Ok(errno)) => Err(errno.into()),
            Err(Err(err)) => Err(err),
        }
    }
}

/// Who has a device that is not swap space.
fn words(device: Device) -> String {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    match mounted(&mounts, device) {
        Some(place) => format!("mounted on {place}"),
        None => "used by a file system, a mapping, or another program that has claimed it".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn areas() {
        let text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
                    /dev/nbd1                               partition\t1024\t0\t-2\n\
                    /dev/nbd1p2 partition 1 0 -2\n/dev/nbd10 partition 1 0 -3\n/dev/nbd1px x\n\
                    /swapfile file 1 0 -3\n";
        let of = |number| swap_areas(text, Device(number)).collect::<Vec<_>>();
        assert_eq!(of(1), ["/dev/nbd1", "/dev/nbd1p2"]);
        assert_eq!(of(10), ["/dev/nbd10"]);
        assert!(of(0).is_empty() && of(2).is_empty());
    }

    #[test]
    fn mounts() {
        let text = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                    50 22 43:32 / /srv/a\\040b rw - ext4 /dev/nbd1 rw\n\
                    51 22 0:50 /sub /srv/c rw shared:2 master:3 - btrfs /dev/nbd2p1 rw\n";
        assert_eq!(mounted(text, Device(1)), Some("/srv/a\\040b"));
        assert_eq!(mounted(text, Device(2)), Some("/srv/c"));
        assert_eq!(mounted(text, Device(0)), None);
        assert_eq!(mounted("50 22 43:32 / - \n - x /dev/nbd0", Device(0)), None);
    }

    proptest! {
        #[test]
        fn any_text(text in "(\\PC|[ \n-]|/dev/nbd0)*") {
            let _ = (swap_areas(&text, Device(0)).count(), mounted(&text, Device(0)));
        }
    }
}
