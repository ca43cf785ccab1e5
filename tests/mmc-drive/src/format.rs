// SPDX-License-Identifier: GPL-2.0-or-later
//! The rules of FORMAT UNIT, BLANK and CLOSE TRACK/SESSION for each kind of disc. They decide whether
//! a command is accepted and which state the disc has afterwards. They change nothing themselves.

mod bd;
mod cd;
mod minus;
mod plus;
mod ram;

use crate::medium::{Kind, Medium, State};
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
    fn whole(medium: &Medium, size: u32, seconds: f64) -> Self {
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
    fn background(medium: &Medium, size: u32) -> Self {
        let lead_in = (medium.kind.seconds(size) / 16.0).min(45.0);
        Self {
            state: State::Running,
            formatted: 0,
            ..Self::whole(medium, size, lead_in)
        }
    }

    /// "Restart": a stopped format goes on; one that runs or is complete stays as it is.
    fn restart(medium: &Medium) -> Result<Self, Sense> {
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
const RESTART: u32 = 1;
/// "As many as there are".
const ALL: u32 = u32::MAX;

/// The formats of a disc, in the order of READ FORMAT CAPACITIES. `rainier`: the drive knows Mount
/// Rainier.
pub fn offers(medium: &Medium, rainier: bool) -> Vec<Offer> {
    let mut list = match medium.kind {
        Kind::CdRw => cd::offers(medium),
        Kind::DvdRw => minus::offers(medium),
        Kind::DvdPlusRw | Kind::DvdPlusRwDl => plus::offers(medium),
        Kind::DvdRam => ram::offers(medium),
        Kind::BdRe => bd::offers(medium),
    };
    if rainier && has_rainier(medium.kind) {
        list.push(Offer {
            kind: RAINIER,
            blocks: rainier_size(medium.kind, medium.capacity),
            parameter: 0,
        });
    }
    list
}

/// Decides on FORMAT UNIT.
pub fn plan(medium: &Medium, rainier: bool, order: &Order) -> Result<Plan, Sense> {
    if medium.protected {
        return Err(sense::PROTECTED);
    }
    if order.kind == RAINIER && order.code == 1 && rainier && has_rainier(medium.kind) {
        return rainier_plan(medium, order);
    }
    match medium.kind {
        Kind::CdRw => cd::plan(medium, order),
        Kind::DvdRw => minus::plan(medium, order),
        Kind::DvdPlusRw | Kind::DvdPlusRwDl => plus::plan(medium, order),
        Kind::DvdRam => ram::plan(medium, order),
        Kind::BdRe => bd::plan(medium, order),
    }
}

/// Whether discs of that kind can have a Mount Rainier format.
pub fn has_rainier(kind: Kind) -> bool {
    matches!(kind, Kind::CdRw | Kind::DvdPlusRw)
}

/// Blocks of a disc with a Mount Rainier format: each 18th packet is a spare.
pub fn rainier_size(kind: Kind, capacity: u32) -> u32 {
    let packet = kind.packet();
    let packets = capacity / packet;
    (packets - packets / 18) * packet
}

fn rainier_plan(medium: &Medium, order: &Order) -> Result<Plan, Sense> {
    if order.parameter & RESTART != 0 {
        return match medium.mrw {
            true => Plan::restart(medium),
            false => Err(sense::PARAMETER),
        };
    }
    let size = rainier_size(medium.kind, medium.capacity);
    if !matches!(order.blocks, 0 | ALL) && order.blocks != size {
        return Err(sense::PARAMETER);
    }
    Ok(Plan {
        mrw: true,
        ..Plan::background(medium, size)
    })
}

/// Decides on BLANK: how many seconds it takes, and whether it is the minimal kind.
pub fn blanking(medium: &Medium, kind: u8) -> Result<(f64, bool), Sense> {
    if medium.protected {
        return Err(sense::PROTECTED);
    }
    if !medium.kind.is_picky() || medium.look.not_erasable {
        return Err(sense::MODE);
    }
    match kind {
        0 => Ok((45.0 + medium.kind.seconds(medium.capacity), false)),
        1 => Ok((45.0, true)),
        // The last session is all there is.
        6 if matches!(medium.state, State::Sequential { open: false }) => Ok((45.0, false)),
        2..=6 => Err(sense::SEQUENCE),
        _ => Err(sense::FIELD),
    }
}

/// Decides on CLOSE TRACK/SESSION: the state afterwards, and how many seconds it takes.
pub fn closing(medium: &Medium, function: u8) -> Result<(State, f64), Sense> {
    let background = medium.kind.is_plus() || medium.mrw;
    let state = match (function, medium.state) {
        (0, _) if !background => return Err(sense::FIELD),
        (0 | 2, State::Running) => State::Stopped,
        (2, State::Intermediate) if medium.formatted > 0 => State::Formatted,
        (2, State::Sequential { .. }) => State::Sequential { open: false },
        (0..=2, state) => state,
        _ => return Err(sense::FIELD),
    };
    let ends_session = function == 2 && medium.unclosed && !medium.is_blank();
    let writes = ends_session && (medium.kind.is_plus() || medium.kind.is_picky());
    Ok((state, if writes { 20.0 } else { 0.5 }))
}

/// The number of blocks that an order asks for: whole packets, at most `most`. 0 and the highest number
/// ask for all.
fn whole_packets(wanted: u32, most: u32, packet: u32) -> Result<u32, Sense> {
    let blocks = match wanted {
        0 | ALL => most,
        blocks => blocks,
    };
    if blocks == 0 || blocks > most || blocks % packet != 0 {
        return Err(sense::PARAMETER);
    }
    Ok(blocks)
}
