// SPDX-License-Identifier: GPL-2.0-or-later
//! What the drive tells of the disc: disc, track, contents, capacities.

use super::state::{Drive, Reply};
use crate::cdb::Cdb;
use crate::format;
use crate::medium::{Kind, Medium, State};
use crate::quirks::{Quirk, RUN_OUT};
use crate::sense::{self, Sense};

/// Types of the first descriptor of READ FORMAT CAPACITIES: not formatted, the blocks are the most
/// that there can be.
const UNFORMATTED: u8 = 1;
/// The blocks are those that are formatted.
const FORMATTED: u8 = 2;
/// No disc, or one whose last session was not closed.
const UNKNOWN: u8 = 3;

impl Drive {
    pub(super) fn disc_info(&mut self, cdb: &Cdb) -> Reply {
        if cdb.byte(1) & 7 != 0 {
            return Err(sense::FIELD);
        }
        let mut data = disc_information(self.medium()?);
        data.truncate(cdb.u16(7));
        Ok(data)
    }

    pub(super) fn track_info(&mut self, cdb: &Cdb) -> Reply {
        if self.options.quirks.has(Quirk::NoTrackInfo) {
            return Err(sense::FIELD);
        }
        let medium = self.medium()?;
        let n = cdb.u32(2);
        let found = match cdb.byte(1) & 3 {
            0 => medium.is_blank() || (medium.start..medium.end()).contains(&n),
            1 => n == 1 || n == 0xff,
            2 => n == 1,
            _ => false,
        };
        if !found {
            return Err(sense::FIELD);
        }
        let mut data = track_information(medium);
        let told = self.told_blocks()?;
        if !self.medium()?.is_sequential() {
            data[24..28].copy_from_slice(&told.to_be_bytes());
        }
        if self.options.quirks.has(Quirk::NoPacketSize) {
            data[20..24].fill(0);
        }
        data.truncate(cdb.u16(7));
        Ok(data)
    }

    pub(super) fn toc(&mut self, cdb: &Cdb) -> Reply {
        let medium = self.medium()?;
        // Older commands have the format in the last byte.
        let format = match cdb.byte(2) & 15 {
            0 => cdb.byte(9) >> 6,
            format => format,
        };
        if medium.is_blank() && format != 4 {
            return Err(sense::FIELD);
        }
        let msf = cdb.byte(1) & 2 != 0;
        let mut data = match format {
            0 => contents(medium, cdb.byte(6), msf)?,
            1 => with_length(&[1, 1, 0, 0x14, 1, 0], &address(medium.start, msf)),
            2 if medium.kind == Kind::CdRw => full_contents(medium),
            4 if medium.kind == Kind::CdRw => atip(medium),
            _ => return Err(sense::FIELD),
        };
        data.truncate(cdb.u16(7));
        Ok(data)
    }

    pub(super) fn capacity(&mut self) -> Reply {
        let blocks = self.told_blocks()?;
        let last = self.medium()?.start.saturating_add(blocks);
        let last = last.saturating_sub(1);
        let mut data = last.to_be_bytes().to_vec();
        data.extend([0, 0, 8, 0]);
        Ok(data)
    }

    /// The size that the drive reports, which quirks make differ from the blocks that can be read.
    fn told_blocks(&mut self) -> Result<u32, Sense> {
        let grows = self.options.quirks.has(Quirk::Grows);
        let run_out = self.options.quirks.has(Quirk::RunOut);
        let medium = self.medium()?;
        let blocks = match medium.state {
            State::Running if grows => medium.formatted,
            _ => medium.blocks(),
        };
        let more = if run_out && blocks > 0 { RUN_OUT } else { 0 };
        Ok(blocks.saturating_add(more))
    }

    pub(super) fn format_capacities(&mut self, cdb: &Cdb) -> Reply {
        if let Some(sense) = self.is_busy() {
            return Err(sense);
        }
        let rainier = self.knows_rainier();
        let grows = self.options.quirks.has(Quirk::Grows);
        let mut list = Vec::new();
        match &self.medium {
            Some(medium) if !self.tray_open => {
                let offers = format::offers(medium, rainier);
                let most = offers.iter().map(|offer| offer.blocks).max();
                let (state, blocks) = match medium.state {
                    State::Blank => (UNFORMATTED, most.unwrap_or(medium.capacity)),
                    State::Intermediate => (UNKNOWN, medium.capacity),
                    State::Running if grows => (FORMATTED, medium.formatted),
                    _ => (FORMATTED, medium.blocks()),
                };
                list.extend(blocks.to_be_bytes());
                list.extend([state, 0, 8, 0]);
                for offer in offers {
                    list.extend(offer.blocks.to_be_bytes());
                    list.push(offer.kind << 2);
                    list.extend(&offer.parameter.to_be_bytes()[1..]);
                }
            }
            _ => list.extend([0, 0x23, 0x05, 0x40, UNKNOWN, 0, 8, 0]),
        }
        let mut data = vec![0, 0, 0, list.len() as u8];
        data.extend(list);
        data.truncate(cdb.u16(7));
        Ok(data)
    }

    pub(super) fn buffer_capacity(&mut self, cdb: &Cdb) -> Reply {
        let packet = self.cache_packet_bytes();
        let total = self.cache.limit.max(1) * packet;
        let free = total.saturating_sub(self.cache.len() * packet);
        let mut data = vec![0, 10, 0, 0];
        data.extend((total as u32).to_be_bytes());
        data.extend((free as u32).to_be_bytes());
        data.truncate(cdb.u16(7));
        Ok(data)
    }
}

