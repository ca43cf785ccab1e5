// SPDX-License-Identifier: GPL-2.0

//! Whether a bio is in flight, and the status of its last completion.

use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Release, //
};

/// Tells who owns a bio that is submitted again and again.
///
/// Whoever begins a flight owns the bio until the flight ends. The flight ends when the bio
/// completes; its status can be taken once. Whoever has taken it can begin the next flight.
pub(super) struct Flight {
    busy: Atomic<bool>,
    /// Zero, or one more than the status of the last completion.
    result: Atomic<u32>,
}

impl Flight {
    /// Makes the state of a bio that was never submitted.
    pub(super) fn new() -> Self {
        Self {
            busy: Atomic::new(false),
            result: Atomic::new(0),
        }
    }

    /// Begins a flight; returns whether there was none.
    pub(super) fn begin(&self) -> bool {
        !self.busy.xchg(true, Acquire)
    }

    /// Ends the flight with a status. From now on the caller does not own the bio.
    pub(super) fn end(&self, status: u8) {
        self.busy.store(false, Release);
        // Second, so that whoever has taken the result can begin.
        self.result.store(u32::from(status) + 1, Release);
    }

    /// Takes the status of the last flight, once that has ended.
    pub(super) fn take_status(&self) -> Option<u8> {
        let status = self.result.xchg(0, Acquire).checked_sub(1)?;
        Some(status as u8)
    }
}
