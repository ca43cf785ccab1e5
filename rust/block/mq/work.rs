// SPDX-License-Identifier: GPL-2.0

//! Requests as items of work: what carries one out is always there, with the request.

use super::request::{
    Pdu,
    Request, //
};
use crate::{
    bindings,
    workqueue::OwnedQueue, //
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::workqueue::{
    HasWork,
    RawWorkItem,
    Work,
    WorkItem,
    WorkItemPointer, //
};

impl<D> Request<D>
where
    D: Send + Sync + WorkItem<Pointer = Request<D>> + HasWork<D> + 'static,
{
    /// Hands the request to a queue, in whose worker [`WorkItem::run`] gets it. Any context.
    pub fn enqueue(self, queue: impl FnOnce(&D) -> &OwnedQueue) {
        let queue = NonNull::from(queue(self.data_ref()));
        // SAFETY: The queue is there: the request, and so its data, is ours until it was queued. Then it
        // may run, and the queue go, which C looks at no more.
        unsafe { OwnedQueue::enqueue_on(queue, self) };
    }
}

// SAFETY: The item lies in the data of the request, which is there until the request has ended: not
// before it has run, since it belongs to the item until then.
unsafe impl<D, const ID: u64> RawWorkItem<ID> for Request<D>
where
    D: Send + Sync + WorkItem<ID, Pointer = Request<D>> + HasWork<D, ID>,
{
    type EnqueueOutput = ();

    unsafe fn __enqueue<F>(self, queue_work_on: F)
    where
        F: FnOnce(*mut bindings::work_struct) -> bool,
    {
        let rq = ManuallyDrop::new(self);
        let data = (&raw const *rq.data_ref()).cast_mut();
        // SAFETY: The data is valid, and so is the item in it.
        let work = unsafe { Work::raw_get(D::raw_get_work(data)) };
        // It cannot be queued already: the task that has queued it has given the request away.
        let _ = queue_work_on(work);
    }
}

// SAFETY: The item of `__enqueue` is a `Work<D, ID>` of data whose pointer is a request, so that it was
// initialized with this function.
unsafe impl<D, const ID: u64> WorkItemPointer<ID> for Request<D>
where
    D: Send + Sync + WorkItem<ID, Pointer = Request<D>> + HasWork<D, ID>,
{
    unsafe extern "C" fn run(work: *mut bindings::work_struct) {
        // SAFETY: The item comes from `__enqueue`, so it lies in the data of a request, which lies right
        // behind the request, and was given to the item.
        let rq = unsafe {
            let data = D::work_container_of(work.cast::<Work<D, ID>>());
            Self::from_raw(Pdu::request_of(data))
        };
        D::run(rq);
    }
}
