// SPDX-License-Identifier: GPL-2.0

use super::{
    operations::Operations,
    request::Asked,
    tags::Tags, //
};
use crate::sim::tags::grant;
use kernel::{
    impl_flags,
    prelude::*,
    sim,
    sync::Arc, //
};

impl_flags! {
    /// Flags of a [`TagSet`].
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Flags(u32);

    /// One flag of a [`TagSet`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Flag {
        /// [`Operations::queue_rq`] may sleep.
        Blocking = 1,
        /// Use no I/O scheduler unless the user asks for one.
        NoDefaultScheduler = 2,
    }
}

/// What a [`TagSet`] is.
#[derive(Clone, Copy, Debug)]
pub struct TagSetOptions {
    /// How many hardware queues there are; those for reads come on top.
    pub nr_hw_queues: u32,
    /// How many hardware queues there are for reads only.
    pub nr_read_queues: u32,
    /// How many requests each hardware queue has, at most 10240.
    pub queue_depth: u32,
    /// Flags.
    pub flags: Flags,
}

/// The requests of one or more disks.
#[pin_data(PinnedDrop)]
pub struct TagSet<T: Operations> {
    pub(super) options: TagSetOptions,
    pub(super) set_data: T::SetData,
    pub(super) tags: Arc<Tags<T::RequestData>>,
    /// Set by the disk that uses the set.
    pub(super) ask: Asked<T::RequestData>,
}

impl<T: Operations> TagSet<T> {
    /// Returns an initializer for a tag set with this data.
    pub fn new(options: &TagSetOptions, data: T::SetData) -> Result<impl PinInit<Self, Error>> {
        let mut options = *options;
        options.queue_depth = grant(options.queue_depth);
        let queues = options
            .nr_hw_queues
            .checked_add(options.nr_read_queues)
            .ok_or(EINVAL)?;

        Ok(try_pin_init!(Self {
            options,
            tags: make_tags::<T>(queues, options.queue_depth, &data)?,
            set_data: data,
            ask: Asked::default(),
        }? Error))
    }

    /// Returns how many requests each hardware queue has.
    pub fn queue_depth(&self) -> u32 {
        self.options.queue_depth
    }
}

fn make_tags<T: Operations>(
    queues: u32,
    depth: u32,
    data: &T::SetData,
) -> Result<Arc<Tags<T::RequestData>>> {
    if queues == 0 || !(1..=10240).contains(&depth) {
        return Err(EINVAL);
    }
    let mut all = Vec::new();
    for _ in 0..queues {
        let mut tags = Vec::new();
        for _ in 0..depth {
            tags.push(KBox::pin_init(T::new_request_data(data), GFP_KERNEL)?);
        }
        all.push(tags);
    }
    Arc::pin_init(Tags::new(all), GFP_KERNEL)
}

#[pinned_drop]
impl<T: Operations> PinnedDrop for TagSet<T> {
    fn drop(self: Pin<&mut Self>) {
        sim::might_sleep("freeing a tag set");
        let taken = self.tags.taken();
        if taken != 0 && sim::is_running() {
            sim::violation(&format!(
                "{taken} requests have not ended when their tag set goes"
            ));
        }
    }
}
