// SPDX-License-Identifier: GPL-2.0-or-later
//! Blanking and formatting, tracks and sessions.

use super::state::{Busy, Drive, Reply};
use crate::cdb::Cdb;
use crate::format::{self, Order, Plan};
use crate::medium::{Kind, Medium, State};
use crate::quirks::Quirk;
use crate::sense::{self, Sense};
use std::time::Duration;

impl Drive {
    pub(super) fn blank(&mut self, cdb: &Cdb) -> Reply {
        let medium = self.medium()?;
        let (seconds, minimal) = format::blanking(medium, cdb.byte(1) & 7)?;
        medium.blank();
        medium.minimal = minimal;
        self.stats.add("blanks", 1);
        self.forget_data();
        let lasts = self.lasts(seconds, 1);
        self.begin_long(cdb.byte(1) & 0x10 != 0, lasts, sense::FORMATTING);
        Ok(Vec::new())
    }

    /// With a format list of one descriptor: blocks, type and parameter.
    pub(super) fn format_unit(&mut self, cdb: &Cdb, out: &[u8]) -> Reply {
        let order = order(cdb, out)?;
        let rainier = self.knows_rainier();
        let mut plan = format::plan(self.medium()?, rainier, &order)?;
        let keeps_size = self.options.quirks.has(Quirk::KeepsSize);
        let medium = self.medium()?;
        if keeps_size && medium.kind == Kind::DvdRam && order.complete_list && !order.certify {
            (plan.size, plan.formatted) = (medium.size, medium.formatted);
        }
        let restarted = plan.keeps && plan.state == State::Running;
        if plan.keeps || !plan.erases {
            self.empty_cache()?;
        }
        if !plan.keeps {
            self.forget_data();
        }
        let data_mode = self.modes.write_parameters().data_mode();
        self.medium()?.become_formatted(&plan, data_mode);
        let lasts = self.lasts(plan.seconds, if order.is_background() { 16 } else { 1 });
        self.begin_background(self.now + lasts);
        self.stats
            .add(if restarted { "restarts" } else { "formats" }, 1);
        self.begin_long(out[1] & 2 != 0, lasts, sense::FORMATTING);
        Ok(Vec::new())
    }

    pub(super) fn reserve(&mut self) -> Reply {
        let medium = self.medium()?;
        if !medium.is_blank() || !medium.kind.is_picky() {
            return Err(sense::SEQUENCE);
        }
        medium.reserved = true;
        Ok(Vec::new())
    }

    /// CLOSE TRACK/SESSION.
    pub(super) fn close(&mut self, cdb: &Cdb) -> Reply {
        let function = cdb.byte(2) & 7;
        let (state, seconds) = format::closing(self.medium()?, function)?;
        self.empty_cache()?;
        let medium = self.medium()?;
        medium.state = state;
        medium.unclosed &= function != 2;
        self.stats.add("closes", 1);
        let lasts = self.scaled(seconds);
        self.begin_long(cdb.byte(1) & 1 != 0, lasts, sense::WORKING);
        Ok(Vec::new())
    }

    /// Drops the cache and the log, since the blocks they belong to are no longer on the disc.
    fn forget_data(&mut self) {
        self.cache.drain();
        self.journal = None;
        self.recording = false;
        self.events.push_back(super::tray::NEW_MEDIUM);
    }

    /// How long an operation lasts that takes a real drive so many seconds: `time` times as long, or
    /// the `part`th of `format-time`, if that is set.
    fn lasts(&self, seconds: f64, part: u64) -> Duration {
        match self.options.format_time {
            0 => self.scaled(seconds),
            whole => Duration::from_millis(whole / part),
        }
    }

    fn begin_long(&mut self, immediate: bool, lasts: Duration, sense: Sense) {
        if immediate {
            self.busy = Some(Busy {
                since: self.now,
                lasts,
                sense,
            });
        } else {
            self.takes += lasts;
        }
    }

    /// The sense of a drive that is busy, with the progress of its operation.
    pub(super) fn is_busy(&mut self) -> Option<Sense> {
        let busy = self.busy?;
        let gone = self.now.saturating_duration_since(busy.since);
        if gone >= busy.lasts {
            self.busy = None;
            return None;
        }
        let part = gone.as_secs_f64() / busy.lasts.as_secs_f64();
        let progress = (part * 65535.0) as u16;
        Some(Sense {
            progress: (!self.options.quirks.has(Quirk::NoProgress)).then_some(progress),
            ..busy.sense
        })
    }
}

fn order(cdb: &Cdb, out: &[u8]) -> Result<Order, Sense> {
    let code = cdb.byte(1) & 7;
    if cdb.byte(1) & 0x10 == 0 || !matches!(code, 1 | 7) {
        return Err(sense::FIELD);
    }
    let header = out.get(..4).ok_or(sense::PARAMETER_LENGTH)?;
    let d = out.get(4..12).ok_or(sense::PARAMETER_LENGTH)?;
    if usize::from(header[2]) << 8 | usize::from(header[3]) < 8 {
        return Err(sense::PARAMETER);
    }
    Ok(Order {
        code,
        kind: d[4] >> 2,
        sub: d[4] & 3,
        blocks: u32::from_be_bytes([d[0], d[1], d[2], d[3]]),
        parameter: u32::from_be_bytes([0, d[5], d[6], d[7]]),
        // "Disable certification" counts with "these bits are valid" only.
        certify: header[1] & 0xa0 != 0xa0,
        complete_list: cdb.byte(1) & 0x08 != 0,
    })
}

impl Medium {
    fn become_formatted(&mut self, plan: &Plan, data_mode: Option<u8>) {
        if !plan.keeps {
            if plan.erases {
                self.disc.reformat(plan.packet);
            }
            self.gap = 0;
            self.packet = plan.packet;
            self.reserved = false;
            if self.kind == Kind::CdRw {
                self.data_mode = data_mode.unwrap_or(self.data_mode);
            }
        }
        self.state = plan.state;
        self.size = plan.size;
        self.formatted = plan.formatted;
        self.mrw = plan.mrw;
        self.no_spares = plan.no_spares;
        self.unclosed = true;
    }
}
