// SPDX-License-Identifier: GPL-2.0-or-later
//! DVD-RAM: sold formatted; other sizes by more or fewer spare blocks.

use super::plan::{Offer, Order, Plan, FULL, SPARES};
use crate::medium::Medium;
use crate::sense::{self, Sense};

/// Blocks by which sizes differ.
fn step(medium: &Medium) -> u32 {
    let packet = medium.kind.packet();
    (medium.capacity / 38 / packet * packet).max(packet)
}

/// The usual size, the largest, and one with more spare blocks.
pub(super) fn offers(medium: &Medium) -> Vec<Offer> {
    let (usual, step) = (medium.capacity, step(medium));
    let sizes = [
        (FULL, usual),
        (FULL, usual.saturating_add(step)),
        (SPARES, usual.saturating_sub(step)),
    ];
    let offer = |(kind, blocks)| Offer {
        kind,
        blocks,
        parameter: 2048,
    };
    sizes.into_iter().map(offer).collect()
}

/// Only what is offered. Certification writes and reads all blocks; without it, and to make room
/// for spare blocks, a list is written anew.
pub(super) fn plan(medium: &Medium, order: &Order) -> Result<Plan, Sense> {
    if order.code != 1 {
        return Err(sense::FIELD);
    }
    let size = match order.blocks {
        0 | u32::MAX => medium.capacity,
        blocks => blocks,
    };
    let known = |offer: &Offer| offer.kind == order.kind && offer.blocks == size;
    if !offers(medium).iter().any(known) {
        return Err(sense::PARAMETER);
    }
    let certified = if order.kind == FULL && order.certify {
        2.0 * medium.kind.seconds(size)
    } else {
        0.0
    };
    Ok(Plan {
        keeps: order.kind == SPARES,
        erases: certified > 0.0,
        ..Plan::whole(medium, size, 60.0 + certified)
    })
}
