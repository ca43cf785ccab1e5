// SPDX-License-Identifier: GPL-2.0

//! Requests that go to a lower device as they are.

use super::request::{
    Forwarded,
    Request, //
};
use crate::{
    block::{
        bdev::BdevFile,
        bio::{
            Bio,
            Command,
            Flag, //
        },
        bio_set::BioSet,
        error::BlkResult, //
    },
    sim::lower, //
};
use kernel::sim;
use std::{
    cell::RefCell,
    rc::Rc, //
};

impl<D: Send + Sync + 'static> Request<D> {
    /// Hands the request to a lower device as it is: same sectors, same data.
    pub fn forward(self, lower: &BdevFile, bios: &BioSet) {
        sim::might_sleep("forwarding a request");
        let inflight = [lower.begin_io(), bios.begin_use()];
        let mut parts: Vec<Bio> = self.bios().cloned().collect();
        if self.command() == Command::Flush {
            let flags = Flag::Preflush | Flag::Sync;
            parts.push(Bio::new(Command::Write, flags, 0, 0, Vec::new()));
        }
        for part in &mut parts {
            part.flags = part.flags & !Flag::NoWait;
        }
        // One for this function, so that it cannot complete before all is submitted.
        let shared = Rc::new(RefCell::new((
            parts.len() + 1,
            Ok(()),
            Some((self, inflight)),
        )));
        for part in parts {
            let shared = shared.clone();
            let end = Box::new(move |result| {
                let _irq = sim::atomic("the end of a bio");
                put(&shared, result);
            });
            lower::submit(lower.dev, part, end);
        }
        put(&shared, Ok(()));
    }
}

type Parts<R, G> = RefCell<(usize, BlkResult, Option<(R, G)>)>;

/// Drops one of the parts; the last one completes the request.
fn put<D: Send + Sync + 'static, G>(shared: &Parts<Request<D>, G>, result: BlkResult) {
    let last = {
        let mut shared = shared.borrow_mut();
        shared.0 -= 1;
        shared.1 = shared.1.and(result);
        if shared.0 == 0 {
            shared.2.take().map(|owned| (owned, shared.1))
        } else {
            None
        }
    };
    let Some(((rq, guards), result)) = last else {
        return;
    };
    match rq.ask_forwarded(result) {
        Forwarded::End(result) => rq.end(result),
        Forwarded::Requeue => rq.requeue(),
    }
    drop(guards);
}
