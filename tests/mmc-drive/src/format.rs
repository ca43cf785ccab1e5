// SPDX-License-Identifier: GPL-2.0-or-later
//! The rules of FORMAT UNIT, BLANK and CLOSE TRACK/SESSION for each kind of disc. They decide whether
//! a command is accepted and which state the disc has afterwards. They change nothing themselves.

mod bd;
mod cd;
mod minus;
mod plan;
mod plus;
mod ram;

use crate::medium::{Kind, Medium, State};
use crate::sense::{self, Sense};
use plan::{ALL, RESTART};

pub use plan::{
    Offer, Order, Plan, FULL, GROW, NO_SPARES, PACKETS, PLUS, QUICK, QUICK_GROW, RAINIER, SPARES,
    WITH_SPARES,
};

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
