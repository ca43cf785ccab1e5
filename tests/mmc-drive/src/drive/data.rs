// SPDX-License-Identifier: GPL-2.0-or-later
//! Reads and writes, and what is refused.

use super::state::{Drive, Reply};
use crate::cdb::Cdb;
use crate::disc::Packet;
use crate::medium::{Kind, Medium, State, BLOCK};
use crate::modes::WriteParameters;
use crate::quirks::{Quirk, RUN_OUT};
use crate::sense::{self, Sense};

impl Drive {
    pub(super) fn transfer(&mut self, cdb: &Cdb, out: &[u8]) -> Reply {
        let (first, length) = cdb.extent().ok_or(sense::FIELD)?;
        if cdb.is_read() {
            return self.read(first, length);
        }
        let bytes = length as usize * BLOCK;
        let data = out.get(..bytes).ok_or(sense::FIELD)?;
        if let Err(sense) = self.judge(first, length) {
            return Err(self.reject(sense));
        }
        self.account_write(first, length)?;
        self.extend(first, length)?;
        self.store(first, data, cdb.forced())?;
        Ok(Vec::new())
    }

    /// Updates which part of the disc is formatted, or recorded, for a write that was accepted.
    fn extend(&mut self, first: u32, length: u32) -> Result<(), Sense> {
        let medium = self.medium()?;
        let end = first.saturating_add(length).saturating_sub(medium.start);
        medium.unclosed |= length > 0;
        match medium.state {
            _ if length == 0 => {}
            State::Blank => {
                medium.state = State::Sequential { open: true };
                medium.size = medium.capacity;
                medium.formatted = end;
            }
            State::Sequential { .. } => medium.formatted = end,
            State::Intermediate => {
                medium.formatted = medium.formatted.max(end);
                if medium.formatted == medium.capacity {
                    medium.state = State::Formatted;
                }
            }
            State::Running => self.format_up_to(end),
            State::Stopped | State::Formatted => {}
        }
        Ok(())
    }

    pub(super) fn read(&mut self, first: u32, length: u32) -> Reply {
        let run_out = self.options.quirks.has(Quirk::RunOut);
        let ice = self.options.quirks.has(Quirk::Ice);
        let medium = self.medium()?;
        if medium.is_blank() {
            return Err(sense::MODE);
        }
        let (start, packet) = (medium.start, medium.packet);
        let end = u64::from(first) + u64::from(length);
        let limit = u64::from(medium.end());
        if run_out && end > limit && end <= limit + u64::from(RUN_OUT) {
            return Err(sense::MODE);
        }
        if first < start.saturating_add(medium.gap) || end > limit {
            return Err(sense::RANGE);
        }
        let formatted = u64::from(start) + u64::from(medium.formatted);
        if ice && medium.state == State::Running && end > formatted {
            return Err(sense::UNREADABLE);
        }
        if !self.cache.is_empty() {
            self.stats.add("dirty_reads", 1);
            if self.options.strict_cache {
                self.stats.add("rejected_sequence", 1);
                return Err(sense::SEQUENCE);
            }
        }
        self.stats.add("reads", 1);
        self.stats.add("read_blocks", length.into());
        self.move_head(first, length, self.speeds.read(), "time_read");
        let mut data = Vec::with_capacity(length as usize * BLOCK);
        let mut at = first - start;
        let end = at + length;
        while at < end {
            let n = (packet - at % packet).min(end - at);
            let content = self.content(at / packet)?;
            let from = (at % packet) as usize * BLOCK;
            data.extend(&content[from..from + n as usize * BLOCK]);
            at += n;
        }
        Ok(data)
    }

