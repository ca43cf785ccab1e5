// SPDX-License-Identifier: GPL-2.0-or-later
//! DVD-RW: full formats, and quick ones whose session grows by writing.

use super::plan::{whole_packets, Offer, Order, Plan, FULL, GROW, PACKETS, QUICK, QUICK_GROW};
use crate::medium::{Medium, State};
use crate::sense::{self, Sense};

/// Seconds for lead-in and management data.
const LEAD_IN: f64 = 60.0;

/// As long as the session is open, the formats that grow it are not offered.
pub(super) fn offers(medium: &Medium) -> Vec<Offer> {
    let (all, packet) = (medium.capacity, medium.kind.packet());
    let offer = |kind, blocks, parameter| Offer {
        kind,
        blocks,
        parameter,
    };
    let mut list = vec![offer(FULL, all, 2048), offer(PACKETS, all, packet)];
    if medium.state == State::Formatted {
        let rest = all - medium.formatted;
        list.push(offer(GROW, rest, packet));
        list.push(offer(QUICK_GROW, rest, packet));
    }
    list.push(offer(QUICK, all, packet));
    list
}

pub(super) fn plan(medium: &Medium, order: &Order) -> Result<Plan, Sense> {
    let (all, packet) = (medium.capacity, medium.kind.packet());
    let seconds = |blocks| LEAD_IN + medium.kind.seconds(blocks);
    if order.code != 1 {
        return Err(sense::FIELD);
    }
    match order.kind {
        FULL | PACKETS => {
            let size = whole_packets(order.blocks, all, packet)?;
            Ok(Plan::whole(medium, size, seconds(size)))
        }
        QUICK => {
            let formatted = some(order.blocks, all, packet)?;
            Ok(Plan {
                state: State::Intermediate,
                size: all,
                ..Plan::whole(medium, formatted, seconds(formatted))
            })
        }
        GROW | QUICK_GROW if medium.state == State::Formatted && medium.formatted < all => {
            let rest = all - medium.formatted;
            let more = match order.kind {
                GROW => whole_packets(order.blocks, rest, packet)?,
                _ => some(order.blocks, rest, packet)?,
            };
            let state = match order.kind {
                GROW => State::Formatted,
                _ => State::Intermediate,
            };
            Ok(Plan {
                state,
                keeps: true,
                size: all,
                ..Plan::whole(medium, medium.formatted + more, seconds(more))
            })
        }
        _ => Err(sense::PARAMETER),
    }
}

/// A number of blocks that may be 0.
fn some(wanted: u32, most: u32, packet: u32) -> Result<u32, Sense> {
    match wanted {
        0 => Ok(0),
        _ => whole_packets(wanted, most, packet),
    }
}
