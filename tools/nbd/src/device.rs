// SPDX-License-Identifier: GPL-2.0

//! Devices, by name and by number.

use crate::{Error, Result};
use rustix::io::Errno;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

/// A network block device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device(pub u32);

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let name = text.strip_prefix("/dev/").unwrap_or(text);
        let digits = name.strip_prefix("nbd").unwrap_or("");
        // As the kernel writes it.
        let plain = digits == "0" || !digits.starts_with('0');
        if !plain || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("want nbd0, nbd1, and so on".into());
        }
        digits
            .parse()
            .map(Self)
            .map_err(|_| "want nbd0, nbd1, and so on".into())
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nbd{}", self.0)
    }
}

impl Device {
    /// Its node.
    pub fn node(self) -> String {
        format!("/dev/{self}")
    }

    /// A file of it in sysfs.
    pub fn file(self, name: &str) -> PathBuf {
        format!("/sys/block/{self}/{name}").into()
    }

    /// What is in such a file, if there is one.
    pub fn read(self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.file(name)).ok()?;
        Some(text.trim_end_matches('\n').to_owned())
    }

    /// Whether it is connected. If that cannot be said, as when there is no memory, it is: nothing is
    /// given up for that.
    pub fn is_connected(self) -> bool {
        fs::metadata(self.file("pid")).map_or_else(|err| !is_gone(&err), |_| true)
    }

    /// Whether it is connected, and `identifier` tells its server apart: so to the server that it was
    /// connected to, not by somebody else since. What cannot be said is so, as above.
    pub fn is_connected_to(self, identifier: &str) -> bool {
        match fs::read(self.file("backend")) {
            Ok(text) => text.strip_suffix(b"\n").unwrap_or(&text) == identifier.as_bytes(),
            Err(err) => !is_gone(&err),
        }
    }

    /// Fails if the device is there, but another driver's.
    pub fn is_ours(self) -> Result {
        if self.file("").exists() && !self.file("max_request_bytes").exists() {
            return Err(Error::NoDriver(format!(
                "{self} is a device of the kernel's own driver: run `modprobe -r nbd` and `modprobe rblk-nbd` as root"
            )));
        }
        Ok(())
    }
}

/// Whether a file of sysfs is not there any more. If it is removed after it was opened, reading it fails
/// with `ENODEV`.
fn is_gone(err: &io::Error) -> bool {
    matches!(Errno::from_io_error(err), Some(Errno::NOENT | Errno::NODEV))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names() {
        assert_eq!("nbd0".parse(), Ok(Device(0)));
        assert_eq!("/dev/nbd15".parse(), Ok(Device(15)));
        for text in [
            "",
            "nbd",
            "nbd-1",
            "nbd+1",
            "nbd01",
            "nbd1p1",
            "sda",
            "0",
            "/dev/disk/nbd0",
            "nbd٣",
            "nbd4294967296",
            "nbd0/",
            "/dev/",
            "/dev//dev/nbd0",
        ] {
            assert!(text.parse::<Device>().is_err(), "{text}");
        }
    }

    #[test]
    fn files_that_are_removed() {
        for errno in [Errno::NOENT, Errno::NODEV] {
            assert!(is_gone(&errno.into()));
        }
        for errno in [Errno::NOMEM, Errno::ACCESS, Errno::NFILE, Errno::INTR] {
            assert!(!is_gone(&errno.into()), "{errno}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(number: u32) {
            prop_assert_eq!(Device(number).node().parse(), Ok(Device(number)));
        }

        #[test]
        fn any_text(text in "\\PC*") {
            if let Ok(device) = text.parse::<Device>() {
                prop_assert!(text.ends_with(&device.to_string()));
            }
        }
    }
}
