// SPDX-License-Identifier: GPL-2.0-or-later
//! GET CONFIGURATION: profiles and features.

use super::state::{Drive, Reply};
use crate::cdb::Cdb;
use crate::medium::{Kind, Medium};
use crate::options::Class;
use crate::quirks::Quirk;
use crate::sense;

/// A feature: its code, version, whether it is always there, and in force now.
struct Feature {
    code: u16,
    version: u8,
    persistent: bool,
    current: bool,
    payload: Vec<u8>,
}

impl Feature {
    fn bytes(&self) -> Vec<u8> {
        let code = self.code.to_be_bytes();
        let flags = self.version << 2 | u8::from(self.persistent) << 1 | u8::from(self.current);
        let mut bytes = vec![code[0], code[1], flags, self.payload.len() as u8];
        bytes.extend(&self.payload);
        bytes
    }
}

impl Drive {
    pub(super) fn configuration(&mut self, cdb: &Cdb) -> Reply {
        let (wanted, start) = (cdb.byte(1) & 3, cdb.u16(2));
        let chosen = |feature: &Feature| match wanted {
            0 => usize::from(feature.code) >= start,
            1 => usize::from(feature.code) >= start && (feature.current || feature.persistent),
            _ => usize::from(feature.code) == start,
        };
        if wanted == 3 {
            return Err(sense::FIELD);
        }
        let few = self.options.quirks.has(Quirk::FewFeatures);
        let listed = |feature: &Feature| !few || feature.persistent;
        let features = self.features().into_iter().filter(listed).filter(chosen);
        let body: Vec<u8> = features.flat_map(|feature| feature.bytes()).collect();
        let mut data = ((body.len() + 4) as u32).to_be_bytes().to_vec();
        data.extend([0, 0]);
        data.extend(self.profile().to_be_bytes());
        data.extend(body);
        data.truncate(cdb.u16(7));
        Ok(data)
    }

    /// The current profile, 0 without a disc.
    fn profile(&self) -> u16 {
        match &self.medium {
            Some(medium) if !self.tray_open => {
                medium.look.profile.unwrap_or_else(|| medium.profile())
            }
            _ => 0,
        }
    }

    /// Whether the drive knows Mount Rainier. If so, it has feature 0028h and mode page 2Ch with any
    /// disc.
    pub(super) fn knows_rainier(&self) -> bool {
        self.options.rainier || self.medium.as_ref().is_some_and(|medium| medium.mrw)
    }

