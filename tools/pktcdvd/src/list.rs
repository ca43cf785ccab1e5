// SPDX-License-Identifier: GPL-2.0

//! Lists what is mapped.

use crate::class::Class;
use crate::device_map::Mapping;
use crate::device_number::DeviceNumber;
use crate::nodes;
use crate::paths::Paths;
use crate::Result;
use serde::Serialize;
use std::fs;

/// A block device, as programs want to know it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lower {
    /// The kernel's name of it, if it is still there.
    pub name: Option<String>,
    /// Its number.
    pub number: DeviceNumber,
}

/// A packet device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The kernel's name of it.
    pub name: String,
    /// Its number.
    pub number: DeviceNumber,
    /// Names in `/dev/pktcdvd` that users have given.
    pub nodes: Vec<String>,
    /// What it is mapped to.
    pub lower: Lower,
}

impl Entry {
    /// Looks up the names of a device.
    pub fn new(paths: &Paths, map: &Mapping) -> Self {
        Self {
            name: map.name.clone(),
            number: map.number,
            nodes: nodes::names_of(paths, map),
            lower: Lower {
                name: block_name(paths, map.lower),
                number: map.lower,
            },
        }
    }

    /// The lower device as one word or two.
    pub fn lower_text(&self) -> String {
        match &self.lower.name {
            Some(name) => format!("{name} ({})", self.lower.number),
            None => self.lower.number.to_string(),
        }
    }
}

/// The kernel's name of a block device.
fn block_name(paths: &Paths, number: DeviceNumber) -> Option<String> {
    let target = fs::read_link(paths.block(number)).ok()?;
    // Sysfs has no slashes in names; that is what it has in their place.
    Some(target.file_name()?.to_str()?.replace('!', "/"))
}

/// All packet devices.
pub fn entries(paths: &Paths) -> Result<Vec<Entry>> {
    let maps = Class::open(paths)?.mappings()?;
    Ok(maps.iter().map(|map| Entry::new(paths, map)).collect())
}

/// A table; nothing if there are none.
pub fn text(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let lowers: Vec<_> = entries.iter().map(Entry::lower_text).collect();
    let width = |least: usize, longest: Option<usize>| longest.unwrap_or(0).max(least);
    let names = width(4, entries.iter().map(|e| e.name.len()).max());
    let below = width(9, lowers.iter().map(|text| text.chars().count()).max());

    let mut text = format!(
        "{:names$}  {:8}  {:below$}  NODES\n",
        "NAME", "NUMBER", "MAPPED TO"
    );
    for (entry, lower) in entries.iter().zip(&lowers) {
        let nodes = entry.nodes.join(" ");
        let line = format!(
            "{:names$}  {:8}  {lower:below$}  {nodes}",
            entry.name, entry.number
        );
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        assert_eq!(text(&[]), "");
        let entry = |name: &str, node: &[&str]| Entry {
            name: name.into(),
            number: DeviceNumber {
                major: 252,
                minor: 1,
            },
            nodes: node.iter().map(|&name| name.into()).collect(),
            lower: Lower {
                name: Some("sr0".into()),
                number: DeviceNumber {
                    major: 11,
                    minor: 0,
                },
            },
        };
        assert_eq!(
            text(&[entry("pktcdvd0", &["disc", "x"]), entry("pktcdvd10", &[])]),
            "NAME       NUMBER    MAPPED TO   NODES\n\
             pktcdvd0   252:1     sr0 (11:0)  disc x\n\
             pktcdvd10  252:1     sr0 (11:0)\n"
        );
    }
}
