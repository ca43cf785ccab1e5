// SPDX-License-Identifier: GPL-2.0

//! Tracepoints, `/sys/kernel/tracing/events/pktcdvd`; `events.h` has their other side.
//!
//! `dev` is the number of the packet device, a zone is the first sector of the packet, `status` is
//! 0 or a negative errno. Sectors have 512 bytes.

use rb::block::dev_t::DevT;

/// What was to be done with the lower device when it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// A read that somebody waits for.
    Read = 0,
    /// A read of what no write covers.
    Gather = 1,
    /// The write of a packet.
    Write = 2,
    /// A flush.
    Flush = 3,
}

rb::tracepoints! {
    /// A packet goes from one state to the next, by their numbers.
    pub(crate) fn pkt_state(dev: DevT, zone: u64, from: u32, to: u32);

    /// A packet of so many frames is written to the lower device.
    pub(crate) fn pkt_write(dev: DevT, zone: u64, frames: u32);

    /// Sectors that no write covers are read from the lower device.
    pub(crate) fn pkt_gather(dev: DevT, sector: u64, sectors: u32);

    /// A write queue of this size stops the writers (`on`), or lets them go on.
    pub(crate) fn pkt_congestion(dev: DevT, size: u32, on: bool);

    /// The cache of the lower device was flushed.
    pub(crate) fn pkt_flush(dev: DevT, status: i32);

    /// The lower device failed; `op` is an [`Op`].
    pub(crate) fn pkt_error(dev: DevT, sector: u64, op: u32, status: i32);
}
