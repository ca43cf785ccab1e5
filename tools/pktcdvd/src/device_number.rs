// SPDX-License-Identifier: GPL-2.0

//! Numbers of devices.

use rustix::fs::{major, minor, Dev};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The largest major number: the kernel has 12 bits for it.
const MAX_MAJOR: u32 = (1 << 12) - 1;
/// The largest minor number: the kernel has 20 bits for it.
const MAX_MINOR: u32 = (1 << 20) - 1;

/// Number of a block device: major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceNumber {
    /// Which driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
}

impl DeviceNumber {
    /// From what `stat` says.
    pub fn from_raw(raw: Dev) -> Self {
        Self {
            major: major(raw),
            minor: minor(raw),
        }
    }
}

/// The text is no `major:minor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no device number: want MAJOR:MINOR, at most {MAX_MAJOR}:{MAX_MINOR}")]
pub struct NotANumber;

impl FromStr for DeviceNumber {
    type Err = NotANumber;

    /// Takes decimal digits only: no signs, no spaces.
    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let (major, minor) = text.split_once(':').ok_or(NotANumber)?;
        Ok(Self {
            major: part(major, MAX_MAJOR)?,
            minor: part(minor, MAX_MINOR)?,
        })
    }
}

fn part(text: &str, max: u32) -> Result<u32, NotANumber> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotANumber);
    }
    let number = text.parse().map_err(|_| NotANumber)?;
    if number > max {
        return Err(NotANumber);
    }
    Ok(number)
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.major, self.minor))
    }
}

impl Serialize for DeviceNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rustix::fs::makedev;

    #[test]
    fn numbers() {
        let number = "252:3".parse::<DeviceNumber>().unwrap();
        assert_eq!((number.major, number.minor), (252, 3));
        assert_eq!(DeviceNumber::from_raw(makedev(252, 3)), number);
        assert!("4095:1048575".parse::<DeviceNumber>().is_ok());
        for text in [
            "",
            ":",
            "1:",
            ":1",
            "1",
            "1:2:3",
            "+1:2",
            "1:-2",
            " 1:2",
            "1:2\n",
            "4096:0",
            "0:1048576",
            "1:99999999999999999999",
            "a:b",
            "1: 2",
            "٣:١",
        ] {
            assert_eq!(text.parse::<DeviceNumber>(), Err(NotANumber), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text(text in "\\PC*") {
            if let Ok(number) = text.parse::<DeviceNumber>() {
                prop_assert!(number.major <= MAX_MAJOR && number.minor <= MAX_MINOR);
            }
        }

        #[test]
        fn there_and_back(major in 0..=MAX_MAJOR, minor in 0..=MAX_MINOR) {
            let number = DeviceNumber { major, minor };
            prop_assert_eq!(number.to_string().parse(), Ok(number));
            prop_assert_eq!(DeviceNumber::from_raw(makedev(major, minor)), number);
        }
    }
}
