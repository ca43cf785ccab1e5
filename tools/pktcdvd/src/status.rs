// SPDX-License-Identifier: GPL-2.0

//! All that is known of a packet device.

use crate::class::{number_in, Class};
use crate::device_map::Mapping;
use crate::info::{Info, States};
use crate::list::Entry;
use crate::paths::Paths;
use crate::remove;
use crate::units;
use crate::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

/// Bytes in a sector, whatever the device's blocks are.
const SECTOR: u64 = 512;

/// What a device is, and what it has done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Its names.
    #[serde(flatten)]
    pub entry: Entry,
    /// Its size in bytes; that of a disc is 0 while it is not open.
    pub size_bytes: Option<u64>,
    /// Whether writes are refused.
    pub read_only: Option<bool>,
    /// Bytes in a packet, if that is known.
    pub packet_bytes: Option<u64>,
    /// How many packet buffers it has, or gets when it is next opened.
    pub packet_buffers: Option<u64>,
    /// How long a packet waits for more writes, in microseconds.
    pub packet_wait_us: Option<u64>,
    /// What waits to be written.
    pub queue: Queue,
    /// The counters, by the names of their files.
    pub counters: BTreeMap<String, u64>,
    /// How many packet buffers are in each state, if this user may know.
    pub states: Option<States>,
    /// What disc is in the drive, if it is open and this user may know.
    pub medium: Option<String>,
    /// All that the driver reports in debugfs, if this user may know. What that is may change.
    #[serde(skip)]
    pub info: Option<Info>,
}

/// The write queue.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Queue {
    /// How many writes are in it.
    pub size: u64,
    /// The most there have been.
    pub longest: u64,
    /// From how many on writers are held back; not above 0 if never.
    pub congestion_on: i64,
    /// Down to how many they stay so.
    pub congestion_off: i64,
}

impl Status {
    /// Reads all files of a device.
    pub fn read(paths: &Paths, class: &Class<'_>, map: &Mapping) -> Self {
        let name = &map.name;
        let block = paths.block(map.number);
        let counters: BTreeMap<_, _> = class.counters(name).into_iter().collect();
        let attribute = |file| class.attribute(name, file);
        let mark = |file| class.attribute(name, file).unwrap_or_default();
        let size_bytes = number_in::<u64>(&block.join("size")).map(|n| n.saturating_mul(SECTOR));
        let info = fs::read_to_string(paths.info(name))
            .ok()
            .map(|text| Info::parse(&text));

        Self {
            entry: Entry::new(paths, map),
            size_bytes,
            read_only: number_in::<u8>(&block.join("ro")).map(|ro| ro != 0),
            // Of a disc it is known while it is open, as its size is.
            packet_bytes: number_in(&block.join("queue/minimum_io_size"))
                .filter(|_| size_bytes != Some(0)),
            packet_buffers: attribute("packet_buffers"),
            packet_wait_us: attribute("packet_wait_us"),
            queue: Queue {
                size: attribute("write_queue/size").unwrap_or_default(),
                longest: counters.get("queue_max").copied().unwrap_or_default(),
                congestion_on: mark("write_queue/congestion_on"),
                congestion_off: mark("write_queue/congestion_off"),
            },
            counters,
            states: info.as_ref().and_then(Info::states),
            medium: info
                .as_ref()
                .and_then(|info| Some(info.get("medium")?.to_owned())),
            info,
        }
    }

    /// A counter; one that the driver does not have is 0.
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or_default()
    }

    /// How much was written to the lower device for what users wrote.
    pub fn amplification(&self) -> Option<f64> {
        let packets = self.counter("packets_finished");
        let written = self.counter("kb_written").checked_mul(1024)?;
        let below = packets.checked_mul(self.packet_bytes?)?;
        (written != 0).then(|| below as f64 / written as f64)
    }
}

/// The devices that are meant; all, if none is named.
pub fn mappings(paths: &Paths, class: &Class<'_>, targets: &[String]) -> Result<Vec<Mapping>> {
    let maps = class.mappings()?;
    if targets.is_empty() {
        return Ok(maps);
    }
    let found = targets
        .iter()
        .map(|target| remove::find(paths, &maps, target));
    found.collect()
}

