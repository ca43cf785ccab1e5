// SPDX-License-Identifier: GPL-2.0
//! What the client did.

use crate::protocol::{flags, Command, Request, FUA, NO_HOLE};
use std::collections::HashSet;
use std::fmt::Write;

/// Counters, and what a client must not do.
#[derive(Default)]
pub struct Stats {
    /// Requests of each connection, by its number.
    connections: Vec<u64>,
    commands: [u64; Command::ALL.len()],
    fua: u64,
    no_hole: u64,
    max_length: u32,
    max_cleared: u32,
    in_flight: HashSet<(usize, u64)>,
    max_in_flight: usize,
    bytes: u64,
    max_bytes: u64,
    faults: u64,
    violations: Vec<String>,
}

fn data(request: &Request) -> u64 {
    match request.command {
        Some(Command::Read | Command::Write) => u64::from(request.length),
        _ => 0,
    }
}

impl Stats {
    /// A new connection: its number.
    pub fn connected(&mut self) -> usize {
        self.connections.push(0);
        self.connections.len() - 1
    }

    /// Forgets all but the connections and what is in flight.
    pub fn reset(&mut self) {
        let connections = vec![0; self.connections.len()];
        let in_flight = std::mem::take(&mut self.in_flight);
        *self = Self {
            connections,
            in_flight,
            ..Self::default()
        };
    }

    /// Something that a client must not do.
    pub fn violation(&mut self, what: String) {
        if self.violations.len() < 100 {
            self.violations.push(what);
        }
    }

    /// A fault struck.
    pub fn struck(&mut self) {
        self.faults += 1;
    }

    fn judge(&mut self, r: &Request, size: u64, allowed: u16) {
        let Some(command) = r.command else {
            return self.violation(format!("no such command: {r:?}"));
        };
        let wanted = match command {
            Command::Flush => flags::FLUSH,
            Command::Trim => flags::TRIM,
            Command::Zeroes => flags::ZEROES,
            _ => 0,
        } | if r.flags & FUA != 0 { flags::FUA } else { 0 };
        let known = match command {
            Command::Write | Command::Trim => FUA,
            Command::Zeroes => FUA | NO_HOLE,
            _ => 0,
        };
        let changes = matches!(command, Command::Write | Command::Trim | Command::Zeroes);
        let empty = matches!(command, Command::Disconnect | Command::Flush);
        let beyond = r
            .offset
            .checked_add(u64::from(r.length))
            .is_none_or(|e| e > size);
        if wanted & !allowed != 0 {
            self.violation(format!("not offered: {r:?}"));
        }
        if r.flags & !known != 0 {
            self.violation(format!("flags: {r:?}"));
        }
        if changes && allowed & flags::READ_ONLY != 0 {
            self.violation(format!("read-only: {r:?}"));
        }
        if empty != (r.length == 0) || (empty && r.offset != 0) || beyond {
            self.violation(format!("range: {r:?}"));
        }
    }

    /// A request came in.
    pub fn begin(&mut self, connection: usize, r: &Request, size: u64, allowed: u16) {
        self.judge(r, size, allowed);
        if let Some(n) = self.connections.get_mut(connection) {
            *n += 1;
        }
        if let Some(n) = Command::ALL.iter().position(|c| Some(*c) == r.command) {
            self.commands[n] += 1;
        }
        self.fua += u64::from(r.flags & FUA != 0);
        self.no_hole += u64::from(r.flags & NO_HOLE != 0);
        match r.command {
            Some(Command::Read | Command::Write) => self.max_length = self.max_length.max(r.length),
            Some(Command::Disconnect) => return,
            _ => self.max_cleared = self.max_cleared.max(r.length),
        }
        if !self.in_flight.insert((connection, r.cookie)) {
            self.violation(format!("cookie in use: {r:?}"));
        }
        self.max_in_flight = self.max_in_flight.max(self.in_flight.len());
        self.bytes += data(r);
        self.max_bytes = self.max_bytes.max(self.bytes);
    }

    /// A request is being answered, or never will be.
    pub fn end(&mut self, connection: usize, r: &Request) {
        if self.in_flight.remove(&(connection, r.cookie)) {
            self.bytes = self.bytes.saturating_sub(data(r));
        }
    }

    /// "NAME NUMBER" a line, then the violations.
    pub fn text(&self) -> String {
        let mut s = String::new();
        let mut line = |name: &str, n: u64| {
            let _ = writeln!(s, "{name} {n}");
        };
        for (command, n) in Command::ALL.iter().zip(self.commands) {
            line(command.name(), n);
        }
        line("fua", self.fua);
        line("no_hole", self.no_hole);
        line("max_length", u64::from(self.max_length));
        line("max_cleared", u64::from(self.max_cleared));
        line("in_flight", self.in_flight.len() as u64);
        line("max_in_flight", self.max_in_flight as u64);
        line("max_bytes", self.max_bytes);
        line("faults", self.faults);
        line("connections", self.connections.len() as u64);
        for (i, n) in self.connections.iter().enumerate() {
            line(&format!("connection{i}"), *n);
        }
        line("violations", self.violations.len() as u64);
        for v in &self.violations {
            let _ = writeln!(s, "violation: {v}");
        }
        s
    }
}