fn disc_information(medium: &Medium) -> Vec<u8> {
    let look = &medium.look;
    let (state, usual) = match medium.state {
        State::Blank if medium.reserved => (0, 2),
        State::Blank => (0, 0),
        State::Sequential { open: true } => (1, 1),
        State::Intermediate => (2, 1),
        _ if medium.kind == Kind::DvdRam => (3, 3),
        _ => (2, 3),
    };
    let session = look.border.unwrap_or(usual);
    let mut data = vec![0; 34];
    data[1] = 32;
    data[2] = u8::from(!look.not_erasable) << 4 | session << 2 | state;
    data[3..8].copy_from_slice(&[1, 1, 1, 1, 0x20 | medium.background()]);
    let of_kind = if medium.kind == Kind::CdRw { 0x20 } else { 0 };
    data[8] = look.disc_type.unwrap_or(of_kind);
    if let Some(id) = look.id {
        data[7] |= 0x80;
        data[12..16].copy_from_slice(&id.to_be_bytes());
    }
    if medium.kind == Kind::CdRw {
        // Where the lead-in starts, and up to where there may be data: in fixed packets of
        // 32 blocks, each with 7 more that link it to the next.
        data[16..20].copy_from_slice(&[0, 97, 26, 65]);
        let frames = medium.capacity / 32 * 39 + 145;
        data[20..24].copy_from_slice(&minutes(frames));
    }
    data
}

fn track_information(medium: &Medium) -> Vec<u8> {
    let (look, blank) = (&medium.look, medium.is_blank());
    let cd_like = medium.kind.is_picky();
    // The packets of a sequential DVD-RW have no fixed size. A blank CD-RW reports the packets that
    // it gets when it is formatted.
    let flexible = match medium.kind {
        Kind::DvdRw => medium.is_sequential(),
        _ => look.varying,
    };
    let in_packets = cd_like && !look.no_packets;
    let packets = match medium.state {
        State::Sequential { .. } => medium.kind == Kind::DvdRw,
        _ => in_packets,
    };
    let unwritten = blank || look.reserved_blank;
    let mut data = vec![0; 36];
    data[1] = 34;
    data[2] = 1;
    data[3] = 1;
    data[5] = medium.kind.track_mode();
    data[6] = u8::from(look.reserved_blank || medium.reserved) << 7
        | u8::from(unwritten) << 6
        | u8::from(packets) << 5
        | u8::from(packets && !flexible && !look.varying) << 4
        | look.data_mode.unwrap_or(medium.data_mode);
    let mut put = |at: usize, n: u32| data[at..at + 4].copy_from_slice(&n.to_be_bytes());
    put(8, medium.start);
    put(20, look.packet.unwrap_or(medium.packet));
    put(24, medium.blocks());
    let (mut valid, mut recorded) = (0, look.last_recorded || medium.kind == Kind::DvdRam);
    match medium.state {
        State::Blank | State::Sequential { open: true } => {
            valid = 1;
            put(12, medium.start.saturating_add(medium.formatted));
            put(16, medium.capacity - medium.formatted);
            put(24, medium.capacity);
            recorded &= !blank;
        }
        State::Intermediate if medium.formatted < medium.capacity => {
            valid = 1;
            put(12, medium.end());
            put(16, medium.capacity - medium.formatted);
        }
        _ => {}
    }
    if recorded {
        put(28, medium.end().saturating_sub(1));
        valid |= 2;
    }
    data[7] = valid;
    data
}

fn contents(medium: &Medium, from: u8, msf: bool) -> Result<Vec<u8>, Sense> {
    let mut data = vec![1, 1];
    if from <= 1 {
        data.extend([0, 0x14, 1, 0]);
        data.extend(address(medium.start, msf));
    } else if from != 0xaa {
        return Err(sense::FIELD);
    }
    data.extend([0, 0x14, 0xaa, 0]);
    data.extend(address(medium.end(), msf));
    Ok(with_length(&data, &[]))
}

/// All that the lead-in has: first and last track, where the lead-out and the track begin.
fn full_contents(medium: &Medium) -> Vec<u8> {
    let mut data = vec![1, 1];
    let [_, m, s, f] = minutes(medium.end().saturating_add(150));
    let points = [
        (0xa0, [1, 0, 0]),
        (0xa1, [1, 0, 0]),
        (0xa2, [m, s, f]),
        (0x01, {
            let [_, m, s, f] = minutes(medium.start.saturating_add(150));
            [m, s, f]
        }),
    ];
    for (point, at) in points {
        data.extend([1, 0x14, 0, point, 0, 0, 0, 0]);
        data.extend(at);
    }
    with_length(&data, &[])
}

fn with_length(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut data = ((a.len() + b.len()) as u16).to_be_bytes().to_vec();
    data.extend(a);
    data.extend(b);
    data
}

/// CD-RW of subtype 1 for 4 to 10 times the speed.
fn atip(medium: &Medium) -> Vec<u8> {
    let mut data = vec![0; 28];
    data[1] = 26;
    data[4] = 0x80;
    data[6] = 0x80 | 0x40 | 1 << 3 | 0x04;
    data[8..11].copy_from_slice(&[97, 26, 65]);
    let end = medium.capacity / 32 * 39 + 150;
    data[12..15].copy_from_slice(&minutes(end)[1..]);
    data[16] = 0x14;
    data
}

fn address(block: u32, msf: bool) -> [u8; 4] {
    if msf {
        minutes(block.saturating_add(150))
    } else {
        block.to_be_bytes()
    }
}

/// Frames as 0, minutes, seconds, frames.
fn minutes(frames: u32) -> [u8; 4] {
    let minute = (frames / (75 * 60)).min(255) as u8;
    [0, minute, (frames / 75 % 60) as u8, (frames % 75) as u8]
}
