// SPDX-License-Identifier: GPL-2.0

//! Memory allocation: how hard to try, and scopes that limit it.
//!
//! C headers: [`include/linux/gfp_types.h`](srctree/include/linux/gfp_types.h),
//! [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)

use crate::bindings;

/// How an allocation may go about finding memory.
///
/// The flags of the `kernel` crate know neither `NOIO` nor how to give up early.
///
/// # Examples
///
/// ```
/// # use rb::{block::bio::{Bio, Flag}, mm::Gfp, page::SafePage};
/// # fn example(bio: &Bio) -> Result {
/// let gfp = if bio.flags().contains(Flag::NoWait) { Gfp::NOWAIT } else { Gfp::GROW };
/// let page = SafePage::alloc_zeroed(gfp)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Gfp(bindings::gfp_t);

impl Gfp {
    /// May sleep, reclaim and do I/O. Not for an I/O path.
    pub const KERNEL: Self = Self(bindings::GFP_KERNEL);

    /// May sleep and reclaim, but starts no I/O, so that an I/O path may use it.
    ///
    /// Allocations of a page or less do not fail: they wait for memory.
    pub const NOIO: Self = Self(bindings::GFP_NOIO);

    /// Never sleeps, and fails quickly.
    pub const NOWAIT: Self = Self(bindings::GFP_NOWAIT);

    /// As [`Gfp::NOIO`], but for memory that stays: gives up rather than wear the system down.
    ///
    /// Does not touch the reserves that reclaim itself lives on, and fails quietly.
    pub const GROW: Self = Self(
        bindings::GFP_NOIO
            | bindings::__GFP_RETRY_MAYFAIL
            | bindings::__GFP_NOWARN
            | bindings::__GFP_NOMEMALLOC,
    );

    /// As [`Gfp::KERNEL`], but gives up, quietly, before the OOM killer would start.
    pub const KERNEL_GROW: Self = Self(
        bindings::GFP_KERNEL
            | bindings::__GFP_RETRY_MAYFAIL
            | bindings::__GFP_NOWARN
            | bindings::__GFP_NOMEMALLOC,
    );

    /// Returns the raw flags.
    #[inline]
    pub(crate) fn as_raw(self) -> bindings::gfp_t {
        self.0
    }
}

/// Waits until all memory is free that so far was left to RCU to be freed.
///
/// Sleeps, for a grace period and more. Process context.
pub fn rcu_barrier() {
    // SAFETY: Process context.
    unsafe { bindings::rcu_barrier() };
}

/// Runs `f`, in which allocations of the current thread start no I/O.
///
/// Meanwhile `GFP_KERNEL` acts as `GFP_NOIO`, for every allocation of this thread. This is how `KBox`
/// and `KVec` are used where reclaim must not come back to the caller's own device.
///
/// # Examples
///
/// ```
/// # use rb::mm;
/// let buffer = mm::with_noio(|| KVVec::<u8>::with_capacity(4096, GFP_KERNEL))?;
/// ```
pub fn with_noio<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: FFI call that changes a flag of the current thread, which it has back below.
    let flags = unsafe { bindings::memalloc_noio_save() };
    let result = f();
    // SAFETY: `flags` is what `memalloc_noio_save()` returned in this thread; what was saved since
    // then has been restored, as it is only within `f`.
    unsafe { bindings::memalloc_noio_restore(flags) };
    result
}

/// Runs `f`, in which the current thread allocates from the reserves, and never waits for reclaim.
///
/// This is for threads that reclaim itself waits for, such as those that write swapped pages to a
/// network. The reserves are small: what a thread may hold of them at a time has to be bounded.
///
/// # Examples
///
/// ```
/// # use rb::{block::mq::Request, mm, net::Socket};
/// # fn example<D: Send + Sync>(socket: &Socket, header: [u8; 28], rq: &Request<D>) -> Result {
/// mm::with_noreclaim(|| socket.send(&header, Some(rq.bios()), false))?;
/// # Ok(())
/// # }
/// ```
pub fn with_noreclaim<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: FFI call that changes a flag of the current thread, which it has back below.
    let flags = unsafe { bindings::memalloc_noreclaim_save() };
    let result = f();
    // SAFETY: `flags` is what `memalloc_noreclaim_save()` returned in this thread; what was saved
    // since then has been restored, as it is only within `f`.
    unsafe { bindings::memalloc_noreclaim_restore(flags) };
    result
}

/// Runs `f`, in which writes of the current thread to a file are held up only for the device that the
/// file is on.
///
/// This is for threads that write to a file what others have written to a device of the driver. They
/// clean the dirty pages of that device. If they were held up for these, they would wait for themselves.
///
/// # Examples
///
/// ```
/// use rb::mm;
/// let done = mm::with_noio(|| mm::with_local_throttle(|| true));
/// ```
pub fn with_local_throttle<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: FFI call that changes a flag of the current thread, which it has back below.
    let was_set = unsafe { bindings::local_throttle_save() };
    let result = f();
    // SAFETY: `was_set` is what `local_throttle_save()` returned in this thread; what was saved since
    // then has been restored, as it is only within `f`.
    unsafe { bindings::local_throttle_restore(was_set) };
    result
}

/// Returns how much memory the system has, in pages.
pub fn total_pages() -> usize {
    // SAFETY: FFI call without preconditions.
    unsafe { bindings::totalram_pages() }
}

/// Returns an estimate of the pages that can be had without swapping; `MemAvailable`.
pub fn available_pages() -> usize {
    // SAFETY: FFI call without preconditions.
    let pages = unsafe { bindings::si_mem_available() };
    usize::try_from(pages).unwrap_or(0)
}

/// Lets others run if they are waiting. May sleep.
#[inline]
pub fn cond_resched() {
    // SAFETY: FFI call without preconditions but a context that may sleep, which is what the
    // debugging options of the kernel check.
    unsafe { bindings::cond_resched() };
}

/// Returns whether the current task was told to die, so that long work for it should stop.
pub fn fatal_signal_pending() -> bool {
    // SAFETY: FFI call that looks at the current task.
    unsafe { bindings::fatal_signal_pending_current() }
}
