// SPDX-License-Identifier: GPL-2.0

//! Writing once more what the lower device could not keep.

use super::{
    Io,
    Packet, //
};
use crate::session::Active;
use rb::block::error::BlkResult;

impl Packet {
    /// Returns whether the buffer has what the lower device may have cached only.
    pub(crate) fn is_unflushed(&self) -> bool {
        self.unflushed
    }

    /// Returns whether a write is to come that brings back what the lower device has lost.
    pub(crate) fn is_written_again(&self) -> bool {
        self.again || self.owed
    }

    /// Notes that the lower device has flushed its cache.
    pub(crate) fn flushed(&mut self) {
        // What is being written was not in it, or not for sure.
        self.unflushed &= self.in_flight.is_some();
    }

    /// Returns whether the buffer still has what the lower device may have lost.
    ///
    /// A packet that is not free has it as well, and is about to be written as a whole.
    pub(crate) fn can_write_again(&self) -> bool {
        !self.is_idle() || self.is_cached()
    }

    /// Has the packet written that the lower device may have lost. No write of it is under way.
    pub(crate) fn write_again(&mut self) {
        if self.is_cached() {
            self.again = true;
            self.ready = Some(Io::Write);
        } else {
            self.owed = !self.again;
        }
    }

    /// Takes what came of a second write.
    pub(super) fn written_again(&mut self, device: &Active<'_>, result: BlkResult) {
        self.again = false;
        device.set_dirty();
        if let (Err(err), Some(zone)) = (result, self.state.zone()) {
            self.state.invalidate();
            device.session.io_failed();
            device.packet_error(zone, Io::Write, err);
        }
    }
}
