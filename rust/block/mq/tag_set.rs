// SPDX-License-Identifier: GPL-2.0

use super::{
    operations::{
        Operations,
        OperationsVTable, //
    },
    request::Pdu,
    set_data::SetData, //
};
use crate::bindings;
use kernel::{
    error::to_result,
    impl_flags,
    prelude::*,
    types::Opaque, //
};

impl_flags! {
    /// Flags of a [`TagSet`] (`BLK_MQ_F_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Flags(u32);

    /// One flag of a [`TagSet`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Flag {
        /// [`Operations::queue_rq`] may sleep.
        Blocking = bindings::BLK_MQ_F_BLOCKING,
        /// Use no I/O scheduler unless the user asks for one.
        NoDefaultScheduler = bindings::BLK_MQ_F_NO_SCHED_BY_DEFAULT,
    }
}

/// What a [`TagSet`] is.
#[derive(Clone, Copy, Debug)]
pub struct TagSetOptions {
    /// How many hardware queues there are; those for reads come on top.
    pub nr_hw_queues: u32,
    /// How many hardware queues there are for reads only, so that writes that the driver rejects
    /// do not hold them up. With zero, reads share the other queues.
    pub nr_read_queues: u32,
    /// How many requests each hardware queue has, at most 10240.
    pub queue_depth: u32,
    /// Flags.
    pub flags: Flags,
}

/// The requests of one or more disks.
///
/// # Examples
///
/// ```
/// # use kernel::sync::Arc;
/// # use rb::block::mq::{Flag, Operations, TagSet, TagSetOptions};
/// # fn example<Disk: Operations<SetData = ()>>() -> Result {
/// let options = TagSetOptions {
///     nr_hw_queues: 1,
///     nr_read_queues: 0,
///     queue_depth: 64,
///     flags: Flag::NoDefaultScheduler.into(),
/// };
/// let tag_set = Arc::pin_init(TagSet::<Disk>::new(&options, ())?, GFP_KERNEL)?;
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// `inner` is an initialized `struct blk_mq_tag_set` with the operations of `T`. Its `driver_data`
/// is `_set_data`, which lives as long as the set, and which nobody borrows mutably.
#[pin_data(PinnedDrop)]
pub struct TagSet<T: Operations> {
    #[pin]
    inner: Opaque<bindings::blk_mq_tag_set>,
    _set_data: KBox<SetData<T::SetData>>,
}

// SAFETY: A tag set has no thread affinity.
unsafe impl<T: Operations> Send for TagSet<T> {}

// SAFETY: blk-mq synchronizes all use of a tag set.
unsafe impl<T: Operations> Sync for TagSet<T> {}

impl<T: Operations> TagSet<T> {
    /// Returns an initializer for a tag set with this data.
    ///
    /// Both fail with [`ENOMEM`]; the initializer does, if even a much smaller depth does not fit:
    /// [`TagSet::queue_depth`] reports what did. It fails with [`EINVAL`] if a number is out of range.
    /// May sleep.
    pub fn new(options: &TagSetOptions, data: T::SetData) -> Result<impl PinInit<Self, Error>> {
        let options = *options;
        let set_data = SetData {
            nr_read_queues: options.nr_read_queues,
            data,
        };
        let set_data = KBox::new(set_data, GFP_KERNEL)?;
        let driver_data = &raw const *set_data;

        Ok(try_pin_init!(Self {
            // INVARIANT: `blk_mq_alloc_tag_set()` initializes the set, with `set_data`, which does not
            // move when the box does.
            inner <- Opaque::try_ffi_init(move |set: *mut bindings::blk_mq_tag_set| {
                let raw = bindings::blk_mq_tag_set {
                    driver_data: driver_data.cast_mut().cast(),
                    ..Self::raw_options(&options)?
                };
                // SAFETY: `set` is valid for writes.
                unsafe { set.write(raw) };
                // SAFETY: `set` is filled in.
                to_result(unsafe { bindings::blk_mq_alloc_tag_set(set) })
            }),
            _set_data: set_data,
        }? Error))
    }

    fn raw_options(options: &TagSetOptions) -> Result<bindings::blk_mq_tag_set> {
        // The data lies right behind the request.
        const { assert!(align_of::<Pdu<T::RequestData>>() <= align_of::<bindings::request>()) };

        Ok(bindings::blk_mq_tag_set {
            ops: (const { &OperationsVTable::<T>::MQ_OPS }).as_raw(),
            nr_maps: if options.nr_read_queues == 0 { 1 } else { 2 },
            nr_hw_queues: options
                .nr_hw_queues
                .checked_add(options.nr_read_queues)
                .ok_or(EINVAL)?,
            queue_depth: options.queue_depth,
            numa_node: bindings::NUMA_NO_NODE,
            cmd_size: u32::try_from(size_of::<Pdu<T::RequestData>>())?,
            flags: options.flags.into(),
            ..pin_init::zeroed()
        })
    }

    /// Returns how many requests each hardware queue has.
    pub fn queue_depth(&self) -> u32 {
        // SAFETY: By the type invariant, the set is initialized; its depth does not change.
        unsafe { (*self.as_raw()).queue_depth }
    }

    pub(super) fn as_raw(&self) -> *mut bindings::blk_mq_tag_set {
        self.inner.get()
    }
}

#[pinned_drop]
impl<T: Operations> PinnedDrop for TagSet<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant, `inner` is initialized. What the callbacks look at is dropped
        // later.
        unsafe { bindings::blk_mq_free_tag_set(self.as_raw()) };
    }
}
