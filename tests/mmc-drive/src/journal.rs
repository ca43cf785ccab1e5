// SPDX-License-Identifier: GPL-2.0-or-later
//! The write log: what was written since it began, and what the disc would hold
//! had the power been cut at any point.

use crate::disc::{Packet, Packets};
use crate::random::Random;
use std::fmt::Write;

/// What happened.
#[derive(Debug)]
enum Entry {
    Write {
        number: u32,
        packet: Packet,
        forced: bool,
    },
    Sync,
}

/// What of the writes that were not synchronised is on the disc after a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: all were in the cache.
    Nothing,
    /// All: the cache had been emptied.
    All,
    /// Of each packet some version, chosen by this seed.
    Some(u64),
}

/// Writes and synchronisations in their order, and the disc before them.
#[derive(Debug)]
pub struct Journal {
    base: Packets,
    entries: Vec<Entry>,
}

impl Journal {
    /// Begins with what the disc holds.
    pub fn new(base: Packets) -> Self {
        Self {
            base,
            entries: Vec::new(),
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A packet was accepted; `forced` if it went to the disc at once.
    pub fn write(&mut self, number: u32, packet: Packet, forced: bool) {
        self.entries.push(Entry::Write {
            number,
            packet,
            forced,
        });
    }

    /// All that was accepted is on the disc.
    pub fn sync(&mut self) {
        self.entries.push(Entry::Sync);
    }

    /// What the disc would hold had the power been cut after the first `n` entries.
    pub fn cut(&self, n: usize, keep: Keep) -> Packets {
        let mut disc = self.base.clone();
        let mut pending: Vec<(u32, &Packet)> = Vec::new();
        for entry in self.entries.iter().take(n) {
            match entry {
                Entry::Sync => disc.extend(pending.drain(..).map(|(n, p)| (n, p.clone()))),
                Entry::Write {
                    number,
                    packet,
                    forced: true,
                } => {
                    pending.retain(|(n, _)| n != number);
                    disc.insert(*number, packet.clone());
                }
                Entry::Write { number, packet, .. } => pending.push((*number, packet)),
            }
        }
        match keep {
            Keep::Nothing => {}
            Keep::All => disc.extend(pending.into_iter().map(|(n, p)| (n, p.clone()))),
            Keep::Some(seed) => keep_some(&mut disc, &pending, seed),
        }
        disc
    }

    /// Lines of `SEQUENCE write BLOCK BLOCKS CRC32 [fua]` and `SEQUENCE sync`,
    /// from the entry `from` on, the first being 1.
    pub fn list(&self, from: usize, start: u32, blocks: u32) -> String {
        let mut text = String::new();
        for (i, entry) in self.entries.iter().enumerate().skip(from.max(1) - 1) {
            let _ = match entry {
                Entry::Sync => writeln!(text, "{} sync", i + 1),
                Entry::Write {
                    number,
                    packet,
                    forced,
                } => writeln!(
                    text,
                    "{} write {} {} {:08x}{}",
                    i + 1,
                    u64::from(*number) * u64::from(blocks) + u64::from(start),
                    blocks,
                    crc32fast::hash(packet),
                    if *forced { " fua" } else { "" }
                ),
            };
        }
        text
    }
}

/// Of each packet, any of the versions that were written, or none.
fn keep_some(disc: &mut Packets, pending: &[(u32, &Packet)], seed: u64) {
    let mut random = Random::new(seed);
    let mut numbers: Vec<u32> = pending.iter().map(|(n, _)| *n).collect();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        let versions = || pending.iter().filter(|(n, _)| *n == number);
        let chosen = random.below(versions().count() as u64 + 1) as usize;
        if let Some((_, packet)) = chosen.checked_sub(1).and_then(|i| versions().nth(i)) {
            disc.insert(number, (*packet).clone());
        }
    }
}
