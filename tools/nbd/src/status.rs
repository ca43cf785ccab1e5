// SPDX-License-Identifier: GPL-2.0

//! What there is.

use crate::device::Device;
use crate::lock;
use crate::uses::swap_areas;
use crate::{Error, Result};
use serde::Serialize;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;

/// A connection of a device.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Whether it is not lost.
    pub alive: bool,
    /// Requests that have no answer yet.
    pub in_flight: u64,
    /// Requests sent.
    pub requests: u64,
    /// Requests that the server has refused.
    pub errors: u64,
    /// Bytes of data sent.
    pub bytes_sent: u64,
    /// Bytes of data received.
    pub bytes_received: u64,
    /// Connections in its place that were lost.
    pub lost: u64,
}

/// A device.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is connected.
    pub connected: bool,
    /// What its server is told apart by.
    pub backend: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// Most bytes of a request; none with a driver that does not say.
    pub max_request_bytes: Option<u64>,
    /// The process that replaces its connections.
    pub keeper: Option<u32>,
    /// Whether it, or a partition of it, is swap space.
    pub swap: bool,
    /// Its connections; none with a driver that does not say.
    pub links: Option<Vec<Link>>,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
pub struct Report {
    /// In the order of their numbers.
    pub devices: Vec<Entry>,
}

/// Reads the file `links`: a line for each connection, whose later fields may be more than are known.
pub fn links(text: &str) -> Vec<Link> {
    text.lines().filter_map(link).collect()
}

fn link(line: &str) -> Option<Link> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let number = |at: usize| words.get(at)?.parse().ok();
    number(0)?;
    Some(Link {
        alive: *words.get(1)? == "up",
        in_flight: number(2)?,
        requests: number(3)?,
        errors: number(4)?,
        bytes_sent: number(5)?,
        bytes_received: number(6)?,
        lost: number(7)?,
    })
}

/// How long the list can be: 128 bytes for each of 64 connections.
const LINKS: usize = 64 * 128;

/// The connections of a device, if the driver reports it.
pub fn links_of(device: Device) -> Option<Vec<Link>> {
    let mut file = fs::File::open(device.file("links")).ok()?;
    let mut text = Vec::with_capacity(LINKS);
    let mut page = [0; 4096];
    // By whole pages, in which no line is in two parts.
    while text.len() < LINKS {
        match file.read(&mut page).ok()? {
            0 => break,
            len => text.extend_from_slice(&page[..len]),
        }
    }
    Some(links(&String::from_utf8_lossy(&text)))
}

fn entry(device: Device) -> Entry {
    let number = |file: &str| device.read(file)?.parse::<u64>().ok();
    let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
    let swap = swap_areas(&swaps, device).next().is_some();
    Entry {
        name: device.to_string(),
        connected: device.is_connected(),
        backend: device.read("backend"),
        size: number("size").unwrap_or(0).saturating_mul(512),
        max_request_bytes: number("max_request_bytes"),
        keeper: lock::keeper(device),
        swap,
        links: links_of(device),
    }
}

/// All devices that there are, by number.
fn all() -> Vec<Device> {
    let names = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let mut devices: Vec<Device> = names
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    devices.sort();
    devices
}

/// Reads what there is of these devices, or of all that somebody uses.
pub fn read(devices: &[Device]) -> Result<Report> {
    if let Some(device) = devices.iter().find(|device| !device.file("").exists()) {
        return Err(Error::NoDevice(format!("there is no {device}")));
    }
    let devices = match devices {
        [] => {
            let entries = all().into_iter().map(entry);
            entries
                .filter(|entry| entry.connected || entry.keeper.is_some())
                .collect()
        }
        named => named.iter().copied().map(entry).collect(),
    };
    Ok(Report { devices })
}

/// As a table.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |words: [&str; 7]| {
        let [name, state, size, request, keeper, swap, backend] = words;
        let _ = writeln!(
            text,
            "{name:7} {state:9} {size:>14} {request:>8} {keeper:>7} {swap:4} {backend}"
        );
    };
    line([
        "DEVICE", "LINKS", "BYTES", "REQUEST", "KEEPER", "SWAP", "SERVER",
    ]);
    for entry in &report.devices {
        let or_none = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        let state = match (&entry.links, entry.connected) {
            (_, false) => "none".into(),
            (None, true) => "connected".into(),
            (Some(links), true) => {
                let alive = links.iter().filter(|link| link.alive).count();
                format!("{alive} of {}", links.len())
            }
        };
        line([
            &entry.name,
            &state,
            &entry.size.to_string(),
            &or_none(entry.max_request_bytes.map(|bytes| bytes.to_string())),
            &or_none(entry.keeper.map(|pid| pid.to_string())),
            if entry.swap { "yes" } else { "no" },
            &or_none(entry.backend.clone()),
        ]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn connections() {
        let text = "0 up 2 30 5 4096 512 1 1 17   \n1 lost 0 7 0 0 0 2 1 900 more\nx\n2 up\n";
        let found = links(text);
        assert_eq!(found.len(), 2);
        let first = Link {
            alive: true,
            in_flight: 2,
            requests: 30,
            errors: 5,
            bytes_sent: 4096,
            bytes_received: 512,
            lost: 1,
        };
        assert_eq!(found[0], first);
        assert!(!found[1].alive);
    }

    #[test]
    fn table() {
        let entry = Entry {
            name: "nbd0".into(),
            connected: true,
            backend: Some("192.0.2.1:10809".into()),
            size: 1 << 30,
            max_request_bytes: Some(4096),
            keeper: Some(321),
            swap: true,
            links: Some(links("0 up 0 0 0 0 0 0 0 0\n1 lost 0 0 0 0 0 1 0 0\n")),
        };
        let report = Report {
            devices: vec![entry],
        };
        let text = text(&report);
        let words: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(
            words,
            [
                "nbd0",
                "1",
                "of",
                "2",
                "1073741824",
                "4096",
                "321",
                "yes",
                "192.0.2.1:10809"
            ]
        );
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["devices"][0]["links"][1]["alive"], false);
    }

    proptest! {
        #[test]
        fn any_text(text in "([0-9 \n]|\\PC)*") {
            prop_assert!(links(&text).len() <= text.lines().count());
        }
    }
}
