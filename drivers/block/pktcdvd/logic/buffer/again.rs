// SPDX-License-Identifier: GPL-2.0

//! Writing once more what the lower device could not keep.

use super::{
    Buffer,
    Io, //
};

/// The write that brings back what the lower device has lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// None is to come.
    No,
    /// One of the packet that is free.
    Free,
    /// The one that the packet is about to do anyway, with the writes that have joined.
    Joined,
}

impl<E: Copy> Buffer<E> {
    /// Whether the buffer has what the lower device may have cached only.
    pub fn is_unflushed(&self) -> bool {
        self.unflushed
    }

    /// Whether a write is to come that brings back what the lower device has lost.
    pub fn is_written_again(&self) -> bool {
        self.again != Again::No
    }

    /// Notes that the lower device has flushed its cache.
    pub fn flushed(&mut self) {
        // What is being written was not in it, or not for sure.
        self.unflushed &= self.in_flight.is_some();
    }

    /// Whether the buffer still has what the lower device may have lost.
    ///
    /// A packet that is not free has it as well, and is about to be written as a whole.
    pub fn can_write_again(&self) -> bool {
        !self.is_idle() || self.is_cached()
    }

    /// Whether what the buffer had is owed, and it has it no more.
    pub fn has_lost(&self) -> bool {
        self.unflushed && !self.can_write_again()
    }

    /// Has the packet written that the lower device may have lost. No write of it is under way.
    pub fn write_again(&mut self) {
        if self.is_cached() {
            self.again = Again::Free;
            self.ready = Some(Io::Write);
        } else if self.again == Again::No {
            self.again = Again::Joined;
        }
    }

    /// Takes what came of a second write.
    pub(super) fn written_again(&mut self, done: bool) {
        self.again = Again::No;
        if !done {
            self.packet.invalidate();
        }
    }
}
