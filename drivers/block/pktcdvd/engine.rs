// SPDX-License-Identifier: GPL-2.0

//! What gathers writes into packets, and reads and writes these. It knows no user of the disk: what
//! others have to do, it returns.
//!
//! From the bottom: requests in [`pieces`], which wait in the [`queue`]; the [`hub`] of a device;
//! requests that are [forwarded](forward); one [`packet`], and all [`packets`].

pub(crate) mod active;
pub(crate) mod forward;
pub(crate) mod hub;
pub(crate) mod packet;
pub(crate) mod packets;
pub(crate) mod pieces;
pub(crate) mod queue;
pub(crate) mod report;
pub(crate) mod stats;
pub(crate) mod syncs;
pub(crate) mod trace;
pub(crate) mod void_map;
