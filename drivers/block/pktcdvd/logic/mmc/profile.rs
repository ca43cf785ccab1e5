// SPDX-License-Identifier: GPL-2.0

//! Profiles: what kind of medium a drive says is in it.

use super::formats;
use core::fmt;

/// The number of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile(pub u16);

impl Profile {
    /// The drive knows no profiles: it is older than MMC-3, and so has CDs only.
    pub const UNKNOWN: Self = Self(0xffff);

    /// The medium of that profile, if it can be written in packets.
    ///
    /// `mrw` says that the drive has taken the medium for a Mount Rainier one: it manages defects
    /// and parts of packets by itself.
    pub const fn kind(self, mrw: bool) -> Option<Kind> {
        match (self.0, mrw) {
            (0x02, _) => Some(Kind::Removable),
            (0x0a, true) => Some(Kind::CdMrw),
            (0x0a | 0xffff, _) => Some(Kind::CdRw),
            (0x12, _) => Some(Kind::DvdRam),
            (0x13, _) => Some(Kind::DvdRw),
            (0x1a, true) => Some(Kind::DvdMrw),
            (0x1a, _) => Some(Kind::DvdPlusRw),
            (0x2a, _) => Some(Kind::DvdPlusRwDl),
            (0x43, _) => Some(Kind::BdRe),
            (0x52, _) => Some(Kind::HdDvdRam),
            _ => None,
        }
    }

    /// Whether the drive takes the medium for a CD-RW.
    pub const fn is_cd_rw(self) -> bool {
        self.0 == 0x0a
    }

    /// Whether the drive takes the medium for a Blu-ray disc.
    pub const fn is_bd(self) -> bool {
        matches!(self.0, 0x40..=0x43)
    }

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0x00 => "no medium that the drive knows",
            0x01 => "fixed disk",
            0x02 => "removable disk",
            0x03 => "magneto-optical disk",
            0x04 => "write-once optical disk",
            0x05 => "AS-MO",
            0x08 => "CD-ROM",
            0x09 => "CD-R",
            0x0a => "CD-RW",
            0x10 => "DVD-ROM",
            0x11 => "DVD-R",
            0x12 => "DVD-RAM",
            0x13 => "DVD-RW, restricted overwrite",
            0x14 => "DVD-RW, sequential recording",
            0x15 => "DVD-R DL, sequential recording",
            0x16 => "DVD-R DL, layer jump recording",
            0x17 => "DVD-RW DL",
            0x18 => "DVD download disc",
            0x1a => "DVD+RW",
            0x1b => "DVD+R",
            0x2a => "DVD+RW DL",
            0x2b => "DVD+R DL",
            0x40 => "BD-ROM",
            0x41 => "BD-R, sequential recording",
            0x42 => "BD-R, random recording",
            0x43 => "BD-RE",
            0x50 => "HD DVD-ROM",
            0x51 => "HD DVD-R",
            0x52 => "HD DVD-RAM",
            0x53 => "HD DVD-RW",
            0x58 => "HD DVD-R DL",
            0x5a => "HD DVD-RW DL",
            0xffff => "unknown medium",
            _ => "unknown profile",
        }
    }

    /// What to do about a medium that cannot be written in packets.
    pub const fn advice(self) -> &'static str {
        match self.0 {
            0x00 => "clean the disc, or try another one",
            0x08 | 0x10 | 0x40 | 0x50 => "it cannot be written; map another disc",
            0x09 | 0x11 | 0x15 | 0x16 | 0x18 | 0x1b | 0x2b | 0x41 | 0x42 | 0x51 | 0x58 => {
                "it can be written once; use a burning program, or a rewritable disc"
            }
            0x14 => "format it with pktcdvd format DRIVE (or dvd+rw-format -force=full DRIVE)",
            _ => "use CD-RW, DVD-RW, DVD+RW, DVD-RAM or BD-RE",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (profile {:#06x})", self.name(), self.0)
    }
}

/// A medium that can be written in packets.
///
/// CD-RW and DVD-RW take nothing but whole packets. The others do: the drive reads, changes and
/// writes a packet by itself, slowly, so that whole packets are merely much faster and wear less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// CD-RW, formatted with fixed packets.
    CdRw,
    /// CD-RW in the Mount Rainier format.
    CdMrw,
    /// DVD-RW, restricted overwrite.
    DvdRw,
    /// DVD-RAM.
    DvdRam,
    /// DVD+RW.
    DvdPlusRw,
    /// DVD+RW in the Mount Rainier format.
    DvdMrw,
    /// DVD+RW with two layers.
    DvdPlusRwDl,
    /// BD-RE.
    BdRe,
    /// HD DVD-RAM.
    HdDvdRam,
    /// A disk that is none of these, with blocks of 2048 bytes.
    Removable,
}