/// Reads the devices that are meant.
pub fn read(paths: &Paths, targets: &[String]) -> Result<Vec<Status>> {
    let class = Class::open(paths)?;
    let maps = mappings(paths, &class, targets)?;
    let statuses = maps.iter().map(|map| Status::read(paths, &class, map));
    Ok(statuses.collect())
}

/// For people.
pub fn text(statuses: &[Status]) -> String {
    let blocks: Vec<_> = statuses.iter().map(block).collect();
    blocks.join("\n")
}

fn block(status: &Status) -> String {
    let entry = &status.entry;
    let mut text = format!(
        "{} ({}) on {}\n",
        entry.name,
        entry.number,
        entry.lower_text()
    );
    for (key, value) in lines(status) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {key:<16}{value}");
    }
    text
}

fn lines(status: &Status) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |key: &str, value: String| lines.push((key.to_owned(), value));
    let mut nodes = vec![&status.entry.name];
    nodes.extend(&status.entry.nodes);
    let nodes: Vec<_> = nodes.iter().map(|n| format!("/dev/pktcdvd/{n}")).collect();

    line("nodes", nodes.join(" "));
    line("size", size_text(status));
    line("buffers", buffers_text(status));
    line("packets", packets_text(status));
    if let Some(states) = status.states {
        line("in the buffers", states_text(&states));
    }
    line("written", written_text(status));
    line("gathered", units::kib(status.counter("kb_read_gather")));
    line("read", read_text(status));
    line("queue", queue_text(&status.queue));
    line("flushes", status.counter("flushes").to_string());
    line("errors", status.counter("errors").to_string());
    lines.extend(more(status));
    lines
}

fn size_text(status: &Status) -> String {
    if status.size_bytes == Some(0) {
        return "not known before the disc is opened".to_owned();
    }
    let unknown = || "unknown size".to_owned();
    let size = status.size_bytes.map_or_else(unknown, units::size);
    let packet = status.packet_bytes.map_or_else(unknown, units::size);
    let access = match status.read_only {
        Some(true) => ", read-only",
        _ => "",
    };
    format!("{size}, in packets of {packet}{access}")
}

fn buffers_text(status: &Status) -> String {
    let buffers = status.packet_buffers.map(|n| n.to_string());
    let wait = status.packet_wait_us.map(units::time);
    format!(
        "{}; packets wait {} for more writes",
        buffers.as_deref().unwrap_or("?"),
        wait.as_deref().unwrap_or("?")
    )
}

fn packets_text(status: &Status) -> String {
    let finished = status.counter("packets_finished");
    let full = status.counter("packets_full");
    let percent = full.saturating_mul(100).checked_div(finished).unwrap_or(0);
    format!(
        "{finished} of {} finished, {full} full ({percent} %), {} failed",
        status.counter("packets_started"),
        status.counter("packets_failed"),
    )
}

/// All states in one line.
pub fn states_text(states: &States) -> String {
    let words = states
        .named()
        .map(|(name, count)| format!("{count} {name}"));
    words.join(", ")
}

fn written_text(status: &Status) -> String {
    let written = units::kib(status.counter("kb_written"));
    match status.amplification() {
        Some(factor) => format!("{written}; in packets {factor:.2} times as much"),
        None => written,
    }
}

fn read_text(status: &Status) -> String {
    let hits = status.counter("cache_hits");
    format!(
        "{}; {hits} reads from packet buffers",
        units::kib(status.counter("kb_read"))
    )
}

/// The queue and its marks in one line.
pub fn queue_text(queue: &Queue) -> String {
    let marks = match queue.congestion_on {
        ..=0 => "no marks".to_owned(),
        on => format!("held back at {on}, until {}", queue.congestion_off),
    };
    format!("{} writes, {} at most; {marks}", queue.size, queue.longest)
}

