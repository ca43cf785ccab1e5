// SPDX-License-Identifier: GPL-2.0

use crate::bindings;

/// What the callbacks of a tag set look at: the data `D` that its driver has given it, and more.
pub(super) struct SetData<D> {
    pub(super) nr_read_queues: u32,
    pub(super) data: D,
}

impl<D> SetData<D> {
    /// Returns what the callbacks of a set look at.
    ///
    /// # Safety
    ///
    /// `set` must be that of a [`TagSet`](super::TagSet) with data `D` that lives for `'a`; it may be
    /// about to be initialized, or freed.
    pub(super) unsafe fn of<'a>(set: *mut bindings::blk_mq_tag_set) -> &'a Self {
        // SAFETY: By the safety requirements of this function and the type invariant of `TagSet`. The
        // data is there before the set is, and is dropped after it; nobody borrows it mutably, and
        // nothing writes to `driver_data`.
        unsafe { &*(*set).driver_data.cast() }
    }
}
