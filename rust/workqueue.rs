// SPDX-License-Identifier: GPL-2.0

//! Work queues of one's own, which drain before they go.
//!
//! Work on a queue of the system may outlive the one who queued it, and so the module. Work on an
//! [`OwnedQueue`] does not. The work items are those of [`kernel::workqueue`].
//!
//! Not supported: delayed work, whose timer the queue would not wait for.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    alloc::{
        AllocError,
        Flags as AllocFlags, //
    },
    impl_flags, impl_has_work, new_work,
    prelude::*,
    workqueue::{
        Queue,
        RawWorkItem,
        Work,
        WorkItem, //
    },
};

impl_flags!(
    /// Properties of a queue.
    #[derive(Debug, Clone, Default, Copy, PartialEq, Eq)]
    pub struct Flags(u32);

    /// A property of a queue.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Flag {
        /// Work runs on every CPU, not only on the one that queued it.
        Unbound = bindings::wq_flags_WQ_UNBOUND,
        /// Work may be needed to get memory back: it has a thread even when there is no memory.
        MemReclaim = bindings::wq_flags_WQ_MEM_RECLAIM,
        /// Work runs before that of others.
        HighPri = bindings::wq_flags_WQ_HIGHPRI,
        /// Work stops when the system is suspended.
        Freezable = bindings::wq_flags_WQ_FREEZABLE,
    }
);

/// A work queue that belongs to the one who made it.
///
/// Dropping it waits for all work on it, also for what that queues, so its work must not drop it.
///
/// # Invariants
///
/// The queue exists, and nobody else destroys it. There is no delayed work on it.
///
/// # Examples
///
/// ```
/// # use kernel::{impl_has_work, new_work, sync::Arc, workqueue::{Work, WorkItem}};
/// # use rb::workqueue::{Flag, OwnedQueue};
/// # #[pin_data]
/// # struct Cache {
/// #     #[pin]
/// #     work: Work<Cache>,
/// # }
/// # impl_has_work! {
/// #     impl HasWork<Self> for Cache { self.work }
/// # }
/// # impl WorkItem for Cache {
/// #     type Pointer = Arc<Self>;
/// #     fn run(_: Arc<Self>) {}
/// # }
/// # let init = pin_init!(Cache { work <- new_work!("Cache::work") });
/// # let cache = Arc::pin_init(init, GFP_KERNEL)?;
/// let queue = OwnedQueue::new(c"cache", Flag::MemReclaim | Flag::Unbound, 1)?;
/// let _ = queue.enqueue(cache.clone()); // An `Arc` with a `Work` in it.
/// queue.flush();
/// ```
pub struct OwnedQueue(NonNull<bindings::workqueue_struct>);

// SAFETY: Any thread may use and destroy a queue.
unsafe impl Send for OwnedQueue {}

// SAFETY: Queues are locked by C.
unsafe impl Sync for OwnedQueue {}

impl OwnedQueue {
    /// Makes a queue that runs up to `max_active` of its work at a time (0: as many as usual).
    ///
    /// Process context, may sleep.
    pub fn new(name: &CStr, flags: impl Into<Flags>, max_active: u32) -> Result<Self> {
        let mut flags: u32 = flags.into().into();
        // C wants to be told one of the two.
        if flags & bindings::wq_flags_WQ_UNBOUND == 0 {
            flags |= bindings::wq_flags_WQ_PERCPU;
        }
        // SAFETY: The format takes one string.
        let raw = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                flags,
                max_active.try_into()?,
                name.as_char_ptr(),
            )
        };
        // INVARIANT: It was made just now.
        Ok(Self(NonNull::new(raw).ok_or(ENOMEM)?))
    }

    /// The queue as the `kernel` crate knows it: not for others, who might queue delayed work.
    fn queue(&self) -> &Queue {
        // SAFETY: By the type invariant, the queue exists as long as we do.
        unsafe { Queue::from_raw(self.0.as_ptr()) }
    }

    /// Queues a work item; fails if it is queued, and not yet running, somewhere.
    ///
    /// Every context but a non-maskable interrupt.
    pub fn enqueue<W, const ID: u64>(&self, work: W) -> W::EnqueueOutput
    where
        W: RawWorkItem<ID> + Send + 'static,
    {
        self.queue().enqueue(work)
    }

    /// As [`enqueue`](Self::enqueue), on a queue that may go once the work was queued.
    ///
    /// # Safety
    ///
    /// The queue must be there when this is called, until the work was queued.
    pub(crate) unsafe fn enqueue_on<W, const ID: u64>(
        this: NonNull<Self>,
        work: W,
    ) -> W::EnqueueOutput
    where
        W: RawWorkItem<ID> + Send + 'static,
    {
        // SAFETY: By the safety requirements of this function.
        let queue = unsafe { this.as_ref() }.0;
        // SAFETY: The queue exists until the work was queued; C looks at it no more then.
        unsafe { Queue::from_raw(queue.as_ptr()) }.enqueue(work)
    }

    /// Queues a function. Fails if there is no memory for it.
    pub fn try_spawn<F: FnOnce() + Send + 'static>(
        &self,
        flags: AllocFlags,
        f: F,
    ) -> Result<(), AllocError> {
        let init = pin_init!(Call {
            work <- new_work!("rb::workqueue::Call::work"),
            f: Some(f),
        });

        self.enqueue(KBox::pin_init(init, flags).map_err(|_| AllocError)?);
        Ok(())
    }

    /// Waits for all work that has been queued so far. Process context.
    pub fn flush(&self) {
        // SAFETY: By the type invariant, the queue exists.
        unsafe { bindings::__flush_workqueue(self.0.as_ptr()) };
    }
}

/// A function that runs as work.
///
/// The `kernel` crate has such a type, too, but the lock class of its work is one for all modules,
/// under a name that is in another place in each.
#[pin_data]
struct Call<F> {
    #[pin]
    work: Work<Call<F>>,
    f: Option<F>,
}

impl_has_work! {
    impl{F} HasWork<Self> for Call<F> { self.work }
}

impl<F: FnOnce() + Send + 'static> WorkItem for Call<F> {
    type Pointer = Pin<KBox<Self>>;

    fn run(mut this: Pin<KBox<Self>>) {
        if let Some(f) = this.as_mut().project().f.take() {
            f();
        }
    }
}

impl Drop for OwnedQueue {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the queue exists, and only we destroy it.
        unsafe { bindings::destroy_workqueue(self.0.as_ptr()) };
    }
}
