// SPDX-License-Identifier: GPL-2.0

use crate::bindings;
use kernel::{
    container_of,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    types::Opaque, //
};

/// A tag set of C that may refuse I/O schedulers.
#[pin_data]
pub(super) struct VetoSet {
    /// Zero, or one more than the number under which I/O schedulers are refused. Before `raw`,
    /// whose initialization looks at it.
    veto: Atomic<u64>,
    #[pin]
    raw: Opaque<bindings::blk_mq_tag_set>,
}

impl VetoSet {
    /// Returns an initializer, for what `init` initializes.
    pub(super) fn new(
        init: impl FnOnce(*mut bindings::blk_mq_tag_set) -> Result,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            veto: Atomic::new(0),
            raw <- Opaque::try_ffi_init(init),
        }? Error)
    }

    pub(super) fn as_raw(&self) -> *mut bindings::blk_mq_tag_set {
        self.raw.get()
    }

    /// Refuses all I/O schedulers from now on, under the number `id`.
    pub(super) fn refuse_schedulers(&self, id: u32) {
        self.veto.store(u64::from(id) + 1, Relaxed);
    }

    /// Returns under which number schedulers are refused, if they are.
    ///
    /// # Safety
    ///
    /// `set` must be that of a `VetoSet`, which may be about to be initialized.
    pub(super) unsafe fn refuses_schedulers(set: *mut bindings::blk_mq_tag_set) -> Option<u32> {
        // SAFETY: By the safety requirements of this function; the veto is there before the set is,
        // and an `Opaque` lies where its contents do.
        let veto = unsafe {
            let this = container_of!(Opaque::cast_from(set), Self, raw);
            (*this).veto.load(Relaxed)
        };
        // CAST: One more than a number of 32 bits.
        veto.checked_sub(1).map(|id| id as u32)
    }
}