impl Kind {
    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CdRw => "CD-RW",
            Self::CdMrw => "CD-MRW",
            Self::DvdRw => "DVD-RW",
            Self::DvdRam => "DVD-RAM",
            Self::DvdPlusRw => "DVD+RW",
            Self::DvdMrw => "DVD+MRW",
            Self::DvdPlusRwDl => "DVD+RW DL",
            Self::BdRe => "BD-RE",
            Self::HdDvdRam => "HD DVD-RAM",
            Self::Removable => "removable disk",
        }
    }

    /// Whether it is a CD, whose speed is pressed into it.
    pub const fn is_cd(self) -> bool {
        matches!(self, Self::CdRw | Self::CdMrw)
    }

    /// Whether it is in the Mount Rainier format.
    pub const fn is_mrw(self) -> bool {
        matches!(self, Self::CdMrw | Self::DvdMrw)
    }

    /// Whether it takes whole packets only, and the drive has to be told of them with the
    /// write-parameter page.
    pub const fn whole_packets_only(self) -> bool {
        matches!(self, Self::CdRw | Self::DvdRw)
    }

    /// The type of the format that the drive writes in the background while the medium is used, if
    /// it does that. It can be stopped, and gone on with.
    pub const fn background_format(self) -> Option<u8> {
        match self {
            Self::CdMrw | Self::DvdMrw => Some(formats::TYPE_MRW),
            Self::DvdPlusRw | Self::DvdPlusRwDl => Some(formats::TYPE_PLUS_RW),
            _ => None,
        }
    }

    /// Whether the drive reports how much of the medium is formatted.
    pub const fn tells_formatted(self) -> bool {
        !matches!(self, Self::CdRw | Self::Removable)
    }

    /// Whether a drive that can write such media says by a feature if it can write this one.
    pub const fn tells_writable(self) -> bool {
        matches!(
            self,
            Self::DvdRam | Self::DvdPlusRw | Self::DvdMrw | Self::DvdPlusRwDl | Self::BdRe
        )
    }

    /// The program of the distributions that makes a medium one that can be written, whatever state
    /// it is in, if there is one.
    ///
    /// These are those of Debian, dvd+rw-tools 7.1 and udftools 2.3. dvd+rw-format refuses CDs and HD
    /// DVDs. Without `=full` it formats a DVD-RW quickly, which is not enough, and a DVD-RAM by a command
    /// of two bytes, which Linux does not send. Without `-force` it leaves alone what is formatted.
    pub const fn stock_format(self) -> Option<&'static str> {
        match self {
            Self::CdRw | Self::CdMrw => Some("cdrwtool -d DRIVE -q"),
            Self::DvdRw | Self::DvdRam => Some("dvd+rw-format -force=full DRIVE"),
            Self::DvdPlusRw | Self::DvdMrw | Self::DvdPlusRwDl | Self::BdRe => {
                Some("dvd+rw-format -force DRIVE")
            }
            Self::HdDvdRam | Self::Removable => None,
        }
    }

    /// Whether the cache of the drive has to be flushed between writing and reading.
    pub const fn flush_before_read(self) -> bool {
        self.whole_packets_only()
    }

    /// The blocks of a packet when the track does not tell, if any number does.
    ///
    /// It is what the medium is recorded in: one block of the error correction.
    pub const fn default_packet_blocks(self) -> Option<u32> {
        match self {
            Self::CdRw => None,
            Self::DvdRw
            | Self::DvdRam
            | Self::DvdPlusRw
            | Self::DvdMrw
            | Self::DvdPlusRwDl
            | Self::Removable => Some(16),
            Self::CdMrw | Self::BdRe | Self::HdDvdRam => Some(32),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
