// SPDX-License-Identifier: GPL-2.0-or-later
//! Speeds, and the time that things take.

use super::state::{Drive, Reply};
use crate::cdb::Cdb;
use crate::sense;
use std::time::Duration;

/// How long the shortest way to another place takes, in seconds.
const SHORTEST_SEEK: f64 = 0.015;

impl Drive {
    pub(super) fn set_cd_speed(&mut self, cdb: &Cdb) -> Reply {
        self.stats.add("speed_sets", 1);
        self.speeds.set(cdb.u16(2) as u32, cdb.u16(4) as u32);
        Ok(Vec::new())
    }

    pub(super) fn set_streaming(&mut self, cdb: &Cdb, out: &[u8]) -> Reply {
        if cdb.byte(8) != 0 {
            return Err(sense::FIELD);
        }
        let length = cdb.u16(9);
        let descriptor = out.get(..28).filter(|_| length >= 28);
        let d = descriptor.ok_or(sense::PARAMETER_LENGTH)?;
        let word =
            |at: usize| u64::from(u32::from_be_bytes([d[at], d[at + 1], d[at + 2], d[at + 3]]));
        let speed = |size: u64, time: u64| (size * 1000).checked_div(time).unwrap_or(0) as u32;
        self.stats.add("streaming_sets", 1);
        let (read, write) = (speed(word(12), word(16)), speed(word(20), word(24)));
        // "Restore defaults" has no sizes.
        if d[0] & 0x04 != 0 || read == 0 || write == 0 {
            self.speeds.set(u32::MAX, u32::MAX);
        } else {
            self.speeds.set(read, write);
        }
        Ok(Vec::new())
    }

    pub(super) fn performance(&mut self, cdb: &Cdb) -> Reply {
        let end = self
            .medium
            .as_ref()
            .map_or(0, |m| m.end().saturating_sub(1));
        let writes = cdb.byte(1) & 4 != 0;
        let list = match cdb.byte(10) {
            0 => {
                let now = match writes {
                    true => self.speeds.write(),
                    false => self.speeds.read(),
                };
                vec![[0, now.into(), end, now.into()]]
            }
            3 => {
                let fast = u32::from(self.speeds.fastest());
                vec![[0, end, fast, fast], [0, end, fast, fast / 2]]
            }
            _ => return Err(sense::FIELD),
        };
        // The length is that of all; they come as far as they are asked for.
        let length = list.len() * 16 + 4;
        let mut data = vec![0, 0, 0, length as u8, u8::from(writes) << 1, 0, 0, 0];
        for words in list.iter().take(cdb.u16(8)) {
            data.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        }
        Ok(data)
    }

    pub(super) fn opc(&mut self) -> Reply {
        self.stats.add("opc", 1);
        self.spend("time_other", 0.5);
        Ok(Vec::new())
    }

    /// Goes to a block and passes over some at that speed; the time that takes is that of `what`.
    pub(super) fn move_head(&mut self, first: u32, length: u32, speed: u16, what: &str) {
        if first != self.head {
            let size = self
                .medium
                .as_ref()
                .map_or(1, |medium| medium.capacity.max(1));
            let part = f64::from(first.abs_diff(self.head)) / f64::from(size);
            self.stats.add("seeks", 1);
            self.spend("time_seek", SHORTEST_SEEK + 0.135 * part.min(1.0));
        }
        let rate = f64::from(speed.max(1)) * 1000.0;
        self.spend(what, f64::from(length) * 2048.0 / rate);
        self.head = first.saturating_add(length);
    }

    /// Lets the time pass that it takes to end what was written, so that it can be read.
    ///
    /// A write takes as long as it takes to get to the disc, also if it is in the cache until it is
    /// synchronised: what a stream of writes takes is the same with a cache of any size. So here it is
    /// the end of the writing only, and not all of it once more.
    pub(super) fn close_link(&mut self) {
        self.spend("time_sync", SHORTEST_SEEK);
    }

    /// Passes so many seconds of the time of a real drive, and counts them, whatever `time` is.
    pub(super) fn spend(&mut self, what: &str, seconds: f64) {
        self.stats.add(what, (seconds * 1e6).round() as u64);
        self.takes += self.scaled(seconds);
    }

    /// Counts the time for which there was nothing to do in front of a command; not in front of the
    /// first since the counters were reset.
    pub fn was_idle(&mut self, time: Duration) {
        if self.stats.get("commands") > 0 {
            self.stats.add("idle_gaps", 1);
            self.stats.add("time_idle", time.as_micros() as u64);
        }
    }

    pub(super) fn slow_down(&mut self) {
        self.takes += Duration::from_millis(self.options.slow);
    }

    pub(super) fn scaled(&self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds * self.options.time).unwrap_or_default()
    }
}
