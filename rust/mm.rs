// SPDX-License-Identifier: GPL-2.0

//! Memory allocation: how hard to try, and scopes that limit it.
//!
//! C headers: [`include/linux/gfp_types.h`](srctree/include/linux/gfp_types.h),
//! [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)

use crate::bindings;
use kernel::types::NotThreadSafe;

/// How an allocation may go about finding memory.
///
/// The flags of the `kernel` crate know neither `NOIO` nor how to give up early.
///
/// # Examples
///
/// ```ignore
/// let gfp = if bio.flags().contains(Flag::NoWait) { Gfp::NOWAIT } else { Gfp::GROW };
/// let page = SafePage::alloc(gfp)?;
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

/// A scope in which the current thread's allocations start no I/O.
///
/// While it lives, `GFP_KERNEL` acts as `GFP_NOIO`, for every allocation of this thread. This is
/// how `KBox` and `KVec` are used where reclaim must not come back to the caller's own device.
///
/// # Examples
///
/// ```ignore
/// let _noio = NoIo::enter();
/// let buffer = KVVec::with_capacity(len, GFP_KERNEL)?;
/// ```
pub struct NoIo {
    flags: u32,
    /// The scope belongs to the thread that entered it.
    _not_send: NotThreadSafe,
}

impl NoIo {
    /// Enters the scope. Scopes nest, and end in the reverse order.
    pub fn enter() -> Self {
        Self {
            // SAFETY: FFI call that changes a flag of the current thread.
            flags: unsafe { bindings::memalloc_noio_save() },
            _not_send: NotThreadSafe,
        }
    }
}

impl Drop for NoIo {
    fn drop(&mut self) {
        // SAFETY: `flags` is what `memalloc_noio_save()` returned in this thread.
        unsafe { bindings::memalloc_noio_restore(self.flags) };
    }
}

/// A scope in which the current thread allocates from the reserves, and never waits for reclaim.
///
/// This is for threads that reclaim itself waits for, such as those that write swapped pages to a
/// network; everything that such a thread calls is in the scope. The reserves are small: what a
/// thread may hold of them at a time has to be bounded.
///
/// # Examples
///
/// ```ignore
/// impl Run for Sender {
///     fn run(&self) {
///         let _noreclaim = NoReclaim::enter();
///         self.send_until_stopped();
///     }
/// }
/// ```
pub struct NoReclaim {
    flags: u32,
    /// The scope belongs to the thread that entered it.
    _not_send: NotThreadSafe,
}

impl NoReclaim {
    /// Enters the scope. Scopes nest, and end in the reverse order.
    pub fn enter() -> Self {
        Self {
            // SAFETY: FFI call that changes a flag of the current thread.
            flags: unsafe { bindings::memalloc_noreclaim_save() },
            _not_send: NotThreadSafe,
        }
    }
}

impl Drop for NoReclaim {
    fn drop(&mut self) {
        // SAFETY: `flags` is what `memalloc_noreclaim_save()` returned in this thread.
        unsafe { bindings::memalloc_noreclaim_restore(self.flags) };
    }
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
