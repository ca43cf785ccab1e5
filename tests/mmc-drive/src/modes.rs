// SPDX-License-Identifier: GPL-2.0-or-later
//! Mode pages.

use crate::sense::{self, Sense};

const RECOVERY: [u8; 12] = [0x01, 10, 0xc0, 8, 0, 0, 0, 0, 8, 0, 0, 0];
const POWER: [u8; 12] = [0x1a, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const TIMEOUT: [u8; 10] = [0x1d, 8, 0, 0, 0, 0, 0, 60, 0, 60];
/// Write parameters: write type "track at once", multi-session, track mode 5, block type 8.
const WRITE: usize = 52;

/// Which values of a page are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Those in force.
    Current,
    /// Ones where bits can be changed.
    Changeable,
    /// Those after power on.
    Default,
}

impl Values {
    /// From the field of MODE SENSE; saved values there are none.
    pub fn parse(bits: u8) -> Result<Self, Sense> {
        match bits & 3 {
            0 => Ok(Self::Current),
            1 => Ok(Self::Changeable),
            2 => Ok(Self::Default),
            _ => Err(Sense::new(5, 0x39, 0x00)),
        }
    }
}

/// The pages that can be changed.
#[derive(Clone, Debug)]
pub struct Modes {
    write: [u8; WRITE],
    caching: [u8; 12],
    recovery: [u8; 12],
    rainier: [u8; 8],
    selected: bool,
}

impl Default for Modes {
    fn default() -> Self {
        let mut write = [0; WRITE];
        write[..5].copy_from_slice(&[0x05, 0x32, 0x01, 0xc5, 0x08]);
        write[13] = 16;
        write[15] = 150;
        Self {
            write,
            caching: [0x08, 10, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            recovery: RECOVERY,
            rainier: [0x2c, 6, 0, 0, 0, 0, 0, 0],
            selected: false,
        }
    }
}

impl Modes {
    /// What mode page 5 says.
    pub fn write_parameters(&self) -> WriteParameters {
        let p = &self.write;
        WriteParameters {
            write_type: p[2] & 15,
            fixed: p[3] & 0x20 != 0,
            block_type: p[4] & 15,
            packet: u32::from_be_bytes([p[10], p[11], p[12], p[13]]),
        }
    }

    /// Whether anybody set mode page 5.
    pub fn was_selected(&self) -> bool {
        self.selected
    }

    /// Mode page 5.
    pub fn write_page(&self) -> &[u8] {
        &self.write
    }

    /// Whether writes may be answered before they are on the disc.
    pub fn write_back(&self) -> bool {
        self.caching[2] & 0x04 != 0
    }

    /// A page of these, if it is one.
    pub fn page(&self, code: u8, values: Values) -> Option<Vec<u8>> {
        let default = Self::default();
        let from = match values {
            Values::Default => &default,
            _ => self,
        };
        let mut page = match code {
            0x01 => from.recovery.to_vec(),
            0x05 => from.write.to_vec(),
            0x08 => from.caching.to_vec(),
            0x2c => from.rainier.to_vec(),
            0x1a => POWER.to_vec(),
            0x1d => TIMEOUT.to_vec(),
            _ => return None,
        };
        if values == Values::Changeable {
            let changeable = matches!(code, 0x01 | 0x05 | 0x08);
            page[2..].fill(if changeable { 0xff } else { 0 });
            if code == 0x2c {
                page[3] = 1;
            }
        }
        Some(page)
    }

    /// Takes pages, as MODE SELECT brings them; page 2Ch if the drive knows Mount Rainier.
    pub fn select(&mut self, mut pages: &[u8], rainier: bool) -> Result<(), Sense> {
        let mut changed = self.clone();
        while let [code, length, ..] = *pages {
            let end = 2 + usize::from(length);
            let page = pages.get(..end).ok_or(sense::PARAMETER_LENGTH)?;
            if code & 0x3f == 0x2c && !rainier {
                return Err(sense::PARAMETER);
            }
            changed.replace(code & 0x3f, page)?;
            pages = &pages[end..];
        }
        if !pages.is_empty() {
            return Err(sense::PARAMETER_LENGTH);
        }
        *self = changed;
        Ok(())
    }

    fn replace(&mut self, code: u8, page: &[u8]) -> Result<(), Sense> {
        let mine: &mut [u8] = match code {
            0x01 => &mut self.recovery,
            0x05 => &mut self.write,
            0x08 => &mut self.caching,
            0x2c => &mut self.rainier,
            _ => return Err(sense::PARAMETER),
        };
        if mine.len() != page.len() || (code == 0x05 && page[2] & 15 > 3) {
            return Err(sense::PARAMETER);
        }
        mine[2..].copy_from_slice(&page[2..]);
        self.selected |= code == 0x05;
        Ok(())
    }
}

/// What matters of mode page 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteParameters {
    /// 0 is packets.
    pub write_type: u8,
    /// Packets of a fixed size.
    pub fixed: bool,
    /// 8 is mode 1, 10 to 13 are mode 2.
    pub block_type: u8,
    /// Blocks of a packet.
    pub packet: u32,
}

impl WriteParameters {
    /// MMC's data mode that the block type belongs to.
    pub fn data_mode(&self) -> Option<u8> {
        match self.block_type {
            8 => Some(1),
            10..=13 => Some(2),
            _ => None,
        }
    }
}
