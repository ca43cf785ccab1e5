// SPDX-License-Identifier: GPL-2.0

use crate::bindings;
use core::{
    any::Any,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time, //
};

/// A reference to a request queue of a disk with a blk-mq front.
///
/// It keeps the queue and its tag set, not the disk, so the data of a disk may hold one.
///
/// # Examples
///
/// ```
/// # fn example(queue: rb::block::mq::RequestQueue) {
/// // There is room again: take what was rejected with `DEV_RESOURCE`.
/// queue.run_hw_queues();
/// # }
/// ```
///
/// # Invariants
///
/// `queue` is a valid `struct request_queue` of the tag set, that a reference is held to.
pub struct RequestQueue {
    queue: NonNull<bindings::request_queue>,
    /// The tag set. Dropped after the reference to the queue.
    _tag_set: Arc<dyn Any + Send + Sync>,
}

// SAFETY: A queue has no thread affinity.
unsafe impl Send for RequestQueue {}

// SAFETY: All that a `&RequestQueue` allows is synchronized by the block layer.
unsafe impl Sync for RequestQueue {}

impl RequestQueue {
    /// Takes a reference to the queue of a disk.
    ///
    /// # Safety
    ///
    /// `disk` must be a valid disk with a queue of `tag_set`.
    pub(in crate::block) unsafe fn from_disk(
        disk: NonNull<bindings::gendisk>,
        tag_set: Arc<dyn Any + Send + Sync>,
    ) -> Self {
        // SAFETY: By the safety requirements of this function, the disk has a queue, and holds a
        // reference to it, so another one may be taken.
        let queue = unsafe {
            let queue = (*disk.as_ptr()).queue;
            bindings::blk_queue_ref(queue);
            NonNull::new_unchecked(queue)
        };
        // INVARIANT: The reference was taken.
        Self {
            queue,
            _tag_set: tag_set,
        }
    }

    /// Lets the hardware queues dispatch what waits for it, in the context of a worker.
    ///
    /// Callable in any context but a hard interrupt.
    pub fn run_hw_queues(&self) {
        // SAFETY: By the type invariant, the queue and its tag set are valid.
        unsafe { bindings::blk_mq_run_hw_queues(self.queue.as_ptr(), true) };
    }

    /// Returns how many requests of each kind of hardware queue the block layer has at a time, before
    /// their submitters wait for one to end. If fewer are allowed of those that nobody waits for,
    /// returns how many of these.
    ///
    /// Users may change it any time, and so does the choice of a scheduler, which may also leave a part
    /// of it to others. Any context.
    pub fn async_depth(&self) -> u32 {
        let queue = self.queue.as_ptr();
        // SAFETY: By the type invariant, the queue is valid. Both are plain numbers, of which each
        // value is a valid one, and which the block layer reads without a lock, too.
        let (requests, of_async) = unsafe {
            (
                (&raw const (*queue).nr_requests).read_volatile(),
                (&raw const (*queue).async_depth).read_volatile(),
            )
        };
        requests.min(of_async)
    }

    /// Sets how long a started request may take until [`Operations::timeout`] is called, in seconds;
    /// for requests started from now on.
    ///
    /// [`Operations::timeout`]: super::Operations::timeout
    pub fn set_timeout(&self, seconds: u32) {
        let milliseconds = seconds.saturating_mul(1000).min(c_int::MAX as c_uint);
        let jiffies = time::msecs_to_jiffies(milliseconds);
        let jiffies = c_uint::try_from(jiffies).unwrap_or(c_uint::MAX);
        // SAFETY: By the type invariant, the queue is valid.
        unsafe { bindings::blk_queue_rq_timeout(self.queue.as_ptr(), jiffies) };
    }

    /// Lets the block layer send no more discards. Any context.
    pub fn disable_discard(&self) {
        // SAFETY: By the type invariant, the queue is valid.
        unsafe { bindings::blk_queue_disable_discard(self.queue.as_ptr()) };
    }

    /// Lets the block layer send no more writes of zeroes, but write them itself. Any context.
    pub fn disable_write_zeroes(&self) {
        // SAFETY: By the type invariant, the queue is valid.
        unsafe { bindings::blk_queue_disable_write_zeroes(self.queue.as_ptr()) };
    }
}

impl Drop for RequestQueue {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, a reference is held.
        unsafe { bindings::blk_put_queue(self.queue.as_ptr()) };
    }
}
