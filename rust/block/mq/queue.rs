// SPDX-License-Identifier: GPL-2.0

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    sync::aref::{
        ARef,
        AlwaysRefCounted, //
    },
    types::Opaque, //
};

/// A request queue.
///
/// A reference keeps the queue alive, not its disk, so the data of a disk may hold one.
///
/// # Examples
///
/// ```ignore
/// // There is room again: take what was rejected with `DEV_RESOURCE`.
/// queue.run_hw_queues();
/// ```
///
/// # Invariants
///
/// `self.0` is a valid `struct request_queue` with a positive reference count.
#[repr(transparent)]
pub struct RequestQueue(Opaque<bindings::request_queue>);

// SAFETY: A queue has no thread affinity.
unsafe impl Send for RequestQueue {}

// SAFETY: All that a `&RequestQueue` allows is synchronized by the block layer.
unsafe impl Sync for RequestQueue {}

// SAFETY: The block layer counts references.
unsafe impl AlwaysRefCounted for RequestQueue {
    fn inc_ref(&self) {
        // SAFETY: By the type invariant, the queue is valid.
        unsafe { bindings::blk_queue_ref(self.0.get()) };
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives up a reference.
        unsafe { bindings::blk_put_queue(obj.as_ref().0.get()) };
    }
}

impl RequestQueue {
    /// Returns the queue of a disk.
    ///
    /// # Safety
    ///
    /// `disk` must be a valid disk with a queue.
    pub(in crate::block) unsafe fn from_disk(disk: NonNull<bindings::gendisk>) -> ARef<Self> {
        // SAFETY: By the safety requirements of this function.
        let queue = unsafe { &*(*disk.as_ptr()).queue.cast::<Self>() };
        queue.into()
    }

    /// Lets the hardware queues dispatch what waits for it, in the context of a worker.
    ///
    /// Callable in any context but a hard interrupt.
    pub fn run_hw_queues(&self) {
        // SAFETY: By the type invariant, the queue is valid.
        unsafe { bindings::blk_mq_run_hw_queues(self.0.get(), true) };
    }
}
