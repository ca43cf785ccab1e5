// SPDX-License-Identifier: GPL-2.0

//! What gathers and writes. It knows no user of the disk.

pub(crate) mod packet;
pub(crate) mod packets;
pub(crate) mod pieces;
pub(crate) mod queue;
pub(crate) mod stats;
pub(crate) mod trace;
pub(crate) mod void_map;
