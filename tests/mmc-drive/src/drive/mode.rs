// SPDX-License-Identifier: GPL-2.0-or-later
//! MODE SENSE, MODE SELECT, and the page that tells abilities.

use super::state::{Drive, Reply};
use crate::cdb::{op, Cdb};
use crate::medium::{Kind, Medium, State};
use crate::modes::Values;
use crate::options::Class;
use crate::quirks::Quirk;
use crate::sense;

const CAPABILITIES: u8 = 0x2a;
const RAINIER: u8 = 0x2c;
const PAGES: [u8; 7] = [0x01, 0x05, 0x08, 0x1a, 0x1d, CAPABILITIES, RAINIER];
/// In the header, where other devices have it: the medium is write protected.
const PROTECTED: u8 = 0x80;
const DESCRIPTOR: [u8; 8] = [0, 0, 0, 0, 0, 0, 8, 0];

impl Drive {
    pub(super) fn mode_sense(&mut self, cdb: &Cdb) -> Reply {
        let six = cdb.op() == op::MODE_SENSE_6;
        if six && !self.options.mode6 {
            return Err(sense::OPCODE);
        }
        let values = Values::parse(cdb.byte(2) >> 6)?;
        let pages = self.pages(cdb.byte(2) & 0x3f, values);
        if pages.is_empty() {
            return Err(sense::FIELD);
        }
        let wanted = self.options.block_descriptor && cdb.byte(1) & 0x08 == 0;
        let descriptor: &[u8] = if wanted { &DESCRIPTOR } else { &[] };
        let n = descriptor.len() + pages.len();
        let hides = self.options.quirks.has(Quirk::HidesProtection);
        let protected = match &self.medium {
            Some(medium) if medium.protected && !self.tray_open && !hides => PROTECTED,
            _ => 0,
        };
        let mut data = if six {
            vec![(n + 3).min(255) as u8, 0, protected, descriptor.len() as u8]
        } else {
            let length = ((n + 6) as u16).to_be_bytes();
            let n = descriptor.len() as u8;
            vec![length[0], length[1], 0, protected, 0, 0, 0, n]
        };
        data.extend(descriptor);
        data.extend(pages);
        data.truncate(if six { cdb.byte(4).into() } else { cdb.u16(7) });
        Ok(data)
    }

    fn pages(&self, code: u8, values: Values) -> Vec<u8> {
        let wanted =
            |page: &u8| (code == 0x3f || code == *page) && !self.options.no_pages.contains(page);
        let known = |page: &u8| *page != RAINIER || self.knows_rainier();
        let pages = PAGES.into_iter().filter(wanted).filter(known);
        pages.flat_map(|page| self.page(page, values)).collect()
    }

    fn page(&self, code: u8, values: Values) -> Vec<u8> {
        let mut page = match self.modes.page(code, values) {
            Some(page) => return page,
            None => self.capabilities(),
        };
        if values == Values::Changeable {
            page[2..].fill(0);
        }
        page
    }

    fn capabilities(&self) -> Vec<u8> {
        let mut p = vec![0; 36];
        p[0] = CAPABILITIES;
        p[1] = 34;
        (p[2], p[3]) = match self.options.class {
            Class::Cdrw => (0x03, 0x03),
            Class::Multi => (0x1f, 0x13),
            Class::Super => (0x3f, 0x33),
        };
        p[4] = 0x70;
        p[6] = 0x29 | u8::from(self.locked) << 1;
        let mut put = |at: usize, n: u16| p[at..at + 2].copy_from_slice(&n.to_be_bytes());
        put(8, self.speeds.fastest());
        put(12, 2048);
        put(14, self.speeds.read());
        put(18, self.speeds.fastest());
        put(20, self.speeds.write());
        put(22, 1);
        put(28, self.speeds.write());
        put(30, 1);
        put(34, self.speeds.fastest());
        p
    }

    pub(super) fn mode_select(&mut self, cdb: &Cdb, out: &[u8]) -> Reply {
        let six = cdb.op() == op::MODE_SELECT_6;
        let length = if six { cdb.byte(4).into() } else { cdb.u16(7) };
        if length == 0 {
            return Ok(Vec::new());
        }
        let out = out.get(..length).ok_or(sense::PARAMETER_LENGTH)?;
        let header = if six { 4 } else { 8 };
        if out.len() < header {
            return Err(sense::PARAMETER_LENGTH);
        }
        let descriptors = if six {
            out[3].into()
        } else {
            usize::from(out[6]) << 8 | usize::from(out[7])
        };
        let pages = out.get(header + descriptors..);
        let rainier = self.knows_rainier();
        let cd = self.medium.as_ref().is_none_or(|m| m.kind == Kind::CdRw);
        let open = |medium: &Medium| {
            medium.is_blank() || medium.state == (State::Sequential { open: true })
        };
        let is_open = cd && self.medium.as_ref().is_some_and(open);
        let quirks = &self.options.quirks;
        let picky =
            (quirks.has(Quirk::NoPage5) && !cd) || (quirks.has(Quirk::NoPage5Open) && is_open);
        let pages = pages.ok_or(sense::PARAMETER_LENGTH)?;
        if picky && pages.first().is_some_and(|code| code & 0x3f == 0x05) {
            return Err(sense::PARAMETER);
        }
        self.modes.select(pages, rainier)?;
        self.stats.add("mode_selects", 1);
        Ok(Vec::new())
    }
}
