// SPDX-License-Identifier: GPL-2.0-or-later
//! What a drive counted.

use std::collections::{BTreeMap, VecDeque};

/// Counters that are always listed, so that a test can ask for what did not happen.
const ALWAYS: &[&str] = &[
    "reads",
    "read_blocks",
    "writes",
    "write_blocks",
    "writes_whole",
    "writes_partial",
    "writes_rejected",
    "rejected_unaligned",
    "rejected_partial",
    "rejected_mode",
    "rejected_range",
    "rejected_sequence",
    "rmw",
    "syncs",
    "sync_packets",
    "evictions",
    "cache_lost",
    "dirty_reads",
    "torn",
    "faults",
    "seeks",
    "time_write",
    "time_read",
    "time_seek",
    "time_sync",
    "time_other",
    "time_idle",
    "idle_gaps",
    "opc",
    "speed_sets",
    "streaming_sets",
    "mode_selects",
    "formats",
    "restarts",
    "blanks",
    "closes",
    "locks",
    "unlocks",
    "aborts",
    "resets",
    "power_cuts",
];

/// Commands that are remembered.
const TRACE: usize = 4096;

/// Counters by name, writes by packet, and the last commands.
#[derive(Debug, Default)]
pub struct Stats {
    counters: BTreeMap<String, u64>,
    wear: BTreeMap<u32, u64>,
    trace: VecDeque<String>,
    commands: u64,
}

impl Stats {
    /// All at zero.
    pub fn new() -> Self {
        let mut stats = Self::default();
        for name in ALWAYS {
            stats.counters.insert((*name).into(), 0);
        }
        stats
    }

    /// Counts `n` more of `name`.
    pub fn add(&mut self, name: &str, n: u64) {
        match self.counters.get_mut(name) {
            Some(counter) => *counter += n,
            None => {
                self.counters.insert(name.into(), n);
            }
        }
    }

    /// Keeps the highest.
    pub fn highest(&mut self, name: &str, n: u64) {
        let counter = self.counters.entry(name.into()).or_default();
        *counter = (*counter).max(n);
    }

    /// A counter.
    pub fn get(&self, name: &str) -> u64 {
        match name {
            "wear_max" => self.wear.values().copied().max().unwrap_or(0),
            "wear_packets" => self.wear.len() as u64,
            "commands" => self.commands,
            _ => self.counters.get(name).copied().unwrap_or(0),
        }
    }

    /// Names and values.
    pub fn list(&self) -> impl Iterator<Item = (&str, u64)> {
        let more = ["wear_max", "wear_packets", "commands"];
        self.counters
            .iter()
            .map(|(name, n)| (name.as_str(), *n))
            .chain(more.map(|name| (name, self.get(name))))
    }

    /// A packet was written.
    pub fn wrote(&mut self, packet: u32) {
        *self.wear.entry(packet).or_default() += 1;
    }

    /// Packets and how often each was written.
    pub fn wear(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.wear.iter().map(|(packet, n)| (*packet, *n))
    }

    /// Remembers a command.
    pub fn record(&mut self, line: String) {
        self.commands += 1;
        if self.trace.len() == TRACE {
            self.trace.pop_front();
        }
        self.trace.push_back(format!("{} {line}", self.commands));
    }

    /// The last `n` commands.
    pub fn trace(&self, n: usize) -> impl Iterator<Item = &str> {
        let skipped = self.trace.len().saturating_sub(n);
        self.trace.iter().skip(skipped).map(String::as_str)
    }
}
