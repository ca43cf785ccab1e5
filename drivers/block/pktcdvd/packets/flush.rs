// SPDX-License-Identifier: GPL-2.0

//! Having the lower device put on the medium what it has cached.

use super::Packets;
use crate::{
    device::Device,
    disk::Disk,
    session::Active, //
};
use rb::block::{
    error::{
        BlkError,
        BlkResult, //
    },
    mq::Request, //
};

impl Packets {
    /// Carries out a flush, at once or when the drive has been asked.
    ///
    /// The block layer sends one flush at a time, so none can overtake another here.
    pub(super) fn flush(&mut self, device: &Active<'_>, rq: Request<Disk>) {
        if device.session.optical.is_none() {
            return device.flush(device.session, rq);
        }
        if device.session.is_lost() {
            return rq.end(Err(BlkError::IOERR));
        }
        if device.is_dirty() {
            self.wants_sync = true;
            self.flushing = Some(rq);
        } else {
            rq.end(self.unreported.take().map_or(Ok(()), Err));
        }
    }

    /// Takes what came of the drive's attempt.
    ///
    /// What it could not keep is an error of the flush that has asked for it, or else of the next.
    pub(crate) fn synced(&mut self, device: &Device, result: BlkResult) {
        device.flush_done(result);
        self.sync_failed = result.is_err();

        match self.flushing.take() {
            Some(rq) => {
                let before = self.unreported.take();
                rq.end(result.and(before.map_or(Ok(()), Err)));
            }
            None => self.unreported = self.unreported.or(result.err()),
        }
    }
}
