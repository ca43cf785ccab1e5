// SPDX-License-Identifier: GPL-2.0-or-later
//! BD-RE: with spare areas of several sizes, or without.

use super::plan::{Offer, Order, Plan, FULL, NO_SPARES, WITH_SPARES};
use crate::medium::Medium;
use crate::sense::{self, Sense};

/// Sub-types of 30h.
const FULL_CERTIFICATION: u8 = 2;

/// Blocks by which sizes differ.
fn step(medium: &Medium) -> u32 {
    let packet = medium.kind.packet();
    (medium.capacity / 45 / packet * packet).max(packet)
}

/// Default size, most spares, fewest spares, none.
pub(super) fn offers(medium: &Medium) -> Vec<Offer> {
    let (usual, step) = (medium.capacity, step(medium));
    let offer = |kind, blocks, parameter| Offer {
        kind,
        blocks,
        parameter,
    };
    vec![
        offer(FULL, usual, 0x3000),
        offer(WITH_SPARES, usual, 0x3000),
        offer(WITH_SPARES, usual.saturating_sub(step), 0x5000),
        offer(WITH_SPARES, usual.saturating_add(step), 0x1000),
        offer(NO_SPARES, usual.saturating_add(2 * step), 0x800),
    ]
}

/// What is offered, and with 30h all sizes between.
pub(super) fn plan(medium: &Medium, order: &Order) -> Result<Plan, Sense> {
    if order.code != 1 {
        return Err(sense::FIELD);
    }
    let (step, packet) = (step(medium), medium.kind.packet());
    let (least, most) = match order.kind {
        FULL => (medium.capacity, medium.capacity),
        WITH_SPARES => (
            medium.capacity.saturating_sub(step),
            medium.capacity.saturating_add(step),
        ),
        NO_SPARES => {
            let all = medium.capacity.saturating_add(2 * step);
            (all, all)
        }
        _ => return Err(sense::PARAMETER),
    };
    let size = match order.blocks {
        0 | u32::MAX if order.kind == NO_SPARES => most,
        0 | u32::MAX => medium.capacity,
        blocks => blocks,
    };
    if !(least..=most).contains(&size) || size % packet != 0 {
        return Err(sense::PARAMETER);
    }
    let certified = if order.kind == WITH_SPARES && order.sub == FULL_CERTIFICATION {
        2.0 * medium.kind.seconds(size)
    } else {
        0.0
    };
    Ok(Plan {
        no_spares: order.kind == NO_SPARES,
        erases: certified > 0.0,
        ..Plan::whole(medium, size, 60.0 + certified)
    })
}
