// SPDX-License-Identifier: GPL-2.0

//! Whether a bio is in flight, and with what it has completed.

use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Release, //
};

/// From a submission to its completion, to whose result, and to the next submission.
///
/// Whoever begins a flight owns what the bio consists of, until it has ended.
pub(super) struct Flight {
    busy: Atomic<bool>,
    /// Zero, or one more than the status of the last completion.
    result: Atomic<u32>,
}

impl Flight {
    /// Not in flight, and without a result.
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

    /// Ends the flight with a status. The caller no longer owns what the bio consists of.
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
