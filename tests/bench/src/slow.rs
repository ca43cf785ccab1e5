// SPDX-License-Identifier: GPL-2.0

//! Disks that take their time: a flash card and a hard disk. One request after the other, as they do
//! (the card's bus has no queue; of the disk's nobody asks for more here).

use crate::{nbd::Work, Result};
use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::{Duration, Instant};

/// What is counted by: a card's erase block; of a disk, nothing but a place to count with.
const UNIT: u64 = 128 << 10;

/// What a request takes, and how many blocks a card has erased for it.
trait Mechanics: Send {
    /// Microseconds.
    fn read(&mut self, from: u64, to: u64) -> f64;
    /// Microseconds, and blocks erased.
    fn write(&mut self, from: u64, to: u64) -> (f64, u64);
}

/// A card writes to a few blocks at a time, and in each only onwards. What is written elsewhere in it
/// makes it copy: what lies before, into a fresh block; and what is left, when another block needs
/// the place. That is how cards from the shop behave (the method is that of the tool flashbench).
struct Card {
    /// The blocks that are open and how far each is written; the one used last at the end.
    open: VecDeque<(u64, u64)>,
}

impl Card {
    /// Blocks that may be open.
    const OPEN: usize = 2;
    /// Microseconds of a command, of an erasure, and of a byte.
    const COMMAND: f64 = 300.0;
    const ERASE: f64 = 2000.0;
    const READ: f64 = 1.0 / 20.0;
    const PROGRAM: f64 = 1.0 / 10.0;

    fn copy(bytes: u64) -> f64 {
        bytes as f64 * (Self::READ + Self::PROGRAM)
    }

    /// Has `unit` be open with its first `at` bytes written.
    fn reach(&mut self, unit: u64, at: u64) -> (f64, u64) {
        let known = self.open.iter().position(|&(open, _)| open == unit);
        if let Some((_, end)) = known.and_then(|n| self.open.remove(n)) {
            if end <= at {
                return (Self::copy(at - end), 0);
            }
            // Backwards: what is left is copied, and a fresh block begun.
            let (time, erased) = (Self::copy(UNIT - end), 1);
            return (time + Self::ERASE + Self::copy(at), erased);
        }
        let mut time = Self::ERASE + Self::copy(at);
        if self.open.len() >= Self::OPEN {
            let (_, end) = self.open.pop_front().unwrap_or((0, UNIT));
            time += Self::copy(UNIT - end);
        }
        (time, 1)
    }
}

impl Mechanics for Card {
    fn read(&mut self, from: u64, to: u64) -> f64 {
        Self::COMMAND + (to - from) as f64 * Self::READ
    }

    fn write(&mut self, mut from: u64, to: u64) -> (f64, u64) {
        let (mut time, mut erased) = (Self::COMMAND, 0);
        while from < to {
            let (unit, at) = (from / UNIT, from % UNIT);
            let end = (at + to - from).min(UNIT);
            let (reached, fresh) = self.reach(unit, at);
            time += reached + (end - at) as f64 * Self::PROGRAM;
            erased += fresh;
            if end < UNIT {
                self.open.push_back((unit, end));
            }
            from += end - at;
        }
        (time, erased)
    }
}

/// A disk of 7200 turns a minute.
struct Disk {
    size: u64,
    /// Where the last request ended.
    head: u64,
}

impl Disk {
    const TURN: f64 = 60e6 / 7200.0;
    const BYTE: f64 = 1.0 / 150.0;
    /// So much further on, the disk lets what is between pass by.
    const NEAR: u64 = 1 << 20;

    fn go(&mut self, from: u64, to: u64) -> f64 {
        let time = match from.checked_sub(self.head) {
            Some(gap) if gap < Self::NEAR => gap as f64 * Self::BYTE,
            _ => {
                let far = from.abs_diff(self.head) as f64 / self.size as f64;
                let back = from < self.head && self.head - from < Self::NEAR;
                // What has just passed comes again after a whole turn; else it takes half of one.
                if back {
                    Self::TURN
                } else {
                    500.0 + 7500.0 * far.sqrt() + Self::TURN / 2.0
                }
            }
        };
        self.head = to;
        time + (to - from) as f64 * Self::BYTE
    }
}

impl Mechanics for Disk {
    fn read(&mut self, from: u64, to: u64) -> f64 {
        self.go(from, to)
    }

    fn write(&mut self, from: u64, to: u64) -> (f64, u64) {
        (self.go(from, to), 0)
    }
}

