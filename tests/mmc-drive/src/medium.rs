// SPDX-License-Identifier: GPL-2.0-or-later
//! Discs: their kinds, their formats and what they hold.

use crate::disc::Disc;
use crate::look::Look;

pub use crate::disc::BLOCK;

/// What sort of disc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// CD-RW, in fixed packets when it is formatted.
    CdRw,
    /// DVD-RW, in restricted overwrite mode when it is formatted.
    DvdRw,
    /// DVD+RW.
    DvdPlusRw,
    /// DVD+RW with two layers.
    DvdPlusRwDl,
    /// DVD-RAM.
    DvdRam,
    /// BD-RE.
    BdRe,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 6] = [
        Kind::CdRw,
        Kind::DvdRw,
        Kind::DvdPlusRw,
        Kind::DvdPlusRwDl,
        Kind::DvdRam,
        Kind::BdRe,
    ];

    /// As it is called on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Kind::CdRw => "cdrw",
            Kind::DvdRw => "dvd-rw",
            Kind::DvdPlusRw => "dvd+rw",
            Kind::DvdPlusRwDl => "dvd+rw-dl",
            Kind::DvdRam => "dvdram",
            Kind::BdRe => "bd-re",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == text)
    }

    /// MMC's number of the profile, of a disc that is formatted.
    pub fn profile(self) -> u16 {
        match self {
            Kind::CdRw => 0x0a,
            Kind::DvdRw => 0x13,
            Kind::DvdPlusRw => 0x1a,
            Kind::DvdPlusRwDl => 0x2a,
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
            Kind::DvdPlusRwDl => 3324,
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

    /// Drives format it in the background, while it is used.
    pub fn is_plus(self) -> bool {
        matches!(self, Kind::DvdPlusRw | Kind::DvdPlusRwDl)
    }

    /// Seconds that so many blocks take at its highest speed.
    pub fn seconds(self, blocks: u32) -> f64 {
        f64::from(blocks) * BLOCK as f64 / (f64::from(self.speed()) * 1000.0)
    }

    /// Drives write it in whole packets only.
    pub fn is_picky(self) -> bool {
        matches!(self, Kind::CdRw | Kind::DvdRw)
    }
}

/// How far a disc is on its way to be written at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As sold: neither format nor data.
    Blank,
    /// Recorded from its first block on and never overwritten (CD-RW, DVD-RW); more may follow
    /// as long as it is `open`.
    Sequential {
        /// The session was not closed.
        open: bool,
    },
    /// DVD-RW whose formatted part grows by what is written right behind it, until its session is
    /// closed.
    Intermediate,
    /// The background format was begun and stopped (DVD+RW, MRW).
    Stopped,
    /// The background format runs. All of the disc can be written (DVD+RW, MRW).
    Running,
    /// Formatted.
    Formatted,
}

/// A disc.
#[derive(Debug)]
pub struct Medium {
    /// Its kind.
    pub kind: Kind,
    /// Blocks that fit on it.
    pub capacity: u32,
    /// How far its format is.
    pub state: State,
    /// Blocks that it has when its format is complete.
    pub size: u32,
    /// Blocks that are formatted, or recorded; none if it is blank.
    pub formatted: u32,
    /// It has, or gets, a Mount Rainier format.
    pub mrw: bool,
    /// It has no spare area and no defect management (BD-RE, format 31h).
    pub no_spares: bool,
    /// It was blanked minimally: only a track of known size can be recorded (DVD-RW).
    pub minimal: bool,
    /// Something was written or formatted since its session was closed.
    pub unclosed: bool,
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
    /// Blocks of a first track that was reserved and never written, in front of what is recorded.
    pub gap: u32,
    /// What it says of itself.
    pub look: Look,
    /// What is on it.
    pub disc: Disc,
}

impl Medium {
    /// Whether it holds nothing, not even a format.
    pub fn is_blank(&self) -> bool {
        self.state == State::Blank
    }

    /// Whether it is recorded from its start on, or will be.
    pub fn is_sequential(&self) -> bool {
        matches!(self.state, State::Blank | State::Sequential { .. })
    }

    /// Blocks that can be read.
    pub fn blocks(&self) -> u32 {
        match self.state {
            State::Blank => 0,
            State::Running => self.size,
            _ => self.formatted,
        }
    }

    /// The number after that of the last block.
    pub fn end(&self) -> u32 {
        self.start.saturating_add(self.blocks())
    }

    /// MMC's number of the profile.
    pub fn profile(&self) -> u16 {
        match self.kind {
            Kind::DvdRw if self.is_sequential() => 0x14,
            kind => kind.profile(),
        }
    }

    /// MMC's status of the background format.
    pub fn background(&self) -> u8 {
        match self.state {
            _ if !self.kind.is_plus() && !self.mrw => 0,
            State::Stopped => 1,
            State::Running => 2,
            State::Formatted => 3,
            _ => 0,
        }
    }

    /// Whether writes of blocks may go anywhere, if it is not protected.
    pub fn is_random(&self) -> bool {
        let formatted = matches!(
            self.state,
            State::Stopped | State::Running | State::Formatted
        );
        formatted && (self.mrw || !self.kind.is_picky())
    }

    /// Makes it blank.
    pub fn blank(&mut self) {
        self.state = State::Blank;
        self.size = 0;
        self.formatted = 0;
        self.mrw = false;
        self.no_spares = false;
        self.reserved = false;
        self.gap = 0;
        self.unclosed = false;
        self.disc.clear();
    }

    /// Stops the background format, if it runs.
    pub fn stop(&mut self) {
        if self.state == State::Running {
            self.state = State::Stopped;
        }
    }

    /// Notes that the background format has formatted so many blocks; returns whether it is complete.
    pub fn reach(&mut self, blocks: u32) -> bool {
        if self.state != State::Running {
            return false;
        }
        self.formatted = self.formatted.max(blocks.min(self.size));
        if self.formatted == self.size {
            self.state = State::Formatted;
        }
        self.state == State::Formatted
    }
}
