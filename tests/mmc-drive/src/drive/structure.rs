// SPDX-License-Identifier: GPL-2.0-or-later
//! READ DISC STRUCTURE: what is stamped into a disc, spare areas, write protection.

use super::state::{Drive, Reply};
use crate::cdb::Cdb;
use crate::medium::{Kind, Medium};
use crate::sense;

/// What the lead-in says.
const PHYSICAL: u8 = 0x00;
const SPARE_AREA: u8 = 0x0a;
/// Who made a DVD-RW.
const PRE_RECORDED: u8 = 0x0e;
/// The lead-in of a DVD-RW, as it was stamped.
const STAMPED: u8 = 0x10;
/// Who made a DVD+RW.
const ADIP: u8 = 0x11;
const PROTECTION: u8 = 0xc0;
const LIST: u8 = 0xff;

const MAKER: &[u8; 8] = b"RBLKTEST";

impl Drive {
    pub(super) fn structure(&mut self, cdb: &Cdb) -> Reply {
        let (media_type, format) = (cdb.byte(1) & 15, cdb.byte(7));
        let medium = self.medium()?;
        let bd = medium.kind == Kind::BdRe;
        if medium.kind == Kind::CdRw || media_type != u8::from(bd) && format < PROTECTION {
            return Err(sense::FIELD);
        }
        let body = match format {
            LIST => list(medium),
            _ => structure(medium, format).ok_or(sense::FIELD)?,
        };
        let mut data = ((body.len() + 2) as u16).to_be_bytes().to_vec();
        data.extend([0, 0]);
        data.extend(body);
        data.truncate(cdb.u16(8));
        Ok(data)
    }
}

/// Each format, that it can be read, and how long it is.
fn list(medium: &Medium) -> Vec<u8> {
    let formats = [
        PHYSICAL,
        SPARE_AREA,
        PRE_RECORDED,
        STAMPED,
        ADIP,
        PROTECTION,
    ];
    let entry = |format: u8| {
        let length = structure(medium, format)?.len() as u16 + 2;
        let [high, low] = length.to_be_bytes();
        Some([format, 0x40, high, low])
    };
    formats.into_iter().filter_map(entry).flatten().collect()
}

fn structure(medium: &Medium, format: u8) -> Option<Vec<u8>> {
    match (format, medium.kind) {
        (PHYSICAL, Kind::BdRe) => Some(disc_information(medium)),
        (PHYSICAL, _) | (STAMPED, Kind::DvdRw) => Some(lead_in(medium)),
        (SPARE_AREA, Kind::DvdRam | Kind::BdRe) => Some(spares(medium)),
        (PRE_RECORDED, Kind::DvdRw) => Some(pre_recorded()),
        (ADIP, Kind::DvdPlusRw | Kind::DvdPlusRwDl) => Some(adip()),
        (PROTECTION, _) => Some(vec![u8::from(medium.protected) << 2, 0, 0, 0]),
        _ => None,
    }
}

/// Book, size, layers, first and last block.
fn lead_in(medium: &Medium) -> Vec<u8> {
    let (book, first, layers) = match medium.kind {
        Kind::DvdRam => (0x16, 0x31000, 0),
        Kind::DvdRw => (0x33, 0x30000, 0),
        Kind::DvdPlusRwDl => (0xd2, 0x30000, 1),
        _ => (0x92, 0x30000, 0),
    };
    let blocks = match medium.kind {
        Kind::DvdRw | Kind::DvdRam => medium.capacity,
        _ => medium.blocks(),
    };
    let last = (first + blocks.max(1) - 1).to_be_bytes();
    let start = u32::to_be_bytes(first);
    let mut data = vec![0; 2048];
    data[0] = book;
    data[1] = 0x02;
    data[2] = layers << 5 | 0x04;
    data[4..8].copy_from_slice(&start);
    data[8..12].copy_from_slice(&last);
    if layers > 0 {
        data[12..16].copy_from_slice(&last);
    }
    data
}

fn pre_recorded() -> Vec<u8> {
    let mut data = vec![0; 40];
    data[16] = 3;
    data[17..23].copy_from_slice(&MAKER[..6]);
    data[24] = 4;
    data[25..27].copy_from_slice(&MAKER[6..]);
    data
}

fn adip() -> Vec<u8> {
    let mut data = vec![0; 256];
    data[0] = 0x92;
    data[19..27].copy_from_slice(MAKER);
    data[27..30].copy_from_slice(b"001");
    data
}

fn disc_information(medium: &Medium) -> Vec<u8> {
    let mut data = vec![0; 4096];
    data[..2].copy_from_slice(b"DI");
    data[2] = 1;
    data[8..11].copy_from_slice(b"BDW");
    data[12] = 0x14;
    data[100..106].copy_from_slice(&MAKER[..6]);
    data[106..109].copy_from_slice(b"W01");
    let last = medium.capacity.saturating_sub(1).to_be_bytes();
    data[20..24].copy_from_slice(&last);
    data
}

/// Of a DVD-RAM unused blocks of the primary area, then those of the other and its size. Of a BD-RE
/// unused clusters and all of them.
fn spares(medium: &Medium) -> Vec<u8> {
    let more = medium.capacity.saturating_sub(medium.blocks());
    let words = match medium.kind {
        Kind::DvdRam => [12800, more, more],
        _ if medium.no_spares || medium.is_blank() => [0, 0, 0],
        _ => [0, 8192, 8192],
    };
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}
