// SPDX-License-Identifier: GPL-2.0

//! A drive that answers by tables.

use rblk_host_tests::pktcdvd::logic::mmc::{
    cdb::{Command, Transfer},
    medium::{Medium, Writing},
    probe::{Access, Outcome, Probe, Step, BUFFER_LEN},
    refusal::Refusal,
    sense::{Failure, Sense},
};

pub const TUR: u8 = 0x00;
pub const REQUEST_SENSE: u8 = 0x03;
pub const FORMAT: u8 = 0x04;
pub const FORMATS: u8 = 0x23;
pub const CAPACITY: u8 = 0x25;
pub const ATIP: u8 = 0x43;
pub const CONFIGURATION: u8 = 0x46;
pub const DISC: u8 = 0x51;
pub const TRACK: u8 = 0x52;
pub const SELECT: u8 = 0x55;
pub const SENSE: u8 = 0x5a;
pub const CLOSE: u8 = 0x5b;
pub const PERFORMANCE: u8 = 0xac;
pub const STRUCTURE: u8 = 0xad;
pub const SPEED: u8 = 0xbb;

pub fn failure(key: u8, asc: u8, ascq: u8) -> Failure {
    Failure::Sense(Sense::new(0x70, key, asc, ascq).unwrap())
}

/// What a drive does with some command instead of answering.
#[derive(Clone)]
pub struct Script {
    pub opcode: u8,
    /// How many times.
    pub times: usize,
    pub instead: Result<Vec<u8>, Failure>,
}

/// A drive with a medium of one track, or more.
#[derive(Clone)]
pub struct Drive {
    /// [`None`]: it knows no profiles.
    pub profile: Option<u16>,
    /// Current features behind the profile.
    pub features: Vec<u8>,
    /// Features that are not current.
    pub others: Vec<u8>,
    /// The ways in which the medium is write protected, if the drive tells.
    pub protection: Option<u8>,
    /// The reply to READ FORMAT CAPACITIES.
    pub formats: Option<Vec<u8>>,
    /// The byte of mode pages that is about write protection.
    pub mode_flags: u8,
    pub disc: Vec<u8>,
    /// Each with its number from 1 on.
    pub tracks: Vec<Vec<u8>>,
    pub last_block: u32,
    pub block_size: u32,
    /// Mode pages with their two bytes of header.
    pub pages: Vec<Vec<u8>>,
    /// Length of the block descriptors in front of a page.
    pub descriptors: usize,
    pub atip: Option<Vec<u8>>,
    /// Write speeds in kB/s.
    pub speeds: Option<Vec<u32>>,
    /// How often it is not ready after FORMAT UNIT, and after each of CLOSE TRACK SESSION.
    pub busy_after_format: (usize, Failure),
    pub busy_after_close: (usize, Failure),
    /// What is said still.
    busy: (usize, Failure),
    /// A format that is gone on with is complete at once, and the disc as large as it can be.
    pub completes: bool,
    /// It goes on with a format only if it is told how far.
    pub wants_size: bool,
    /// The type of the format that was gone on with.
    pub format_type: Option<u8>,
    pub scripts: Vec<Script>,
    /// What it was told.
    pub log: Vec<Command>,
    pub waited_ms: u64,
}

/// The feature of media that are written at any place.
pub fn random_writable(current: bool) -> Vec<u8> {
    let flags = 0x04 | u8::from(current);

    vec![
        0x00, 0x20, flags, 12, 0, 0, 0x0f, 0xff, 0, 0, 8, 0, 0, 16, 1, 0,
    ]
}

/// A reply to READ FORMAT CAPACITIES: how many blocks are so, and types of formats with theirs.
pub fn capacities(state: u8, blocks: u32, types: &[(u8, u32)]) -> Vec<u8> {
    let mut list = blocks.to_be_bytes().to_vec();
    list.extend([state, 0, 8, 0]);
    for (code, blocks) in types {
        list.extend(blocks.to_be_bytes());
        list.extend([code << 2, 0, 0, 0]);
    }
    let mut reply = vec![0, 0, 0, list.len() as u8];
    reply.extend(list);
    reply
}

