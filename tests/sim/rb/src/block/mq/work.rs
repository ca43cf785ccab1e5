// SPDX-License-Identifier: GPL-2.0

//! Requests as items of work.

use super::request::Request;
use crate::workqueue::OwnedQueue;
use kernel::{
    sim,
    workqueue::{
        HasWork,
        Queued,
        WorkItem, //
    },
};

impl<D> Request<D>
where
    D: Send + Sync + WorkItem<Pointer = Request<D>> + HasWork<D> + 'static,
{
    /// Hands the request to a queue, in whose worker [`WorkItem::run`] gets it.
    pub fn enqueue(self, queue: impl FnOnce(&D) -> &OwnedQueue) {
        sim::point();
        let queue = queue(self.data_ref()).handle();
        if !queue.is_for_reclaim() {
            sim::violation("a request waits for a thread that is not to be had without memory");
        }
        queue.push(Queued::new(move || D::run(self)));
    }
}
