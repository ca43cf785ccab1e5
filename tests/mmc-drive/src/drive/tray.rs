// SPDX-License-Identifier: GPL-2.0-or-later
//! Tray, lock, events, and the plug.

use super::speeds::Speeds;
use super::state::{Busy, Drive, Reply};
use crate::cdb::Cdb;
use crate::medium::Medium;
use crate::modes::Modes;
use crate::quirks::{self, Quirk};
use crate::sense;
use std::time::{Duration, Instant};

/// Classes of events: of the medium, and of a drive that is busy.
const MEDIA: u8 = 1 << 4;
const BUSY: u8 = 1 << 6;
const EJECT_REQUEST: u8 = 1;
pub(super) const NEW_MEDIUM: u8 = 2;
const REMOVAL: u8 = 3;

impl Drive {
    pub(super) fn start_stop(&mut self, cdb: &Cdb) -> Reply {
        match cdb.byte(4) & 3 {
            2 if self.locked => return Err(sense::PREVENTED),
            2 => {
                if self.medium.is_some() {
                    self.empty_cache()?;
                }
                self.open();
            }
            3 => self.load(),
            _ => {}
        }
        Ok(Vec::new())
    }

    pub(super) fn prevent(&mut self, cdb: &Cdb) -> Reply {
        let lock = cdb.byte(4) & 1 != 0;
        if lock != self.locked {
            self.stats.add(if lock { "locks" } else { "unlocks" }, 1);
        }
        self.locked = lock;
        Ok(Vec::new())
    }

    /// Each event is told once. Of several classes that are asked for, the first one that has an
    /// event is told of, or else the first one.
    pub(super) fn event(&mut self, cdb: &Cdb) -> Reply {
        if cdb.byte(1) & 1 == 0 {
            return Err(sense::FIELD);
        }
        let (media, busy) = (cdb.byte(4) & MEDIA != 0, cdb.byte(4) & BUSY != 0);
        let mut data = vec![0, 6, 0, MEDIA | BUSY];
        if media && !(busy && self.events.is_empty() && self.busy.is_some()) {
            let code = self.events.pop_front().unwrap_or(0);
            let present = self.medium.is_some() && !self.tray_open;
            let state = u8::from(present) << 1 | u8::from(self.tray_open);
            data[2] = 4;
            data.extend([code, state, 0, 0]);
        } else if busy {
            data[2] = 6;
            data.extend(self.busy_event());
        } else {
            data[1] = 2;
            data[2] = 0x80;
        }
        data.truncate(cdb.u16(7));
        Ok(data)
    }

    /// Whether it is busy, and for how many tenths of a second.
    fn busy_event(&mut self) -> [u8; 4] {
        if self.is_busy().is_none() {
            return [0, 0, 0, 0];
        }
        let left = self.busy.map_or(Duration::ZERO, |busy| {
            let gone = self.now.saturating_duration_since(busy.since);
            busy.lasts.saturating_sub(gone)
        });
        let tenths = left.as_millis().div_ceil(100).min(0xffff) as u16;
        let [high, low] = tenths.to_be_bytes();
        [1, 1, high, low]
    }

    /// The tray opens.
    fn open(&mut self) {
        if !self.tray_open {
            self.stop_background();
            self.busy = None;
            self.tray_open = true;
            self.events.push_back(REMOVAL);
        }
    }

    /// The tray closes over what lies in it.
    pub fn load(&mut self) {
        if self.tray_open {
            self.tray_open = false;
            self.changed();
        }
    }

    /// Another disc, or none, is in the closed tray.
    pub fn insert(&mut self, medium: Option<Medium>) {
        self.lose_cache();
        self.medium = medium;
        self.background = self.now;
        self.tray_open = false;
        self.journal = None;
        self.recording = false;
        self.locked = false;
        self.changed();
    }

    /// The disc at hand takes the place of the one in the drive, which does not notice.
    pub(super) fn exchange(&mut self) {
        self.lose_cache();
        self.medium = self.spare.take();
        self.background = self.now;
        self.journal = None;
        self.recording = false;
    }

    fn changed(&mut self) {
        self.busy = None;
        self.modes = Modes::default();
        self.speeds.adapt(self.medium.as_ref());
        if self.medium.is_some() && self.options.quirks.has(Quirk::SlowReady) {
            self.busy = Some(Busy {
                since: Instant::now().max(self.now),
                lasts: quirks::BECOMING_READY,
                sense: sense::BECOMING_READY,
            });
        }
        if self.medium.is_some() {
            self.events.push_back(NEW_MEDIUM);
            self.attentions.push_back(sense::CHANGED);
        }
    }

    /// Somebody presses the button; whether the tray opens.
    pub fn press_button(&mut self) -> bool {
        if self.locked {
            self.events.push_back(EJECT_REQUEST);
            return false;
        }
        self.open();
        true
    }

    /// The disc is taken out without asking the drive.
    pub fn pull_out(&mut self) {
        self.lose_cache();
        self.locked = false;
        self.open();
    }

    fn lose_cache(&mut self) {
        let lost = self.cache.drain().len() as u64;
        self.stats.add("cache_lost", lost);
    }

    /// The power fails and comes back.
    pub fn power_cut(&mut self) {
        self.lose_cache();
        self.stop_background();
        self.busy = None;
        self.stats.add("power_cuts", 1);
        self.deferred = None;
        self.restart();
    }

    /// The bus is reset: the drive keeps its cache and nothing else.
    pub fn reset(&mut self) {
        self.stats.add("resets", 1);
        self.restart();
    }

    /// The state after power on.
    fn restart(&mut self) {
        self.locked = false;
        self.modes = Modes::default();
        self.speeds = Speeds::new(self.medium.as_ref());
        self.attentions.clear();
        self.attentions.push_back(sense::RESET);
    }

    /// The guest has given the controller up: it is turned off, starts anew, or sleeps.
    pub fn given_up(&mut self) {
        if self.options.guest_power {
            self.power_cut();
        } else {
            self.restart();
        }
    }

    /// The drive is disconnected, which cuts its power.
    pub fn unplug(&mut self) {
        self.power_cut();
        self.plugged = false;
    }

    /// The drive is connected.
    pub fn plug(&mut self) {
        self.plugged = true;
    }
}
