// SPDX-License-Identifier: GPL-2.0

//! What is mounted where.

use crate::device_number::DeviceNumber;
use crate::paths::Paths;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// A file system that is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The number of its block device.
    pub number: DeviceNumber,
    /// Where.
    pub point: PathBuf,
}

/// All that is mounted, in the order in which it was.
pub fn read(paths: &Paths) -> Vec<Mount> {
    let text = fs::read(paths.proc().join("self/mountinfo")).unwrap_or_default();
    parse(&text)
}

/// Where a block device is mounted, in the order in which it was.
pub fn points(paths: &Paths, number: DeviceNumber) -> Vec<PathBuf> {
    let mounts = read(paths).into_iter();
    let mounts = mounts.filter(|mount| mount.number == number);
    mounts.map(|mount| mount.point).collect()
}

fn parse(text: &[u8]) -> Vec<Mount> {
    let lines = text.split(|&byte| byte == b'\n');
    lines
        .filter_map(|line| {
            let mut words = line.split(|&byte| byte == b' ').skip(2);
            let number = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
            let point = words.nth(1)?;
            Some(Mount {
                number,
                point: OsString::from_vec(unescape(point)).into(),
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
    use std::path::Path;

    #[test]
    fn lines() {
        let text = b"22 1 0:20 / /proc rw - proc proc rw\n\
            90 1 252:1 / /mnt/my\\040disc rw,noatime shared:3 - udf /dev/pktcdvd/disc rw\nx\n1 2 3\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[1].point, Path::new("/mnt/my disc"));
        assert_eq!(mounts[1].number.to_string(), "252:1");
        assert_eq!(unescape(b"a\\134b\\9\\777\\"), b"a\\b\\9\\777\\");
    }

    proptest! {
        #[test]
        fn any_text(text in prop::collection::vec(any::<u8>(), 0..200)) {
            parse(&text);
            prop_assert!(unescape(&text).len() <= text.len());
        }
    }
}
