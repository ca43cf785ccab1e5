// SPDX-License-Identifier: GPL-2.0-or-later
//! Blanking and formatting, tracks and sessions.

use super::info::formats;
use super::{Drive, Reply};
use crate::cdb::Cdb;
use crate::medium::Kind;
use crate::sense;
use std::time::Duration;

impl Drive {
    pub(super) fn blank(&mut self, cdb: &Cdb) -> Reply {
        let medium = self.medium()?;
        if medium.protected {
            return Err(sense::PROTECTED);
        }
        if !medium.kind.is_picky() || medium.look.not_erasable {
            return Err(sense::MODE);
        }
        if cdb.byte(1) & 7 > 1 {
            return Err(sense::FIELD);
        }
        medium.blank();
        self.stats.add("blanks", 1);
        self.forget_data();
        self.begin_long(cdb.byte(1) & 0x10 != 0);
        Ok(Vec::new())
    }

    /// With a format list of one descriptor: blocks, type and parameter.
    pub(super) fn format_unit(&mut self, cdb: &Cdb, out: &[u8]) -> Reply {
        if cdb.byte(1) & 0x10 == 0 || !matches!(cdb.byte(1) & 7, 1 | 7) {
            return Err(sense::FIELD);
        }
        let header = out.get(..4).ok_or(sense::PARAMETER_LENGTH)?;
        let descriptor = out.get(4..12).ok_or(sense::PARAMETER_LENGTH)?;
        if usize::from(header[2]) << 8 | usize::from(header[3]) < 8 {
            return Err(sense::PARAMETER);
        }
        let wanted =
            u32::from_be_bytes([descriptor[0], descriptor[1], descriptor[2], descriptor[3]]);
        let parameter = u32::from_be_bytes([0, descriptor[5], descriptor[6], descriptor[7]]);
        self.format(cdb.byte(1) & 7, descriptor[4] >> 2, wanted, parameter)?;
        self.stats.add("formats", 1);
        self.forget_data();
        self.begin_long(header[1] & 2 != 0);
        Ok(Vec::new())
    }

    fn format(&mut self, code: u8, kind: u8, wanted: u32, parameter: u32) -> Reply {
        let page = self.modes.write_parameters();
        let medium = self.medium()?;
        if medium.protected {
            return Err(sense::PROTECTED);
        }
        let known = formats(medium.kind).iter().any(|(known, _)| *known == kind);
        if code != 7 && !known {
            return Err(sense::PARAMETER);
        }
        let (capacity, usual) = (medium.capacity, medium.kind.packet());
        let blocks = match wanted {
            0 | u32::MAX => capacity,
            blocks if blocks <= capacity => blocks,
            _ => return Err(sense::PARAMETER),
        };
        let packet = match parameter {
            size if medium.kind == Kind::CdRw && size > 0 && size < 2048 => size,
            _ => usual,
        };
        if blocks % packet != 0 {
            return Err(sense::PARAMETER);
        }
        if medium.kind == Kind::CdRw {
            medium.data_mode = page.data_mode().unwrap_or(medium.data_mode);
        }
        medium.format(blocks, packet);
        Ok(Vec::new())
    }

    pub(super) fn reserve(&mut self) -> Reply {
        let medium = self.medium()?;
        if !medium.is_blank() {
            return Err(sense::SEQUENCE);
        }
        medium.reserved = true;
        Ok(Vec::new())
    }

    pub(super) fn close(&mut self) -> Reply {
        self.stats.add("closes", 1);
        self.empty_cache()?;
        Ok(Vec::new())
    }

    /// What was in the cache was meant for a disc that is no more.
    fn forget_data(&mut self) {
        self.cache.drain();
        self.journal = None;
        self.recording = false;
        self.events.push_back(super::tray::NEW_MEDIUM);
    }

    fn begin_long(&mut self, immediate: bool) {
        let time = Duration::from_millis(self.options.format_time);
        if immediate {
            self.busy = Some((self.now, time));
        } else {
            self.takes += time;
        }
    }

    /// How far formatting got, while it lasts.
    pub(super) fn progress(&mut self) -> Option<u16> {
        let (since, time) = self.busy?;
        let gone = self.now.saturating_duration_since(since);
        if gone >= time {
            self.busy = None;
            return None;
        }
        Some((gone.as_secs_f64() / time.as_secs_f64() * 65535.0) as u16)
    }
}