    /// Whether a write may be done; the order of the rules is that of real drives.
    fn judge(&mut self, first: u32, length: u32) -> Result<(), Sense> {
        let (strict, single) = (self.options.strict, self.options.single);
        let page = self.modes.write_parameters();
        let chosen = self.modes.was_selected();
        let wants_page = self.options.quirks.has(Quirk::WantsPage5);
        let medium = self.medium()?;
        if medium.protected {
            return Err(sense::PROTECTED);
        }
        if medium.is_sequential() {
            return judge_sequence(medium, page, chosen, first, length);
        }
        // An intermediate session may also be written right behind its end, and grows.
        let limit = match medium.state {
            State::Intermediate => medium.start.saturating_add(medium.capacity),
            _ => medium.end(),
        };
        if first < medium.start || first >= limit {
            return Err(sense::RANGE);
        }
        if u64::from(first) + u64::from(length) > limit.into() {
            return Err(sense::PAST_END);
        }
        if first > medium.end() {
            return Err(sense::ALIGNMENT);
        }
        if medium.look.no_packets {
            return Err(sense::MODE);
        }
        if medium.mrw {
            return Ok(());
        }
        if medium.kind == Kind::CdRw || (wants_page && medium.kind == Kind::DvdRw) {
            let fits = page.data_mode() == Some(medium.data_mode);
            if page.write_type != 0 || !page.fixed || !fits {
                return Err(sense::MODE);
            }
            if page.packet != medium.packet {
                return Err(sense::PACKET_SIZE);
            }
        }
        if strict && (first - medium.start) % medium.packet != 0 {
            return Err(sense::ALIGNMENT);
        }
        let fits = if single.unwrap_or(medium.kind != Kind::DvdRw) {
            length == medium.packet
        } else {
            length % medium.packet == 0
        };
        if strict && length > 0 && !fits {
            return Err(sense::PACKET_SIZE);
        }
        Ok(())
    }

    /// Counts why a write is refused, and returns the sense. Some makers have one for all reasons.
    fn reject(&mut self, sense: Sense) -> Sense {
        self.stats.add("writes_rejected", 1);
        let why = match sense {
            sense::ALIGNMENT => "rejected_unaligned",
            sense::PACKET_SIZE => "rejected_partial",
            sense::RANGE | sense::PAST_END => "rejected_range",
            sense::MODE => "rejected_mode",
            _ => "rejected_other",
        };
        self.stats.add(why, 1);
        let words = [
            (Quirk::SaysSequence, sense::SEQUENCE),
            (Quirk::SaysField, sense::FIELD),
            (Quirk::SaysFormat, sense::FORMAT),
        ];
        let quirks = &self.options.quirks;
        let word = words.into_iter().find(|(quirk, _)| quirks.has(*quirk));
        match word {
            Some((_, word)) if sense.key == 5 => word,
            _ => sense,
        }
    }

    fn account_write(&mut self, first: u32, length: u32) -> Result<(), Sense> {
        let medium = self.medium()?;
        let packet = medium.packet;
        let at = first - medium.start;
        let head = at % packet != 0;
        let tail = (at + length) % packet != 0;
        let same = at / packet == (at + length) / packet;
        let partial = u64::from(head) + u64::from(tail && !(head && same));
        let kind = if partial == 0 {
            "writes_whole"
        } else {
            "writes_partial"
        };
        self.stats.add("writes", 1);
        self.stats.add("write_blocks", length.into());
        self.stats.add(kind, 1);
        self.stats.add("rmw", partial);
        let speed = self.speeds.write();
        self.move_head(first, length, speed, "time_write");
        for _ in 0..partial {
            self.move_head(first, packet, speed, "time_write");
        }
        self.slow_down();
        Ok(())
    }

    /// Stores the first blocks of a write, for good, and leaves the rest as it was.
    pub(super) fn tear(&mut self, first: u32, length: u32, data: &[u8]) -> Reply {
        if let Err(sense) = self.judge(first, length) {
            return Err(self.reject(sense));
        }
        self.stats.add("torn", 1);
        self.store(first, data, true)?;
        Ok(Vec::new())
    }

    /// Takes blocks, packet by packet.
    fn store(&mut self, first: u32, mut data: &[u8], forced: bool) -> Result<(), Sense> {
        let medium = self.medium()?;
        let packet = medium.packet as usize;
        let mut at = (first - medium.start) as usize;
        while !data.is_empty() {
            let from = at % packet * BLOCK;
            let n = (packet * BLOCK - from).min(data.len());
            let (piece, rest) = data.split_at(n);
            let number = (at / packet) as u32;
            let content = if n == packet * BLOCK {
                piece.into()
            } else {
                let mut content = self.content(number)?.to_vec();
                content[from..from + n].copy_from_slice(piece);
                content.into()
            };
            self.store_packet(number, content, forced)?;
            at += n / BLOCK;
            data = rest;
        }
        Ok(())
    }

