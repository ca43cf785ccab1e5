// SPDX-License-Identifier: GPL-2.0

//! No I/O scheduler, ever: a disk has the requests that it is built with, and no more.
//!
//! A scheduler would need some of its own, which are made when it is asked for. So there can be none.
//! `BLK_MQ_F_NO_SCHED_BY_DEFAULT` alone keeps away only the one that nobody asks for. The flag
//! `QUEUE_FLAG_NO_ELV_SWITCH` would not do: adding the disk clears it, and while it is set, `none` is
//! refused, too, with `ENOENT` and no line in the log.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};
use rb::{
    ratelimit::RateLimit,
    task::CurrentName, //
};

/// Whether more requests can be made for a disk.
#[pin_data]
pub(crate) struct NoElevator {
    index: u32,
    pinned: Atomic<bool>,
    #[pin]
    log_limit: RateLimit,
}

impl NoElevator {
    pub(crate) fn new(index: u32) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                index,
                pinned: Atomic::new(false),
                log_limit <- RateLimit::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// The disk has all its requests.
    pub(crate) fn pin(&self) {
        self.pinned.store(true, Relaxed);
    }

    /// Asks for one request more. Fails with [`EPERM`], and a line in the log, if the disk has all.
    pub(crate) fn allow_request(&self) -> Result {
        if !self.pinned.load(Relaxed) {
            return Ok(());
        }
        if self.log_limit.allows() {
            pr_warn!(
                "nbd{}: the I/O scheduler is pinned to \"none\"; refused a change asked for by {}\n",
                self.index,
                CurrentName::get()
            );
        }
        Err(EPERM)
    }
}
