// SPDX-License-Identifier: GPL-2.0

//! What the drivers do with atomics and without locks, built for loom.
//!
//! These are the very files that the module is built from. What they take from the `kernel` crate
//! and from the safe layer is here the same on top of loom's types, which try every order of what
//! threads do and every value that the memory model lets a load return.

extern crate self as kernel;
extern crate self as rb;

pub mod block;
pub mod kthread;
pub mod prelude;
pub mod sync;
mod task;
pub mod time;
pub mod wait;

#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../../drivers/block/ram/store/budget.rs"]
mod budget;

#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../../drivers/common/bell.rs"]
mod bell;

#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../../rust/block/inflight.rs"]
mod inflight;

#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../../rust/block/page_bio/flight.rs"]
mod flight;

/// The network block device.
#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../../drivers/block/nbd"]
mod nbd {
    pub mod logic;
}

/// Copy-on-write disks: what threads share is the bitmap.
#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../../drivers/block/ubd/logic"]
mod ubd {
    pub mod bitmap;
    pub mod flush;
    pub mod format;
    pub mod layout;
    pub mod malformed;
}

#[cfg(test)]
mod tests;