/// The formats that a drive knows for a profile.
fn types(profile: u16, blocks: u32) -> Vec<(u8, u32)> {
    let codes: &[u8] = match profile {
        0x13 => &[0x00, 0x10, 0x15],
        0x1a | 0x2a => &[0x26],
        0x43 => &[0x00, 0x30, 0x31],
        _ => &[0x00],
    };

    codes.iter().map(|code| (*code, blocks)).collect()
}

/// A DVD+RW, or one with two layers, whose background format is in that state and has come to
/// `formatted` of `blocks` blocks. The drive tells of no more by READ CAPACITY, nor of its track.
pub fn partly(profile: u16, state: u8, formatted: u32, blocks: u32) -> Drive {
    let mut drive = drive(profile, formatted);

    drive.disc[7] |= state;
    drive.formats = Some(capacities(2, formatted, &[(0x26, blocks)]));
    drive
}

/// A medium of the table in the specification.
pub fn drive(profile: u16, blocks: u32) -> Drive {
    let cd = profile == 0x0a;
    let packet: u32 = if cd || profile == 0x43 { 32 } else { 16 };
    let (mode, flags, valid) = match profile {
        0x0a => (5, 0x32, 0),
        0x13 => (4, 0x31, 0),
        0x43 => (4, 0x01, 0),
        0x12 => (7, 0x01, 2),
        _ => (7, 0x01, 0),
    };
    let mut disc = vec![0, 0x20, 0x1e, 1, 1, 1, 1, 0x20, if cd { 0x20 } else { 0 }];
    disc.resize(34, 0);
    let lra = if valid == 2 { blocks - 1 } else { 0 };

    Drive {
        profile: Some(profile),
        features: match profile {
            0x12 | 0x1a | 0x2a | 0x43 => random_writable(true),
            _ => Vec::new(),
        },
        others: Vec::new(),
        protection: None,
        formats: (!cd).then(|| capacities(2, blocks, &types(profile, blocks))),
        mode_flags: 0,
        disc,
        tracks: vec![track([mode, flags, valid], 0, packet, blocks, lra)],
        last_block: blocks.saturating_sub(1),
        block_size: 2048,
        pages: vec![write_page(), capabilities(4234)],
        descriptors: 0,
        atip: cd.then(|| atip(0x44, 4)),
        speeds: (!cd).then(|| vec![5540, 3324, 1385]),
        busy_after_format: (0, Failure::Transport),
        busy_after_close: (0, Failure::Transport),
        busy: (0, Failure::Transport),
        completes: false,
        wants_size: false,
        format_type: None,
        scripts: Vec::new(),
        log: Vec::new(),
        waited_ms: 0,
    }
}

/// The reply about a track; `flags` are bytes 5 to 7.
pub fn track(flags: [u8; 3], start: u32, packet: u32, size: u32, lra: u32) -> Vec<u8> {
    let mut bytes = vec![0, 34, 1, 1, 0, flags[0], flags[1], flags[2]];

    for word in [start, 0, 0, packet, size, lra] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.resize(36, 0);
    bytes
}

/// The write-parameter page as a drive has it at power-on: track at once.
pub fn write_page() -> Vec<u8> {
    let mut page = vec![0x85, 0x32, 0x41, 0xc5, 0x08, 0x10, 0x00, 0x00];

    page.resize(52, 0);
    page[14..16].copy_from_slice(&150u16.to_be_bytes());
    page
}

/// The capability page with one speed descriptor.
pub fn capabilities(speed: u16) -> Vec<u8> {
    let mut page = vec![0x2a, 36 - 2];

    page.resize(36, 0);
    page[8..10].copy_from_slice(&8467u16.to_be_bytes());
    page[20..22].copy_from_slice(&1u16.to_be_bytes());
    page[28..30].copy_from_slice(&2u16.to_be_bytes());
    page[30..32].copy_from_slice(&1u16.to_be_bytes());
    page[34..36].copy_from_slice(&speed.to_be_bytes());
    page
}

