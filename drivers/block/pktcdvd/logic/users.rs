// SPDX-License-Identifier: GPL-2.0

//! Who has a device open, and the end of what the last close ends.
//!
//! ```text
//! Settled -> Opening -> Settled
//! Settled -> Closing -+-> Ended -----+-> Leaving -> Settled
//!                     +-> Abandoned -+
//! Settled -> Removed
//! ```
//!
//! The last closer of a drive waits until the thread has ended the session, and drops it. If that
//! takes too long it goes on, and the thread drops the session when it has ended.

/// Why an opener, or the removal of the device, is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The device is being removed.
    Removed,
    /// It is open, or a session begins or ends.
    Busy,
}

/// What openers have to wait for.
#[derive(Debug)]
enum Phase<S> {
    /// Nothing.
    Settled,
    /// Somebody opens the device, which may begin a session.
    Opening,
    /// The thread is to end the session, and the closer waits for that.
    Closing,
    /// The thread has ended the session; the closer has not taken it yet.
    Ended(S),
    /// The thread is to end the session. The closer waits no longer.
    Abandoned,
    /// The session is being dropped.
    Leaving,
    /// There will be no opener any more.
    Removed,
}

/// Who has a device open. `S` is a session that has ended.
///
/// The disk keeps its opens and closes apart, so that there is one of them at a time.
#[derive(Debug)]
pub struct Users<S> {
    count: u32,
    phase: Phase<S>,
}

impl<S> Default for Users<S> {
    fn default() -> Self {
        Self {
            count: 0,
            phase: Phase::Settled,
        }
    }
}

impl<S> Users<S> {
    /// How often the device is open.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Lets somebody begin to open the device; returns whether he is the first.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], if there is no opening it now.
    pub fn begin_open(&mut self) -> Result<bool, Refusal> {
        match self.phase {
            Phase::Settled => {
                self.phase = Phase::Opening;
                Ok(self.count == 0)
            }
            Phase::Removed => Err(Refusal::Removed),
            _ => Err(Refusal::Busy),
        }
    }

    /// Notes what came of opening the device, which [`Users::begin_open`] has allowed.
    ///
    /// # Errors
    ///
    /// The error that opening it had, or [`Refusal::Busy`] if it is open too often.
    pub fn end_open<E: From<Refusal>>(&mut self, opened: Result<(), E>) -> Result<(), E> {
        self.phase = Phase::Settled;
        opened?;
        self.count = self.count.checked_add(1).ok_or(Refusal::Busy)?;
        Ok(())
    }

    /// Notes that an opener is gone. Returns whether he was the last, and has to wait for the
    /// session to end: that is so only for devices that have one `while_open`.
    pub fn close(&mut self, while_open: bool) -> bool {
        self.count = self.count.saturating_sub(1);
        let ends = self.count == 0 && while_open;
        if ends {
            self.phase = Phase::Closing;
        }
        ends
    }

    /// The closer waits no longer. Returns the session if it has ended, to be dropped before
    /// [`Users::settle`]. Otherwise whoever ends it does that.
    pub fn stop_waiting(&mut self) -> Option<S> {
        match core::mem::replace(&mut self.phase, Phase::Leaving) {
            Phase::Ended(session) => Some(session),
            _ => {
                self.phase = Phase::Abandoned;
                None
            }
        }
    }

    /// Notes that a session has ended. Returns it if nobody waits for it, to be dropped before
    /// [`Users::settle`].
    pub fn session_ended(&mut self, session: S) -> Option<S> {
        if let Phase::Closing = self.phase {
            self.phase = Phase::Ended(session);
            return None;
        }
        self.phase = Phase::Leaving;
        Some(session)
    }

    /// Notes that the session that had ended was dropped: the device may be opened again.
    pub fn settle(&mut self) {
        self.phase = Phase::Settled;
    }

    /// Refuses all openers from now on, unless there is one, or a session begins or ends.
    ///
    /// # Errors
    ///
    /// [`Refusal::Busy`], if so.
    pub fn retire(&mut self) -> Result<(), Refusal> {
        match self.phase {
            Phase::Settled | Phase::Removed if self.count == 0 => {
                self.phase = Phase::Removed;
                Ok(())
            }
            _ => Err(Refusal::Busy),
        }
    }
}
