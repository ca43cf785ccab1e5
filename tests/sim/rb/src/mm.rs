// SPDX-License-Identifier: GPL-2.0

//! Memory.

use kernel::sim::{
    self,
    context::{
        enter,
        Kind, //
    },
    faults::Allocation, //
};

/// How an allocation may go about finding memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gfp(pub(crate) Allocation, bool);

impl Gfp {
    /// May sleep, reclaim and do I/O.
    pub const KERNEL: Self = Self(Allocation::Kernel, false);
    /// May sleep and reclaim, but starts no I/O.
    pub const NOIO: Self = Self(Allocation::NoIo, false);
    /// Never sleeps.
    pub const NOWAIT: Self = Self(Allocation::NoWait, false);
    /// As [`Gfp::NOIO`], and gives up.
    pub const GROW: Self = Self(Allocation::Grow, false);
    /// As [`Gfp::KERNEL`], and gives up.
    pub const KERNEL_GROW: Self = Self(Allocation::Kernel, true);
}

/// Waits until all memory is free that so far was left to RCU to be freed.
pub fn rcu_barrier() {
    sim::rcu::barrier();
}

/// Runs `f`, in which allocations of the current thread start no I/O.
pub fn with_noio<R>(f: impl FnOnce() -> R) -> R {
    let _section = enter(Kind::NoIo, "with_noio()");
    f()
}

/// Runs `f`, in which the current thread writes on behalf of others.
pub fn with_local_throttle<R>(f: impl FnOnce() -> R) -> R {
    let _section = enter(Kind::LocalThrottle, "with_local_throttle()");
    f()
}

/// Runs `f`, in which the current thread allocates from the reserves.
pub fn with_noreclaim<R>(f: impl FnOnce() -> R) -> R {
    let _section = enter(Kind::NoIo, "with_noreclaim()");
    f()
}

/// Returns how much memory the system has, in pages.
pub fn total_pages() -> usize {
    1 << 18
}

/// Returns an estimate of the pages that can be had.
pub fn available_pages() -> usize {
    1 << 17
}

/// Lets others run if they are waiting.
pub fn cond_resched() {
    sim::might_sleep("cond_resched()");
    sim::yield_now();
}

/// Returns whether the current task was told to die.
pub fn fatal_signal_pending() -> bool {
    false
}