/// An ATIP with a type of disc and a code of speed.
pub fn atip(kind: u8, code: u8) -> Vec<u8> {
    let mut bytes = vec![0; 28];

    bytes[1] = 26;
    bytes[6] = kind;
    bytes[16] = code | 0xa0;
    bytes
}

impl Drive {
    /// Fails or answers differently, some times.
    pub fn script(mut self, opcode: u8, times: usize, instead: Result<Vec<u8>, Failure>) -> Self {
        self.scripts.push(Script {
            opcode,
            times,
            instead,
        });
        self
    }

    /// Fails always.
    pub fn fail(self, opcode: u8, key: u8, asc: u8, ascq: u8) -> Self {
        self.script(opcode, usize::MAX, Err(failure(key, asc, ascq)))
    }

    fn answer(&mut self, command: &Command, data: &[u8]) -> Result<Vec<u8>, Failure> {
        let opcode = command.opcode();
        let cdb = *command.cdb();
        let planned = self
            .scripts
            .iter_mut()
            .find(|script| script.opcode == opcode && script.times > 0);

        if let Some(script) = planned {
            script.times -= 1;
            return script.instead.clone();
        }
        let unknown = Err(failure(5, 0x20, 0));
        let bad_field = Err(failure(5, 0x24, 0));
        match opcode {
            TUR if self.busy.0 > 0 => {
                self.busy.0 -= 1;
                Err(self.busy.1)
            }
            TUR | SPEED | REQUEST_SENSE => Ok(Vec::new()),
            CONFIGURATION => self.profile.map_or(unknown, |profile| {
                let features = match cdb[1] & 3 {
                    // All that is asked for one by one here is whether it can be written.
                    2 if self.features.starts_with(&cdb[2..4]) => self.features.clone(),
                    2 => self.others.clone(),
                    _ => self.features.clone(),
                };
                let mut reply = vec![0, 0, 0, 4 + features.len() as u8, 0, 0];
                reply.extend(profile.to_be_bytes());
                reply.extend(features);
                Ok(reply)
            }),
            STRUCTURE => {
                let protection = self.protection.filter(|_| cdb[7] == 0xc0);
                protection.map_or(bad_field, |ways| Ok(vec![0, 6, 0, 0, ways, 0, 0, 0]))
            }
            FORMATS => self.formats.clone().map_or(unknown, Ok),
            FORMAT => {
                // MMC, "Format Type 26h" and "24h": the most blocks, the type, Restart. Some want
                // the number that they have told.
                assert!(matches!(
                    data,
                    [0, 2, 0, 8, _, _, _, _, 0x98 | 0x90, 0, 0, 1]
                ));
                let told = self.formats.as_ref().map_or(&[][..], |list| &list[12..16]);
                if self.wants_size && data[4..8] == [0xff; 4] {
                    return bad_field;
                }
                assert!(data[4..8] == [0xff; 4] || self.wants_size && data[4..8] == *told);
                assert_eq!((cdb[1], self.disc[7] & 3), (0x11, 1));
                self.disc[7] ^= 3;
                self.format_type = Some(data[8] >> 2);
                if self.completes {
                    let whole: [u8; 4] = self.formats.as_ref().unwrap()[12..16].try_into().unwrap();
                    self.disc[7] |= 3;
                    self.last_block = u32::from_be_bytes(whole) - 1;
                    self.tracks[0][24..28].copy_from_slice(&whole);
                }
                self.busy = self.busy_after_format;
                Ok(Vec::new())
            }
            CLOSE => {
                assert_eq!(cdb[1], 1, "not at once");
                self.disc[7] = self.disc[7] & !3 | 1;
                self.busy = self.busy_after_close;
                Ok(Vec::new())
            }
            DISC => Ok(self.disc.clone()),
            TRACK => {
                let number = u32::from_be_bytes([cdb[2], cdb[3], cdb[4], cdb[5]]);
                let place = (number as usize).checked_sub(1);
                let track = place.and_then(|place| self.tracks.get(place));
                track.cloned().map_or(bad_field, Ok)
            }
            CAPACITY => Ok([self.last_block.to_be_bytes(), self.block_size.to_be_bytes()].concat()),
            SENSE => {
                let wanted = self
                    .pages
                    .iter()
                    .find(|page| page[0] & 0x3f == cdb[2] & 0x3f);
                let Some(page) = wanted else { return bad_field };
                let len = 6 + self.descriptors + page.len();
                let mut reply = (len as u16).to_be_bytes().to_vec();
                reply.extend([0x70, self.mode_flags, 0, 0]);
                reply.extend((self.descriptors as u16).to_be_bytes());
                reply.resize(8 + self.descriptors, 0xee);
                reply.extend(page);
                Ok(reply)
            }
            SELECT => {
                let page = &data[8 + self.descriptors..];
                assert_eq!((cdb[1], data[0], data[1]), (0x10, 0, 0));
                assert_eq!(
                    page[0] & 0x80,
                    0,
                    "a saveable page is reserved in MODE SELECT"
                );
                let place = self.pages.iter_mut().find(|own| own[0] & 0x3f == page[0]);
                let own = place.unwrap();
                assert_eq!(own.len(), page.len());
                own.copy_from_slice(page);
                Ok(Vec::new())
            }
            ATIP => self.atip.clone().map_or(bad_field, Ok),
            PERFORMANCE => self.speeds.as_ref().map_or(unknown, |speeds| {
                let mut reply = (4 + 16 * speeds.len() as u32).to_be_bytes().to_vec();
                reply.extend([0; 4]);
                for speed in speeds {
                    for word in [0, self.last_block, 9999, *speed] {
                        reply.extend(word.to_be_bytes());
                    }
                }
                Ok(reply)
            }),
            _ => unknown,
        }
    }