    fn store_packet(&mut self, number: u32, packet: Packet, forced: bool) -> Result<(), Sense> {
        let at_once = forced || self.cache.limit == 0 || !self.modes.write_back();
        self.stats.wrote(number);
        if let Some(journal) = self.journal.as_mut().filter(|_| self.recording) {
            journal.write(number, packet.clone(), at_once);
        }
        if at_once {
            self.cache.remove(number);
            self.medium()?.disc.put(number, packet);
            return Ok(());
        }
        self.cache.put(number, packet);
        while let Some((number, packet)) = self.cache.evict() {
            self.stats.add("evictions", 1);
            self.medium()?.disc.put(number, packet);
        }
        let held = self.cache.len() as u64;
        self.stats.highest("cache_most", held);
        Ok(())
    }

    /// A packet as a read gets it.
    fn content(&mut self, number: u32) -> Result<Packet, Sense> {
        match self.cache.get(number) {
            Some(packet) => Ok(packet),
            None => Ok(self.medium()?.disc.packet(number)),
        }
    }

    pub(super) fn synchronize(&mut self) -> Reply {
        self.stats.add("syncs", 1);
        self.empty_cache()?;
        // A session that is recorded at once (write type 2) needs no CLOSE TRACK/SESSION.
        let at_once = self.modes.write_parameters().write_type == 2;
        let medium = self.medium()?;
        if at_once && medium.state == (State::Sequential { open: true }) {
            medium.state = State::Sequential { open: false };
        }
        Ok(Vec::new())
    }

    /// Puts what is in the cache on the disc.
    pub(super) fn empty_cache(&mut self) -> Result<(), Sense> {
        if !self.cache.is_empty() {
            self.close_link();
        }
        for (number, packet) in self.cache.drain() {
            self.stats.add("sync_packets", 1);
            self.medium()?.disc.put(number, packet);
        }
        if let Some(journal) = self.journal.as_mut().filter(|_| self.recording) {
            journal.sync();
        }
        Ok(())
    }

    pub(super) fn seek(&mut self, cdb: &Cdb) -> Reply {
        let first = cdb.u32(2);
        let medium = self.medium()?;
        if first < medium.start || first >= medium.end() {
            return Err(sense::RANGE);
        }
        self.move_head(first, 0, self.speeds.read(), "time_seek");
        Ok(Vec::new())
    }

    /// Returns what the next power cut could leave of a packet: what is on the disc, unless that was
    /// never written and is all zeroes, and what is in the cache, if it is there. Packets are counted
    /// from the start of the disc.
    pub fn packet_versions(&self, number: u32) -> [Option<Packet>; 2] {
        let medium = self.medium.as_ref();
        let on_disc = medium.and_then(|medium| medium.disc.written(number));
        [on_disc, self.cache.get(number)]
    }

    pub(super) fn cache_packet_bytes(&self) -> usize {
        self.medium.as_ref().map_or(BLOCK, |m| m.disc.bytes())
    }
}

/// Judges a write to a disc that is recorded from its start on. The host must have set mode page 5
/// before.
fn judge_sequence(
    medium: &Medium,
    page: WriteParameters,
    chosen: bool,
    first: u32,
    length: u32,
) -> Result<(), Sense> {
    let open = medium.is_blank() || medium.state == State::Sequential { open: true };
    if !medium.kind.is_picky() || !open || !chosen || page.fixed || page.write_type > 2 {
        return Err(sense::MODE);
    }
    let next = medium.start.saturating_add(medium.formatted);
    if first != next {
        return Err(sense::ALIGNMENT);
    }
    let end = u64::from(medium.start) + u64::from(medium.capacity);
    if u64::from(first) + u64::from(length) > end {
        return Err(sense::PAST_END);
    }
    Ok(())
}
