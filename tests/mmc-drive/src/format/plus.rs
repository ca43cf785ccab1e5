// SPDX-License-Identifier: GPL-2.0-or-later
//! DVD+RW: one format, in the background.

use super::plan::{Offer, Order, Plan, ALL, PLUS, RESTART};
use crate::medium::Medium;
use crate::sense::{self, Sense};

pub(super) fn offers(medium: &Medium) -> Vec<Offer> {
    vec![Offer {
        kind: PLUS,
        blocks: medium.capacity,
        parameter: 0,
    }]
}

pub(super) fn plan(medium: &Medium, order: &Order) -> Result<Plan, Sense> {
    let all = medium.capacity;
    if order.code != 1 {
        return Err(sense::FIELD);
    }
    if order.kind != PLUS || !(matches!(order.blocks, 0 | ALL) || order.blocks == all) {
        return Err(sense::PARAMETER);
    }
    if order.parameter & RESTART != 0 {
        return Plan::restart(medium);
    }
    Ok(Plan::background(medium, all))
}
