// SPDX-License-Identifier: GPL-2.0

use super::{
    operations::{
        Operations,
        OperationsVTable, //
    },
    request::Pdu,
    veto::VetoSet, //
};
use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    error::to_result,
    impl_flags,
    prelude::*, //
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
        /// Use no IO scheduler unless the user asks for one.
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
/// # fn example<Disk: Operations>() -> Result {
/// let options = TagSetOptions {
///     nr_hw_queues: 1,
///     nr_read_queues: 0,
///     queue_depth: 64,
///     flags: Flag::NoDefaultScheduler.into(),
/// };
/// let tag_set = Arc::pin_init(TagSet::<Disk>::new(&options), GFP_KERNEL)?;
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// `inner` is an initialized `struct blk_mq_tag_set` with the operations of `T`.
#[pin_data(PinnedDrop)]
pub struct TagSet<T: Operations> {
    #[pin]
    inner: VetoSet,
    _p: PhantomData<T>,
}

// SAFETY: A tag set has no thread affinity.
unsafe impl<T: Operations> Send for TagSet<T> {}

// SAFETY: blk-mq synchronizes all use of a tag set.
unsafe impl<T: Operations> Sync for TagSet<T> {}

impl<T: Operations> TagSet<T> {
    /// Returns an initializer for a tag set.
    ///
    /// It fails with [`EINVAL`] if a number is out of range, and with [`ENOMEM`] if even a much
    /// smaller depth does not fit: [`TagSet::queue_depth`] tells what did. May sleep.
    pub fn new(options: &TagSetOptions) -> impl PinInit<Self, Error> {
        let options = *options;

        try_pin_init!(Self {
            // INVARIANT: `blk_mq_alloc_tag_set()` initializes the set.
            inner <- VetoSet::new(move |set| {
                let raw = Self::raw_options(&options)?;
                // SAFETY: `set` is valid for writes.
                unsafe { set.write(raw) };
                // SAFETY: `set` is filled in.
                to_result(unsafe { bindings::blk_mq_alloc_tag_set(set) })
            }),
            _p: PhantomData,
        }? Error)
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
            // A number, not a pointer: `map_queues` has no other way to learn it.
            driver_data: options.nr_read_queues as usize as *mut c_void,
            ..pin_init::zeroed()
        })
    }

    /// Refuses all I/O schedulers from now on, for a driver that would not survive one.
    ///
    /// To be called when the disk is built, and before it is added, of a set with
    /// [`Flag::NoDefaultScheduler`]. Who then writes the name of a scheduler to `queue/scheduler`
    /// gets `ENOMEM`, and [`Operations::scheduler_refused`] is called with `id`. `none` goes
    /// through. No hardware queue can be added either.
    pub fn refuse_schedulers(&self, id: u32) {
        self.inner.refuse_schedulers(id);
    }

    /// Returns how many requests each hardware queue has.
    pub fn queue_depth(&self) -> u32 {
        // SAFETY: By the type invariant, the set is initialized; its depth does not change.
        unsafe { (*self.as_raw()).queue_depth }
    }

    pub(super) fn as_raw(&self) -> *mut bindings::blk_mq_tag_set {
        self.inner.as_raw()
    }
}

#[pinned_drop]
impl<T: Operations> PinnedDrop for TagSet<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant, `inner` is initialized.
        unsafe { bindings::blk_mq_free_tag_set(self.as_raw()) };
    }
}
