// SPDX-License-Identifier: GPL-2.0-or-later
//! Discs: their kinds, their formats and what they hold.

use crate::disc::Disc;
use crate::look::Look;

/// Bytes of a block.
pub const BLOCK: usize = 2048;

/// What sort of disc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// CD-RW, in fixed packets when it is formatted.
    CdRw,
    /// DVD-RW in restricted overwrite mode.
    DvdRw,
    /// DVD+RW.
    DvdPlusRw,
    /// DVD-RAM.
    DvdRam,
    /// BD-RE.
    BdRe,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 5] = [
        Kind::CdRw,
        Kind::DvdRw,
        Kind::DvdPlusRw,
        Kind::DvdRam,
        Kind::BdRe,
    ];

    /// As it is called on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Kind::CdRw => "cdrw",
            Kind::DvdRw => "dvd-rw",
            Kind::DvdPlusRw => "dvd+rw",
            Kind::DvdRam => "dvdram",
            Kind::BdRe => "bd-re",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == text)
    }

    /// MMC's number of the profile.
    pub fn profile(self) -> u16 {
        match self {
            Kind::CdRw => 0x0a,
            Kind::DvdRw => 0x13,
            Kind::DvdPlusRw => 0x1a,
            Kind::DvdRam => 0x12,
            Kind::BdRe => 0x43,
        }
    }

    /// Blocks that are written as a whole.
    pub fn packet(self) -> u32 {
        match self {
            Kind::CdRw | Kind::BdRe => 32,
            _ => 16,
        }
    }

    /// Highest speed, in kB/s.
    pub fn speed(self) -> u16 {
        match self {
            Kind::CdRw => 1764,
            Kind::BdRe => 8992,
            _ => 5540,
        }
    }

    /// Low nibble of byte 5 of the track information.
    pub fn track_mode(self) -> u8 {
        match self {
            Kind::CdRw => 5,
            Kind::DvdRw | Kind::BdRe => 4,
            _ => 7,
        }
    }

    /// Drives write it in whole packets only, and as mode page 5 says.
    pub fn is_picky(self) -> bool {
        matches!(self, Kind::CdRw | Kind::DvdRw)
    }
}

/// A disc.
#[derive(Debug)]
pub struct Medium {
    /// Its kind.
    pub kind: Kind,
    /// Blocks that fit on it.
    pub capacity: u32,
    /// Blocks it is formatted to have; none if it is blank.
    pub blocks: u32,
    /// Number of its first block.
    pub start: u32,
    /// Blocks of a packet.
    pub packet: u32,
    /// MMC's data mode of the track: 1 or 2.
    pub data_mode: u8,
    /// Its write protection is on.
    pub protected: bool,
    /// A track was reserved while it was blank.
    pub reserved: bool,
    /// What it says of itself.
    pub look: Look,
    /// What is on it.
    pub disc: Disc,
}

impl Medium {
    /// Whether it holds nothing, not even a format.
    pub fn is_blank(&self) -> bool {
        self.blocks == 0
    }

    /// The number after that of the last block.
    pub fn end(&self) -> u32 {
        self.start.saturating_add(self.blocks)
    }

    /// Makes it blank.
    pub fn blank(&mut self) {
        self.blocks = 0;
        self.reserved = false;
        self.disc.clear();
    }

    /// Formats it.
    pub fn format(&mut self, blocks: u32, packet: u32) {
        self.blocks = blocks;
        self.packet = packet;
        self.disc.reformat(packet);
    }
}