/// What the driver reports besides, as it is: of discs, drives and what later versions have.
fn more(status: &Status) -> Vec<(String, String)> {
    const SHOWN: [&str; 4] = [
        "packet size",
        "packet buffers",
        "packet wait",
        "start offset",
    ];
    let Some(info) = &status.info else {
        return Vec::new();
    };
    let sections = ["Settings", "Misc"].map(|title| info.section(title));
    let entries = sections.into_iter().flatten().flat_map(|s| &s.entries);
    entries
        .filter(|(key, value)| {
            !SHOWN.contains(&key.as_str()) || (key == "start offset" && value != "0")
        })
        .cloned()
        .collect()
}

#[cfg(test)]
pub mod tests {
    //! A device as tests want it.

    use super::*;
    use crate::device_number::DeviceNumber;
    use crate::list::Lower;
    use proptest::prelude::*;

    /// A device that has done something.
    pub fn example() -> Status {
        let counters = [
            ("packets_started", 12),
            ("packets_finished", 11),
            ("packets_full", 3),
            ("packets_failed", 1),
            ("kb_written", 352),
            ("kb_read", 2048),
            ("kb_read_gather", 100),
            ("cache_hits", 7),
            ("flushes", 2),
            ("errors", 4),
            ("queue_max", 33),
        ];
        Status {
            entry: Entry {
                name: "pktcdvd0".into(),
                number: DeviceNumber {
                    major: 252,
                    minor: 0,
                },
                nodes: vec!["disc".into()],
                lower: Lower {
                    name: Some("sr0".into()),
                    number: DeviceNumber {
                        major: 11,
                        minor: 0,
                    },
                },
            },
            size_bytes: Some(4 << 30),
            read_only: Some(false),
            packet_bytes: Some(64 << 10),
            packet_buffers: Some(8),
            packet_wait_us: Some(5000),
            queue: Queue {
                size: 5,
                longest: 33,
                congestion_on: 10000,
                congestion_off: 9000,
            },
            counters: counters.map(|(name, n)| (name.to_owned(), n)).into(),
            states: Some(States {
                idle: 6,
                waiting: 1,
                writing: 1,
                ..States::default()
            }),
            medium: None,
            info: Some(Info::parse(
                "Settings:\n\tpacket size:\t64kB\n\ttrack mode:\t5\n\
                 Misc:\n\tread speed:\t706kB/s\n\tstart offset:\t0\n",
            )),
        }
    }

    #[test]
    fn for_people() {
        let wanted = "\
pktcdvd0 (252:0) on sr0 (11:0)
  nodes           /dev/pktcdvd/pktcdvd0 /dev/pktcdvd/disc
  size            4 GiB, in packets of 64 KiB
  buffers         8; packets wait 5 ms for more writes
  packets         11 of 12 finished, 3 full (27 %), 1 failed
  in the buffers  6 idle, 1 waiting, 0 reading, 1 writing, 0 failed, 0 finished
  written         352 KiB; in packets 2.00 times as much
  gathered        100 KiB
  read            2 MiB; 7 reads from packet buffers
  queue           5 writes, 33 at most; held back at 10000, until 9000
  flushes         2
  errors          4
  track mode      5
  read speed      706kB/s
";
        assert_eq!(text(&[example()]), wanted);
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn for_programs() {
        let json = serde_json::to_value(example()).unwrap();
        assert_eq!(json["name"], "pktcdvd0");
        assert_eq!(json["lower"]["number"], "11:0");
        assert_eq!(json["counters"]["packets_full"], 3);
        assert_eq!(json["states"]["writing"], 1);
        // The text of debugfs is for people.
        assert!(json.get("info").is_none());
    }

    #[test]
    fn control_off() {
        let queue = Queue {
            congestion_on: -1,
            congestion_off: -1,
            ..Queue::default()
        };
        assert_eq!(queue_text(&queue), "0 writes, 0 at most; no marks");
    }

    proptest! {
        #[test]
        fn any_numbers(values in prop::collection::vec(any::<u64>(), 11), packet: Option<u64>) {
            let mut status = example();
            for (place, value) in status.counters.values_mut().zip(values) {
                *place = value;
            }
            status.packet_bytes = packet;
            status.size_bytes = packet;
            let text = text(&[status]);
            prop_assert_eq!(text.lines().count(), 14);
        }
    }
}
