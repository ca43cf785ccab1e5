// SPDX-License-Identifier: GPL-2.0

//! Tags, and the data of the driver for each.

use crate::{
    new_wait_queue,
    wait::WaitQueue, //
};
use kernel::{
    prelude::*,
    sim, //
};
use std::sync::Mutex;

/// The data of a request.
pub(super) type Data<D> = Pin<KBox<D>>;

/// A tag.
struct Tag<D> {
    taken: bool,
    data: Option<Data<D>>,
}

/// The tags of a set.
#[pin_data]
pub(crate) struct Tags<D: Send + Sync> {
    queues: Mutex<Vec<Vec<Tag<D>>>>,
    #[pin]
    wait: WaitQueue,
}

impl<D: Send + Sync> Tags<D> {
    pub(super) fn new(queues: Vec<Vec<Data<D>>>) -> impl PinInit<Self> {
        let tag = |data| Tag {
            taken: false,
            data: Some(data),
        };
        let queues = queues
            .into_iter()
            .map(|queue| queue.into_iter().map(tag).collect())
            .collect();
        pin_init!(Self {
            queues: Mutex::new(queues),
            wait <- new_wait_queue!("a tag"),
        })
    }

    fn with<R>(&self, queue: u32, f: impl FnOnce(&mut Vec<Tag<D>>) -> R) -> R {
        let mut queues = self
            .queues
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        f(queues
            .get_mut(queue as usize)
            .expect("there is such a queue"))
    }

    /// Takes a tag, if one is free.
    pub(super) fn try_take(&self, queue: u32) -> Option<u32> {
        sim::point();
        self.with(queue, |tags| {
            let mut free = (0..tags.len()).filter(|&tag| !tags[tag].taken);
            let (first, second) = (free.next(), free.next());
            // Not always the first: nobody may count on that.
            let tag = match second {
                Some(second) if sim::once_in(2) => second,
                _ => first?,
            };
            tags[tag].taken = true;
            Some(tag as u32)
        })
    }

    /// Takes a tag; waits until one is free.
    pub(super) fn take(&self, queue: u32) -> u32 {
        let mut tag = None;
        self.wait.wait_event(|| {
            tag = self.try_take(queue);
            tag.is_some()
        });
        tag.unwrap_or(0)
    }

    /// Gives a tag back.
    pub(super) fn give(&self, queue: u32, tag: u32) {
        self.with(queue, |tags| tags[tag as usize].taken = false);
        self.wait.wake_up_all();
    }

    /// Takes the data of a request.
    pub(super) fn take_data(&self, queue: u32, tag: u32) -> Data<D> {
        self.with(queue, |tags| tags[tag as usize].data.take())
            .expect("a request is with one owner")
    }

    /// Gives the data of a request back.
    pub(super) fn give_data(&self, queue: u32, tag: u32, data: Data<D>) {
        self.with(queue, |tags| tags[tag as usize].data = Some(data));
    }

    /// Returns how many tags are taken.
    pub(super) fn taken(&self) -> usize {
        let queues = self
            .queues
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        queues.iter().flatten().filter(|tag| tag.taken).count()
    }
}
