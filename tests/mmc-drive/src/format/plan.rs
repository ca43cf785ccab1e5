// SPDX-License-Identifier: GPL-2.0-or-later
//! What FORMAT UNIT can ask for, and what comes of it.

use crate::medium::{Medium, State};
use crate::sense::{self, Sense};

/// Format type: full.
pub const FULL: u8 = 0x00;
/// Format type: other spare areas (DVD-RAM).
pub const SPARES: u8 = 0x01;
/// Format type: in fixed packets (CD-RW), full (DVD-RW).
pub const PACKETS: u8 = 0x10;
/// Format type: makes the last session longer (DVD-RW).
pub const GROW: u8 = 0x11;
/// Format type: lets the last session be made longer by writing (DVD-RW).
pub const QUICK_GROW: u8 = 0x13;
/// Format type: begins a session that grows by writing (DVD-RW).
pub const QUICK: u8 = 0x15;
/// Format type: Mount Rainier.
pub const RAINIER: u8 = 0x24;
/// Format type: in the background (DVD+RW).
pub const PLUS: u8 = 0x26;
/// Format type: with spare areas (BD-RE).
pub const WITH_SPARES: u8 = 0x30;
/// Format type: without spare areas (BD-RE).
pub const NO_SPARES: u8 = 0x31;

/// A format that a drive offers in READ FORMAT CAPACITIES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Format type.
    pub kind: u8,
    /// Number of blocks.
    pub blocks: u32,
    /// The parameter of the type.
    pub parameter: u32,
}

/// What FORMAT UNIT asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Format code: 1, or 7 for the older format of CD-RW.
    pub code: u8,
    /// Format type.
    pub kind: u8,
    /// Sub-type.
    pub sub: u8,
    /// Number of blocks.
    pub blocks: u32,
    /// The parameter of the type.
    pub parameter: u32,
    /// With certification, where it is not told by the sub-type.
    pub certify: bool,
    /// The list of defects that is sent, here none, is all that counts.
    pub complete_list: bool,
}

impl Order {
    /// Whether most of it is done while the disc is used.
    pub fn is_background(&self) -> bool {
        matches!(self.kind, PLUS | RAINIER)
    }
}

/// What a disc will be like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Its state.
    pub state: State,
    /// Blocks when the format is complete.
    pub size: u32,
    /// Blocks that are formatted when the drive is ready again.
    pub formatted: u32,
    /// Blocks of a packet.
    pub packet: u32,
    /// Mount Rainier.
    pub mrw: bool,
    /// No spare area.
    pub no_spares: bool,
    /// The data on it stays.
    pub keeps: bool,
    /// Its blocks are written, so that nothing is left in them.
    pub erases: bool,
    /// Seconds until the drive is ready again.
    pub seconds: f64,
}

impl Plan {
    /// All blocks are formatted, and all data is lost.
    pub(super) fn whole(medium: &Medium, size: u32, seconds: f64) -> Self {
        Self {
            state: State::Formatted,
            size,
            formatted: size,
            packet: medium.kind.packet(),
            mrw: false,
            no_spares: false,
            keeps: false,
            erases: true,
            seconds,
        }
    }

    /// The drive is ready after the lead-in, and formats the rest in the background.
    pub(super) fn background(medium: &Medium, size: u32) -> Self {
        let lead_in = (medium.kind.seconds(size) / 16.0).min(45.0);
        Self {
            state: State::Running,
            formatted: 0,
            ..Self::whole(medium, size, lead_in)
        }
    }

    /// "Restart": a stopped format goes on; one that runs or is complete stays as it is.
    pub(super) fn restart(medium: &Medium) -> Result<Self, Sense> {
        let state = match medium.state {
            State::Stopped | State::Running => State::Running,
            State::Formatted => State::Formatted,
            _ => return Err(sense::PARAMETER),
        };
        Ok(Self {
            state,
            formatted: medium.formatted,
            packet: medium.packet,
            mrw: medium.mrw,
            keeps: true,
            ..Self::whole(medium, medium.size, 1.0)
        })
    }
}

/// The bit "Restart" of the background formats.
pub(super) const RESTART: u32 = 1;
/// "As many as there are".
pub(super) const ALL: u32 = u32::MAX;

/// The number of blocks that an order asks for: whole packets, at most `most`. 0 and the highest number
/// ask for all.
pub(super) fn whole_packets(wanted: u32, most: u32, packet: u32) -> Result<u32, Sense> {
    let blocks = match wanted {
        0 | ALL => most,
        blocks => blocks,
    };
    if blocks == 0 || blocks > most || blocks % packet != 0 {
        return Err(sense::PARAMETER);
    }
    Ok(blocks)
}
