// SPDX-License-Identifier: GPL-2.0

use super::request::Request;
use crate::{
    bindings,
    block::{
        bdev::BdevFile,
        bio::Command,
        bio_set::BioSet,
        error::{
            to_result,
            BlkResult, //
        },
        submission,
    },
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::sync::atomic::{
    Full,
    Relaxed, //
};

/// What becomes of a request that was forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// It ends.
    End(BlkResult),
    /// blk-mq hands it to the driver again, soon and from a worker.
    Requeue,
}

/// The operations of a tag set, and what C does not know of them.
///
/// # Invariants
///
/// The operations of each tag set whose requests have the data `D` are the first field of one of
/// these.
#[repr(C)]
pub(super) struct MqOps<D: Send + Sync> {
    raw: bindings::blk_mq_ops,
    /// Reports to the driver that a request was forwarded, with this result, and asks what becomes of it.
    forwarded: unsafe fn(&Request<D>, BlkResult) -> Forwarded,
}

impl<D: Send + Sync> MqOps<D> {
    /// # Safety
    ///
    /// `raw` must be for requests with the data `D`. `forwarded` must be callable, for requests of
    /// tag sets with these operations.
    pub(super) const unsafe fn new(
        raw: bindings::blk_mq_ops,
        forwarded: unsafe fn(&Request<D>, BlkResult) -> Forwarded,
    ) -> Self {
        Self { raw, forwarded }
    }

    /// Returns the operations as C wants them.
    pub(super) fn as_raw(&'static self) -> *const bindings::blk_mq_ops {
        // Of all of it, so that the rest is found from there.
        core::ptr::from_ref(self).cast()
    }

    /// Returns the operations that a request belongs to.
    fn of(rq: &Request<D>) -> &Self {
        // SAFETY: By its type invariant, the request is valid and its tag set has data `D`, so that
        // by that of this type the operations are the beginning of one; they are static.
        unsafe { &*(*(*rq.0.as_ptr()).q).mq_ops.cast() }
    }
}

impl<D: Send + Sync> Request<D> {
    /// Hands the request to a lower device as it is: same sectors, same data.
    ///
    /// When the lower device has completed it, [`Operations::forwarded`] is called, exactly once,
    /// maybe before this returns. A flush becomes a flush of the lower device.
    ///
    /// Process context; may sleep. Each bio of the request takes one from `bios`, and has gone down
    /// before the next is taken, so a reserve of one makes progress. Where bios would be queued, as
    /// in [`Operations::queue_rq`] for a task that submits, the request is given back in place of
    /// that, and comes again from a worker.
    ///
    /// [`Operations::forwarded`]: super::Operations::forwarded
    /// [`Operations::queue_rq`]: super::Operations::queue_rq
    pub fn forward(self, lower: &BdevFile, bios: &BioSet) {
        if submission::is_queued() {
            return self.requeue();
        }
        let rq = ManuallyDrop::new(self);
        let pdu = rq.pdu();
        // One for this function, so that the request cannot complete before all is submitted.
        pdu.pending.store(1, Relaxed);
        pdu.status.store(0, Relaxed);
        // SAFETY: We own the request, and with it `inflight`.
        unsafe { *pdu.inflight.get() = Some([lower.begin_io(), bios.begin_use()]) };

        if rq.command() == Command::Flush {
            // SAFETY: The pool hands out bios that are initialized for the open lower device.
            let bio = unsafe {
                bindings::bio_alloc_bioset(
                    lower.as_raw(),
                    0,
                    bindings::req_op_REQ_OP_WRITE | bindings::REQ_PREFLUSH | bindings::REQ_SYNC,
                    bindings::GFP_NOIO,
                    bios.as_raw(),
                )
            };
            rq.submit_part(bio);
        } else {
            for source in rq.bios() {
                // SAFETY: The source is valid, and lives until the request is ended, which the
                // clone precedes.
                let bio = unsafe {
                    bindings::bio_alloc_clone(
                        lower.as_raw(),
                        source.as_raw(),
                        bindings::GFP_NOIO,
                        bios.as_raw(),
                    )
                };
                rq.submit_part(bio);
            }
        }
        Self::put_part(rq.0);
    }

    /// Submits a bio on behalf of the request, or notes that there was none.
    fn submit_part(&self, bio: *mut bindings::bio) {
        if bio.is_null() {
            self.pdu()
                .status
                .store(u32::from(bindings::BLK_STS_RESOURCE), Relaxed);
            return;
        }

        self.pdu().pending.fetch_add(1, Relaxed);
        // SAFETY: The bio is ours, and was not submitted. `end_io` finds the request, which stays
        // valid as it cannot end before.
        unsafe {
            // That the submitter could not wait, or polls, is about the upper device. This can wait.
            (*bio).bi_opf &= !(bindings::REQ_NOWAIT | bindings::REQ_POLLED);
            (*bio).bi_private = self.0.as_ptr().cast();
            (*bio).bi_end_io = Some(Self::end_io);
            bindings::submit_bio(bio);
        }
    }

    /// # Safety
    ///
    /// Only the block layer may call this, for a bio that `submit_part` has submitted.
    unsafe extern "C" fn end_io(bio: *mut bindings::bio) {
        // SAFETY: `submit_part` has put a request there, which has not ended.
        let rq = ManuallyDrop::new(unsafe {
            Self::from_raw(NonNull::new_unchecked((*bio).bi_private.cast()))
        });

        // SAFETY: The bio is valid, and ours to put.
        let status = unsafe { (*bio).bi_status };
        if status != 0 {
            // The first error is the one to report; which one that is does not matter.
            let _ = rq.pdu().status.cmpxchg(0, u32::from(status), Relaxed);
        }
        // SAFETY: As above.
        unsafe { bindings::bio_put(bio) };
        Self::put_part(rq.0);
    }

    /// Drops one of the parts that `pending` counts; the last one completes the request.
    fn put_part(rq: NonNull<bindings::request>) {
        // SAFETY: The request is owned by all its parts together.
        let rq = ManuallyDrop::new(unsafe { Self::from_raw(rq) });
        if rq.pdu().pending.fetch_sub(1, Full) != 1 {
            return;
        }

        // INVARIANT: This was the last part, so the request is ours again.
        let rq = ManuallyDrop::into_inner(rq);
        let status = rq.pdu().status.load(Relaxed) as bindings::blk_status_t;
        // SAFETY: We own the request, and with it `inflight`.
        let inflight = unsafe { (*rq.pdu().inflight.get()).take() };
        let forwarded = MqOps::of(&rq).forwarded;

        // SAFETY: The request is of a tag set with these operations; its disk lives at least until
        // it has ended.
        let verdict = unsafe { forwarded(&rq, to_result(status)) };
        // The disk may go with its last request, so nothing of the driver is used from here on.
        match verdict {
            Forwarded::End(result) => rq.end(result),
            Forwarded::Requeue => rq.requeue(),
        }
        // Last: now the driver may close the lower device, drop the pool, and go.
        drop(inflight);
    }
}
