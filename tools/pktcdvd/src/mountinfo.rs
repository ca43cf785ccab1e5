// SPDX-License-Identifier: GPL-2.0

//! What is mounted where.

use crate::device_number::DeviceNumber;
use crate::nodes;
use crate::paths::Paths;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A file system that is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The number of its block device.
    pub number: DeviceNumber,
    /// Where.
    pub point: PathBuf,
    /// What was mounted, as it was called then.
    pub source: PathBuf,
}

impl Mount {
    /// Whether it is of a block device.
    ///
    /// Some file systems, such as btrfs, have a number that is no device's: then it counts which
    /// device was mounted, of which `number_of` tells the number.
    pub fn is_of(
        &self,
        device: DeviceNumber,
        number_of: impl Fn(&Path) -> Option<DeviceNumber>,
    ) -> bool {
        let is_anonymous = self.number.major == 0 && self.source.starts_with("/dev");
        self.number == device || (is_anonymous && number_of(&self.source) == Some(device))
    }
}

/// All that is mounted, in the order in which it was.
pub fn read(paths: &Paths) -> Vec<Mount> {
    let text = fs::read(paths.proc().join("self/mountinfo")).unwrap_or_default();
    parse(&text)
}

/// What is mounted of a block device, in the order in which it was.
pub fn of(paths: &Paths, device: DeviceNumber) -> Vec<Mount> {
    let mut mounts = read(paths);
    mounts.retain(|mount| mount.is_of(device, number_of));
    mounts
}

/// Where a block device is mounted, in the order in which it was.
pub fn points(paths: &Paths, device: DeviceNumber) -> Vec<PathBuf> {
    let mounts = of(paths, device).into_iter();
    mounts.map(|mount| mount.point).collect()
}

/// The number of a block device by its node.
pub fn number_of(node: &Path) -> Option<DeviceNumber> {
    nodes::number_of(node).ok().flatten()
}

fn parse(text: &[u8]) -> Vec<Mount> {
    let lines = text.split(|&byte| byte == b'\n');
    lines
        .filter_map(|line| {
            let mut words = line.split(|&byte| byte == b' ').skip(2);
            let number = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
            let point = words.nth(1)?;
            // Behind some words that may be there or not.
            let source = words.skip_while(|&word| word != b"-").nth(2);
            let path = |word| PathBuf::from(OsString::from_vec(unescape(word)));
            Some(Mount {
                number,
                point: path(point),
                source: source.map(path).unwrap_or_default(),
            })
        })
        .collect()
}

/// Blanks and the like are three octal digits behind a backslash.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        let code = match (byte, behind.get(..3)) {
            (b'\\', Some(digits)) if digits.iter().all(|d| (b'0'..=b'7').contains(d)) => {
                let code = digits.iter().fold(0u32, |n, d| n * 8 + u32::from(d - b'0'));
                u8::try_from(code).ok()
            }
            _ => None,
        };
        if code.is_some() {
            rest = behind.get(3..).unwrap_or_default();
        }
        bytes.push(code.unwrap_or(byte));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines() {
        let text = b"22 1 0:20 / /proc rw - proc proc rw\n\
            90 1 252:1 / /mnt/my\\040disc rw,noatime shared:3 - udf /dev/pktcdvd/disc rw\nx\n1 2 3\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[1].point, Path::new("/mnt/my disc"));
        assert_eq!(mounts[1].number.to_string(), "252:1");
        assert_eq!(mounts[1].source, Path::new("/dev/pktcdvd/disc"));
        assert_eq!(unescape(b"a\\134b\\9\\777\\"), b"a\\b\\9\\777\\");
    }

    #[test]
    fn a_file_system_with_a_number_of_its_own() {
        let text =
            b"91 1 0:44 / /mnt rw shared:3 master:1 - btrfs /dev/pktcdvd/disc rw,subvolid=5\n\
            92 1 0:45 / /tmp rw - tmpfs tmpfs rw\n\
            93 1 8:1 / / rw - ext4 /dev/pktcdvd/disc rw\n";
        let device: DeviceNumber = "252:1".parse().unwrap();
        let number_of = |node: &Path| (node == Path::new("/dev/pktcdvd/disc")).then_some(device);
        let mounts = parse(text);
        let of: Vec<_> = mounts
            .iter()
            .map(|mount| mount.is_of(device, number_of))
            .collect();
        // What is known by its number is what that says.
        assert_eq!(of, [true, false, false]);
    }

    proptest! {
        #[test]
        fn any_text(text in prop::collection::vec(any::<u8>(), 0..200)) {
            parse(&text);
            prop_assert!(unescape(&text).len() <= text.len());
        }
    }
}