    /// Carries a command out as a driver does that does not know how much of a reply came.
    pub fn execute(&mut self, command: &Command, buffer: &mut [u8; BUFFER_LEN]) -> Outcome {
        let len = command.data_len();
        let data = match command.transfer() {
            Transfer::Out(_) => buffer[..len].to_vec(),
            _ => Vec::new(),
        };

        self.log.push(*command);
        let reply = self.answer(command, &data)?;
        if let Transfer::In(_) = command.transfer() {
            assert!(buffer.iter().all(|&byte| byte == 0), "not zeroed before");
            let got = reply.len().min(len);
            buffer[..got].copy_from_slice(&reply[..got]);
        }
        Ok(len)
    }

    pub fn run(&mut self, mut probe: Probe) -> Result<Medium, Refusal> {
        let mut buffer = [0xff; BUFFER_LEN];
        let mut step = probe.begin(&mut buffer);

        for _ in 0..5000 {
            let Step::Send { command, after_ms } = step else {
                return probe.verdict().expect("done without a verdict");
            };
            assert_eq!(probe.verdict(), None);
            self.waited_ms += u64::from(after_ms);
            let outcome = self.execute(&command, &mut buffer);
            step = probe.reply(outcome, &mut buffer);
        }
        panic!("the probe does not end");
    }

    pub fn probe(&mut self, access: Access) -> Result<Medium, Refusal> {
        self.run(Probe::new(access, u64::MAX))
    }

    pub fn write(&mut self) -> Result<Writing, Refusal> {
        self.probe(Access::Write)?.writing
    }

    pub fn opcodes(&self) -> Vec<u8> {
        self.log.iter().map(Command::opcode).collect()
    }

    /// The page with a number as it is in the drive.
    pub fn page(&self, number: u8) -> &[u8] {
        self.pages
            .iter()
            .find(|page| page[0] & 0x3f == number)
            .unwrap()
    }
}
