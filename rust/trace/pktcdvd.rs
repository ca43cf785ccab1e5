// SPDX-License-Identifier: GPL-2.0

//! Events of the packet writing driver: `/sys/kernel/tracing/events/pktcdvd`.
//!
//! `dev` is the number of the packet device, a zone is the first sector of the packet, `status` is
//! 0 or a negative errno. Sectors have 512 bytes.
//!
//! # Examples
//!
//! ```
//! # use rb::{block::dev_t::DevT, trace};
//! # fn example(dev: DevT, zone: u64, frames: u32) {
//! trace::pktcdvd::pkt_write(dev, zone, frames);
//! # }
//! ```

use crate::{
    block::dev_t::DevT,
    tracepoint::declare_trace, //
};
use kernel::prelude::*;

mod raw {
    use super::*;
    use crate::bindings::dev_t;

    declare_trace! {
        pub(super) fn pkt_state(dev: dev_t, zone: u64, from: c_uint, to: c_uint);
        pub(super) fn pkt_write(dev: dev_t, zone: u64, frames: c_uint);
        pub(super) fn pkt_gather(dev: dev_t, sector: u64, sectors: c_uint);
        pub(super) fn pkt_congestion(dev: dev_t, size: c_uint, on: bool);
        pub(super) fn pkt_flush(dev: dev_t, status: c_int);
        pub(super) fn pkt_error(dev: dev_t, sector: u64, op: c_uint, status: c_int);
    }
}

/// What was to be done with the lower device when it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// A read that somebody waits for.
    Read = 0,
    /// A read of what no write covers.
    Gather = 1,
    /// The write of a packet.
    Write = 2,
    /// A flush.
    Flush = 3,
}

/// A packet goes from one state to the next: 0 idle, 1 waiting, 2 reading, 3 writing, 4 failed,
/// 5 done.
#[inline(always)]
pub fn pkt_state(dev: DevT, zone: u64, from: u8, to: u8) {
    // SAFETY: It takes nothing but numbers.
    unsafe { raw::pkt_state(dev.as_raw(), zone, from.into(), to.into()) }
}

/// A packet of so many frames is written to the lower device.
#[inline(always)]
pub fn pkt_write(dev: DevT, zone: u64, frames: u32) {
    // SAFETY: It takes nothing but numbers.
    unsafe { raw::pkt_write(dev.as_raw(), zone, frames) }
}

/// Sectors that no write covers are read from the lower device.
#[inline(always)]
pub fn pkt_gather(dev: DevT, sector: u64, sectors: u32) {
    // SAFETY: It takes nothing but numbers.
    unsafe { raw::pkt_gather(dev.as_raw(), sector, sectors) }
}

/// A write queue of this size stops the writers (`on`), or lets them go on.
#[inline(always)]
pub fn pkt_congestion(dev: DevT, size: u32, on: bool) {
    // SAFETY: It takes nothing but numbers.
    unsafe { raw::pkt_congestion(dev.as_raw(), size, on) }
}

/// The cache of the lower device was flushed.
#[inline(always)]
pub fn pkt_flush(dev: DevT, status: i32) {
    // SAFETY: It takes nothing but numbers.
    unsafe { raw::pkt_flush(dev.as_raw(), status) }
}

/// The lower device failed.
#[inline(always)]
pub fn pkt_error(dev: DevT, sector: u64, op: Op, status: i32) {
    // SAFETY: It takes nothing but numbers.
    unsafe { raw::pkt_error(dev.as_raw(), sector, op as c_uint, status) }
}
