// SPDX-License-Identifier: GPL-2.0

//! Having the lower device put on the medium what it has cached.
//!
//! What was written to a drive stays in its buffer as long as that is not needed for something else.
//! If the drive cannot keep what it has cached, what was written since it last could is written once
//! more, if all of it is still there, and the drive is asked again.

use super::{
    Packet,
    Packets, //
};
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

/// What is done about what the drive could not keep.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rescue {
    /// Nothing, or not yet.
    None,
    /// It is being written again, because of this error.
    Writing(BlkError),
    /// The drive is asked once more.
    Syncing,
}

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
        if device.is_dirty() || self.rescue != Rescue::None {
            self.wants_sync = self.rescue == Rescue::None;
            self.flushing = Some(rq);
        } else {
            rq.end(self.unreported.take().map_or(Ok(()), Err));
        }
    }

    /// Takes what came of the drive's attempt.
    pub(crate) fn synced(&mut self, device: &Device, result: BlkResult) {
        device.flush_done(result);
        match result {
            Err(err) if self.rescue == Rescue::None && self.write_again() => {
                self.rescue = Rescue::Writing(err);
            }
            // A read had it done: what was lost before is not all there again.
            Ok(()) if matches!(self.rescue, Rescue::Writing(_)) => {}
            _ => self.conclude(result),
        }
    }

    /// Takes that the drive has lost what it had cached.
    pub(crate) fn cache_lost(&mut self, device: &Device) {
        // What has been written again until now may be lost, too.
        if device.is_dirty() || self.rescue != Rescue::None {
            self.wants_sync = false;
            if self.write_again() {
                self.rescue = Rescue::Writing(BlkError::IOERR);
            } else {
                self.conclude(Err(BlkError::IOERR));
            }
        }
    }

    /// Has all written again that the drive may have lost; returns whether all is still there.
    fn write_again(&mut self) -> bool {
        let mut unflushed = self.list.iter().filter(|packet| packet.is_unflushed());

        if self.forgotten || !unflushed.all(Packet::can_write_again) {
            return false;
        }
        self.list
            .iter_mut()
            .filter(|packet| packet.is_unflushed())
            .for_each(Packet::write_again);
        true
    }

    /// Has the drive asked again when all is written again.
    pub(super) fn go_on_rescuing(&mut self) -> bool {
        let Rescue::Writing(err) = self.rescue else {
            return false;
        };
        if self.list.iter().any(Packet::is_written_again) {
            return false;
        }
        if self
            .list
            .iter()
            .any(|p| p.is_unflushed() && p.is_idle() && !p.is_cached())
        {
            self.conclude(Err(err));
        } else {
            self.rescue = Rescue::Syncing;
            self.wants_sync = true;
        }
        true
    }

    /// Tells who waits: what the drive could not keep is an error of the flush that has asked for
    /// it, or else of the next.
    fn conclude(&mut self, result: BlkResult) {
        self.rescue = Rescue::None;
        // Reads that wait for it go on then; but not if it was about something else.
        self.sync_failed = result.is_err() && self.flushing.is_none();
        // What could not be kept is reported once; then it is as it is.
        self.forgotten = false;
        self.list.iter_mut().for_each(Packet::flushed);

        match self.flushing.take() {
            Some(rq) => {
                let before = self.unreported.take();
                rq.end(result.and(before.map_or(Ok(()), Err)));
            }
            None => self.unreported = self.unreported.or(result.err()),
        }
    }
}