/// Takes the time of the mechanics, and counts.
pub struct Device {
    mechanics: Box<dyn Mechanics>,
    factor: f64,
    file: File,
    /// What is at work is done by then.
    busy: Instant,
    micros: f64,
    reads: u64,
    writes: u64,
    read: u64,
    written: u64,
    erased: u64,
    differ: HashSet<u64>,
}

impl Device {
    pub fn new(kind: &str, mib: usize, factor: f64, file: &str) -> Result<Self> {
        let mechanics: Box<dyn Mechanics> = match kind {
            "card" => Box::new(Card {
                open: VecDeque::new(),
            }),
            "disk" => Box::new(Disk {
                size: (mib as u64) << 20,
                head: 0,
            }),
            _ => return Err("neither card nor disk".into()),
        };
        Ok(Self {
            mechanics,
            factor,
            file: File::options()
                .write(true)
                .create(true)
                .truncate(true)
                .open(file)?,
            busy: Instant::now(),
            micros: 0.0,
            reads: 0,
            writes: 0,
            read: 0,
            written: 0,
            erased: 0,
            differ: HashSet::new(),
        })
    }

    /// Counts from the beginning, if the file was emptied.
    fn begin(&mut self) {
        if self.file.metadata().is_ok_and(|of| of.len() == 0) {
            self.micros = 0.0;
            (self.reads, self.writes, self.read, self.written) = (0, 0, 0, 0);
            self.erased = 0;
            self.differ.clear();
        }
    }

    /// Waits as long as the request takes, and says what was counted so far.
    fn take(&mut self, micros: f64) {
        self.micros += micros;
        // Sleeps too long even out.
        let time = Duration::from_secs_f64(micros * self.factor / 1e6);
        self.busy = self.busy.max(Instant::now() - Duration::from_millis(2)) + time;
        thread::sleep(self.busy.saturating_duration_since(Instant::now()));
        let text = format!(
            "time_us={:<12.0} reads={:<8} writes={:<8} read={:<12} written={:<12} erased={:<8} differ={:<8}\n",
            self.micros,
            self.reads,
            self.writes,
            self.read,
            self.written,
            self.erased,
            self.differ.len()
        );
        // Who reads it sees that numbers are missing.
        let _ = self.file.write_all_at(text.as_bytes(), 0);
    }
}

impl Work for Device {
    fn read(&mut self, from: u64, to: u64) {
        self.begin();
        self.reads += 1;
        self.read += to - from;
        let time = self.mechanics.read(from, to);
        self.take(time);
    }

    fn write(&mut self, from: u64, to: u64) {
        self.begin();
        self.writes += 1;
        self.written += to - from;
        self.differ.extend(from / UNIT..to.div_ceil(UNIT));
        let (time, erased) = self.mechanics.write(from, to);
        self.erased += erased;
        self.take(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1 << 10;

    fn card() -> Card {
        Card {
            open: VecDeque::new(),
        }
    }

    #[test]
    fn a_card_takes_whole_blocks_and_what_follows_without_copying() {
        let mut card = card();
        let whole = Card::COMMAND + Card::ERASE + UNIT as f64 * Card::PROGRAM;
        assert_eq!(card.write(0, UNIT), (whole, 1));
        assert_eq!(card.write(UNIT, UNIT + 4 * KIB).1, 1);
        let (time, erased) = card.write(UNIT + 4 * KIB, UNIT + 8 * KIB);
        assert_eq!(erased, 0);
        assert_eq!(time, Card::COMMAND + 4096.0 * Card::PROGRAM);
    }

    #[test]
    fn a_card_copies_what_is_around_scattered_writes() {
        let mut card = card();
        for unit in 0..2 {
            assert_eq!(card.write(unit * UNIT, unit * UNIT + 4 * KIB).1, 1);
        }
        // The third closes the first, which has 124 KiB left.
        let (time, _) = card.write(2 * UNIT, 2 * UNIT + 4 * KIB);
        let own = Card::COMMAND + Card::ERASE + 4096.0 * Card::PROGRAM;
        assert_eq!(time, own + Card::copy(124 * KIB));
        // Backwards in the block that is open.
        let (time, erased) = card.write(2 * UNIT, 2 * UNIT + 4 * KIB);
        assert_eq!((time, erased), (own + Card::copy(124 * KIB), 1));
    }

    #[test]
    fn a_disk_turns() {
        let mut disk = Disk {
            size: 1 << 30,
            head: 0,
        };
        assert_eq!(disk.go(0, 150), 1.0);
        assert_eq!(disk.go(150, 300), 1.0);
        // The same place again: a turn.
        assert_eq!(disk.go(150, 300), Disk::TURN + 1.0);
        // Far away.
        assert!(disk.go(1 << 29, (1 << 29) + 150) > Disk::TURN / 2.0 + 5000.0);
    }
}
