// SPDX-License-Identifier: GPL-2.0

//! What the file `device_map` says.

use crate::device_number::DeviceNumber;

/// One packet device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Name that the kernel gave it, `pktcdvd0` and so on.
    pub name: String,
    /// Its number.
    pub number: DeviceNumber,
    /// Number of the device that it is mapped to.
    pub lower: DeviceNumber,
}

/// Reads lines of `NAME MAJOR:MINOR MAJOR:MINOR`: the packet device, its number, and that of the
/// lower device.
///
/// Leaves out lines that are none, so one that a later driver adds something to is understood
/// in part.
pub fn parse(text: &str) -> Vec<Mapping> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Mapping> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    // It becomes part of paths.
    if name.contains('/') || name.starts_with('.') {
        return None;
    }
    Some(Mapping {
        name: name.to_owned(),
        number: words.next()?.parse().ok()?,
        lower: words.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines() {
        let number = |major, minor| DeviceNumber { major, minor };
        let maps = parse("pktcdvd0 252:0 11:0\npktcdvd3 252:3 259:17 more\n");
        assert_eq!(maps.len(), 2);
        assert_eq!(
            maps[1],
            Mapping {
                name: "pktcdvd3".into(),
                number: number(252, 3),
                lower: number(259, 17),
            }
        );
        assert_eq!(parse(""), []);
    }

    #[test]
    fn garbage() {
        assert_eq!(
            parse("pktcdvd0\nx 1:2\n 1:2 3:4\nx 1:2 3\n../x 1:2 3:4\na/b 1:2 3:4\n"),
            []
        );
    }

    proptest! {
        #[test]
        fn any_text(text in "(\\PC|[ \n\t0-9:])*") {
            for map in parse(&text) {
                prop_assert!(text.contains(&map.name));
            }
        }

        #[test]
        fn a_line_among_garbage(garbage in "[a-z:\n ]*", minor in 0u32..128) {
            let text = format!("{garbage}\npktcdvd{minor} 252:{minor} 11:0\n{garbage}");
            let maps = parse(&text);
            prop_assert_eq!(maps.len(), 1);
            prop_assert_eq!(maps[0].number.minor, minor);
        }
    }
}
