// SPDX-License-Identifier: GPL-2.0

//! Whether a bio is in flight, and the status of its last completion.

use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Full,
    Relaxed,
    Release, //
};

/// The bio may be submitted.
const IDLE: u32 = 0;

/// The bio is in flight.
const BUSY: u32 = 1;

/// The bio has completed with status zero; for others, that is added.
const DONE: u32 = 2;

/// The owner of a bio that is submitted again and again.
///
/// The task that begins a flight owns the bio until the flight ends. The flight ends when the bio
/// completes; its status can be taken once. Once it was, the next flight can begin.
pub(super) struct Flight(Atomic<u32>);

impl Flight {
    /// Makes the state of a bio that was never submitted.
    pub(super) fn new() -> Self {
        Self(Atomic::new(IDLE))
    }

    /// Begins a flight; returns whether that was possible.
    pub(super) fn begin(&self) -> bool {
        self.0.cmpxchg(IDLE, BUSY, Acquire).is_ok()
    }

    /// Ends the flight with a status. From now on the caller does not own the bio.
    pub(super) fn end(&self, status: u8) {
        self.0.store(DONE + u32::from(status), Release);
    }

    /// Takes the status of the last flight, once that has ended.
    pub(super) fn take_status(&self) -> Option<u8> {
        let state = self.0.load(Relaxed);
        let status = state.checked_sub(DONE)?;
        self.0.cmpxchg(state, IDLE, Full).ok()?;
        Some(status as u8)
    }
}
