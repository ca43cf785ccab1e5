// SPDX-License-Identifier: GPL-2.0

//! Having the lower device put on the medium what it has cached; see [`logic::flusher`].
//!
//! [`logic::flusher`]: crate::logic::flusher

use super::Packets;
use crate::{
    engine::{
        active::Active,
        forward,
        hub::Hub,
        pieces::PacketRequest, //
    },
    logic::flusher::Ended, //
};
use rb::block::error::{
    BlkError,
    BlkResult, //
};

impl Packets {
    /// Carries out a flush, at once or when the drive has been asked.
    ///
    /// The block layer sends one flush at a time, so none can overtake another here.
    pub(super) fn flush(&mut self, device: &Active<'_>, rq: PacketRequest) {
        if device.session.is_lost() {
            return rq.end(Err(BlkError::IOERR));
        }
        if device.session.optical.is_none() {
            return forward::flush(device, device.session, rq);
        }
        end(self.flusher.flush(rq, device.is_dirty()));
    }

    /// Takes what came of the drive's attempt.
    pub(crate) fn synced(&mut self, hub: &Hub, result: BlkResult) {
        forward::flush_done(hub, result);
        end(self.flusher.synced(&mut self.list, result));
    }

    /// Takes that the drive has lost what it had cached.
    pub(crate) fn cache_lost(&mut self, hub: &Hub) {
        let dirty = hub.is_dirty();
        let err = BlkError::IOERR;
        end(self.flusher.cache_lost(&mut self.list, dirty, err));
    }

    /// Has the drive asked again when all is written again; returns whether it is.
    pub(super) fn go_on_rescuing(&mut self) -> bool {
        let rewritten = self.flusher.is_rewritten(&self.list);
        if rewritten {
            end(self.flusher.ask_again(&mut self.list));
        }
        rewritten
    }
}

fn end(ended: Ended<PacketRequest, BlkError>) {
    if let Some((rq, result)) = ended {
        rq.end(result);
    }
}