    fn features(&self) -> Vec<Feature> {
        let profile = self.profile();
        let is = |profiles: &[u16]| profiles.contains(&profile);
        let medium = self.medium.as_ref().filter(|_| profile != 0);
        let packet = medium.map_or(1, |medium| medium.packet);
        let hides = self.options.quirks.has(Quirk::HidesProtection);
        let protected = medium.is_some_and(|medium| medium.protected) && !hides;
        let random = medium.is_some_and(Medium::is_random) && !protected;
        let rainier = medium.is_some_and(|medium| medium.mrw && !medium.is_blank());
        let spares = medium.is_some_and(|medium| !medium.no_spares);
        let minimal = medium.is_some_and(|medium| medium.minimal);
        let mut list = Vec::new();
        let mut add = |code, version, persistent, current, payload: &[u8]| {
            list.push(Feature {
                code,
                version,
                persistent,
                current,
                payload: payload.to_vec(),
            });
        };
        let cd = is(&[0x08, 0x09, 0x0a]);
        let dvd = is(&[0x10, 0x11, 0x12, 0x13, 0x14, 0x1a, 0x1b, 0x2a]);
        let bd = is(&[0x43]);
        let anywhere = is(&[0x12, 0x1a, 0x2a, 0x43]) || rainier;
        let other = self.options.class != Class::Cdrw;
        add(0x0000, 0, true, true, &self.profiles(profile));
        add(0x0001, 2, true, true, &[0, 0, 0, 1, 1, 0, 0, 0]);
        add(0x0003, 0, true, true, &[0x29, 0, 0, 0]);
        if other {
            add(0x0004, 2, false, is(&[0x12, 0x1a, 0x43]), &[0x04, 0, 0, 0]);
        }
        add(0x0010, 0, false, profile != 0, &readable(packet));
        add(0x001e, 2, false, cd, &[0; 4]);
        if other {
            add(0x001f, 1, false, dvd, &[0; 4]);
        }
        if other || self.knows_rainier() {
            let current = anywhere && random;
            add(0x0020, 1, false, current, &self.random_writable());
        }
        if other {
            let current = is(&[0x14]) && !minimal && !protected;
            add(0x0021, 3, false, current, &[0, 1, 0, 1, 16, 0, 0, 0]);
        }
        let formattable = is(&[0x0a, 0x12, 0x13, 0x14, 0x1a, 0x2a, 0x43]) && !protected;
        add(0x0023, 1, false, formattable, &[0x0f, 0, 0, 0, 0, 0, 0, 0]);
        if self.options.class == Class::Super || self.knows_rainier() {
            let current = (is(&[0x12, 0x43]) && spares) || rainier;
            add(0x0024, 1, false, current, &[0; 4]);
        }
        add(0x0026, 0, false, is(&[0x0a, 0x13]) && !protected, &[]);
        if self.knows_rainier() {
            // It writes CD-RW, reads and writes DVD+RW.
            add(0x0028, 1, false, rainier, &[0x07, 0, 0, 0]);
        }
        if other {
            add(0x002a, 0, false, is(&[0x1a]), &[1, 0, 0, 0]);
            add(0x002c, 0, false, is(&[0x13]), &[0x0e, 0, 0, 0]);
        }
        let unformatted = is(&[0x0a]) && medium.is_some_and(Medium::is_sequential);
        add(0x002d, 2, false, unformatted, &[0x46, 0, 0x01, 0x00]);
        if other {
            let current = is(&[0x14]) && !protected;
            add(0x002f, 2, false, current, &[0x42, 0, 0, 0]);
        }
        add(0x0037, 0, false, is(&[0x0a]), &[0, 0, 0, 0]);
        if other {
            add(0x003a, 0, false, is(&[0x2a]), &[1, 0, 0, 0]);
            add(0x0040, 1, false, bd, &[0; 28]);
            add(0x0041, 1, false, bd, &[0; 20]);
        }
        add(0x0100, 0, true, true, &[]);
        add(0x0105, 1, true, true, &[0; 4]);
        add(0x0107, 4, false, profile != 0, &[0x06, 0, 0, 0]);
        list
    }

    /// Last block, bytes of a block, blocks of a packet, page of error recovery.
    fn random_writable(&self) -> [u8; 12] {
        let last = match &self.medium {
            Some(medium) => medium.end().saturating_sub(1).to_be_bytes(),
            None => [0; 4],
        };
        let packet = self.medium.as_ref().map_or(1, |medium| medium.packet) as u8;
        let [a, b, c, d] = last;
        [a, b, c, d, 0, 0, 8, 0, 0, packet, 1, 0]
    }

    fn profiles(&self, current: u16) -> Vec<u8> {
        let mut all = vec![0x43, 0x2a, 0x1b, 0x1a, 0x14, 0x13, 0x12, 0x11, 0x10];
        match self.options.class {
            Class::Cdrw => all.clear(),
            Class::Multi => all.retain(|code| *code != Kind::DvdRam.profile()),
            Class::Super => {}
        }
        all.extend([0x0a, 0x09, 0x08]);
        let descriptor = |code: u16| {
            let [high, low] = code.to_be_bytes();
            [high, low, u8::from(code == current), 0]
        };
        all.into_iter().flat_map(descriptor).collect()
    }
}

fn readable(packet: u32) -> [u8; 8] {
    [0, 0, 8, 0, 0, packet as u8, 1, 0]
}
