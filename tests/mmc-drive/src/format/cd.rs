// SPDX-License-Identifier: GPL-2.0-or-later
//! CD-RW: one track of fixed packets.

use super::plan::{whole_packets, Offer, Order, Plan, PACKETS};
use crate::medium::Medium;
use crate::sense::{self, Sense};

pub(super) fn offers(medium: &Medium) -> Vec<Offer> {
    vec![Offer {
        kind: PACKETS,
        blocks: medium.capacity,
        parameter: medium.kind.packet(),
    }]
}

/// The parameter is the packet size. Tools also send the size of a block there.
pub(super) fn plan(medium: &Medium, order: &Order) -> Result<Plan, Sense> {
    if order.code != 7 && order.kind != PACKETS {
        return Err(sense::PARAMETER);
    }
    let packet = match order.parameter {
        1..2048 => order.parameter,
        _ => medium.kind.packet(),
    };
    let size = whole_packets(order.blocks, medium.capacity, packet)?;
    let seconds = 45.0 + medium.kind.seconds(size);
    Ok(Plan {
        packet,
        ..Plan::whole(medium, size, seconds)
    })
}
