// SPDX-License-Identifier: GPL-2.0

//! Pools of bios.
//!
//! C header: [`include/linux/bio.h`](srctree/include/linux/bio.h)

use super::inflight::{
    Inflight,
    InflightGuard, //
};
use crate::bindings;
use kernel::{
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// A pool of bios without vectors of their own, for clones and flushes.
///
/// A request goes to a lower device through
/// [`Request::forward`](super::mq::Request::forward), which takes its bios from here.
///
/// An allocation with `GFP_NOIO` always succeeds: when memory is short it waits for a bio to come
/// back. So a task that allocates must have submitted all it got from the same pool before. Dropping
/// the pool waits, too, for all that is out.
///
/// # Examples
///
/// ```
/// # use rb::block::bio_set::BioSet;
/// #[pin_data]
/// struct Device {
///     #[pin]
///     bios: BioSet,
/// }
///
/// let init = try_pin_init!(Device { bios <- BioSet::new(16) }? Error);
/// let device = KBox::pin_init(init, GFP_KERNEL)?;
/// ```
///
/// # Invariants
///
/// `set` is an initialized `struct bio_set`.
#[pin_data(PinnedDrop)]
pub struct BioSet {
    #[pin]
    set: Opaque<bindings::bio_set>,
    inflight: Arc<Inflight>,
}

// SAFETY: A bio set has no thread affinity.
unsafe impl Send for BioSet {}

// SAFETY: All operations on a bio set are synchronized by the block layer.
unsafe impl Sync for BioSet {}

impl BioSet {
    /// Returns an initializer for a pool that keeps `reserved` bios back for when memory is short.
    pub fn new(reserved: u32) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            inflight: Inflight::new()?,
            // INVARIANT: `bioset_init()` initializes the set.
            set <- Opaque::try_ffi_init(|set: *mut bindings::bio_set| {
                // SAFETY: `set` is valid for writes; the C side wants it zeroed.
                unsafe { set.write(pin_init::zeroed()) };
                // SAFETY: `set` is zeroed and pinned.
                to_result(unsafe { bindings::bioset_init(set, reserved, 0, 0) })
            }),
        }? Error)
    }

    /// Counts a user of bios of the pool, until the guard is dropped.
    #[inline]
    pub(super) fn begin_use(&self) -> InflightGuard {
        Inflight::begin(&self.inflight)
    }

    /// Returns the raw bio set.
    pub(super) fn as_raw(&self) -> *mut bindings::bio_set {
        self.set.get()
    }
}

#[pinned_drop]
impl PinnedDrop for BioSet {
    fn drop(self: Pin<&mut Self>) {
        self.inflight.wait();
        // SAFETY: By the type invariant, the set is initialized; all its bios are back.
        unsafe { bindings::bioset_exit(self.set.get()) };
    }
}
