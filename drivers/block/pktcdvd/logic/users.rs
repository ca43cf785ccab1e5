// SPDX-License-Identifier: GPL-2.0

//! The openers of a device, and the states of its session.
//!
//! ```text
//! Idle -> Opening -> Open -+-----------------> Ending -> Closing -> Idle
//!            ^             +-> Lingering -+----^
//!            +----------------------------+
//! Idle -> Removed
//! ```
//!
//! A session with an optical drive begins with the first opener. After the last one it ends at
//! once, or it lingers: then the next opener takes it over, or its time runs out. The thread of the
//! device ends it; another thread closes the drive, which may take minutes.

/// Why an opener, or the removal of the device, is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The device is being removed.
    Removed,
    /// It is open, or a session begins, lingers or ends.
    Busy,
}

/// How a device is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// The first one: there is no session with a drive.
    First,
    /// One more.
    Another,
    /// One that takes over the session that lingers.
    Heir,
}

/// What becomes of the session after the last close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The session of the device is as long as the mapping.
    Stay,
    /// The session ends.
    End,
    /// The session lingers from this time on, in nanoseconds of any clock. If it has lingered
    /// before, and no opener since could write, it lingers from the earlier time on.
    Linger(u64),
}

/// What the thread of the device does about the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Serves I/O.
    Serve,
    /// Has the cache of the drive flushed, and looks again after this time, in nanoseconds.
    Linger(u64),
    /// Ends the session as soon as nothing is left to do.
    End,
}

/// The phase in the life of a session. `S` is a session that has ended.
#[derive(Debug)]
enum Phase<S> {
    /// The device is not open, and there is no session with a drive.
    Idle,
    /// Somebody opens the device.
    Opening(Before),
    /// The device is open.
    Open,
    /// The device is not open since that time, but the drive is.
    Lingering(u64),
    /// The thread is to end the session.
    Ending,
    /// The session has ended. It stays here until the thread that closes the drive takes it.
    Closing(Option<S>),
    /// The device is being removed: nobody can open it any more.
    Removed,
}

/// What a device returns to if it cannot be opened.
#[derive(Debug, Clone, Copy)]
enum Before {
    Idle,
    Open,
    Lingering(u64),
}

/// The openers of a device. `S` is a session that has ended.
///
/// The block layer calls open and release of a disk one at a time.
#[derive(Debug)]
pub struct Users<S> {
    count: u32,
    /// Whether the session had an opener who could write.
    written: bool,
    /// The time from which the session lingers, if no opener since could write.
    since: Option<u64>,
    phase: Phase<S>,
}

impl<S> Default for Users<S> {
    fn default() -> Self {
        Self {
            count: 0,
            written: false,
            since: None,
            phase: Phase::Idle,
        }
    }
}

impl<S> Users<S> {
    /// How often the device is open.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether somebody who could write has had the device open since the session began.
    pub fn had_writer(&self) -> bool {
        self.written
    }

    /// Whether a session lingers.
    pub fn lingers(&self) -> bool {
        matches!(self.phase, Phase::Lingering(_))
    }

    /// The phase, as people read it.
    pub fn label(&self) -> &'static str {
        match self.phase {
            Phase::Idle | Phase::Removed => "none",
            Phase::Opening(_) => "opening",
            Phase::Open => "open",
            Phase::Lingering(_) => "lingering",
            Phase::Ending | Phase::Closing(_) => "ending",
        }
    }

    /// Begins an open of the device. [`Users::end_open`] has to follow.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], if the device cannot be opened now.
    pub fn begin_open(&mut self) -> Result<Opener, Refusal> {
        let (before, opener) = match self.phase {
            Phase::Idle => (Before::Idle, Opener::First),
            Phase::Open => (Before::Open, Opener::Another),
            Phase::Lingering(since) => (Before::Lingering(since), Opener::Heir),
            Phase::Removed => return Err(Refusal::Removed),
            Phase::Opening(_) | Phase::Ending | Phase::Closing(_) => return Err(Refusal::Busy),
        };
        self.phase = Phase::Opening(before);
        Ok(opener)
    }

    /// Ends an open, for writing or not, with its result. If it has failed, the state is as before.
    ///
    /// # Errors
    ///
    /// The error that opening it had, or [`Refusal::Busy`] if it is open too often.
    pub fn end_open<E: From<Refusal>>(
        &mut self,
        opened: Result<(), E>,
        write: bool,
    ) -> Result<(), E> {
        let before = match self.phase {
            Phase::Opening(Before::Lingering(since)) => Phase::Lingering(since),
            Phase::Opening(Before::Open) => Phase::Open,
            _ => Phase::Idle,
        };
        let opened = opened.and_then(|()| {
            self.count
                .checked_add(1)
                .ok_or_else(|| Refusal::Busy.into())
        });

        match opened {
            Ok(count) => {
                self.count = count;
                self.written |= write;
                if let Phase::Lingering(since) = before {
                    self.since = Some(since);
                }
                if write {
                    self.since = None;
                }
                self.phase = Phase::Open;
                Ok(())
            }
            Err(err) => {
                self.phase = before;
                Err(err)
            }
        }
    }

    /// Notes that an opener has closed the device. Returns whether it was the last one. `after`
    /// says what becomes of the session then.
    pub fn close(&mut self, after: After) -> bool {
        self.count = self.count.saturating_sub(1);
        if self.count != 0 {
            return false;
        }
        self.phase = match after {
            After::Stay => Phase::Idle,
            After::End => Phase::Ending,
            // Readers do not keep a drive from being closed.
            After::Linger(now) => Phase::Lingering(self.since.unwrap_or(now)),
        };
        self.since = None;
        true
    }

    /// Returns what the thread has to do now. A session ends that has lingered for the time
    /// `linger`, in nanoseconds, or whose medium is `lost`.
    pub fn duty(&mut self, now: u64, linger: u64, lost: impl FnOnce() -> bool) -> Duty {
        if let Phase::Lingering(since) = self.phase {
            let left = linger.saturating_sub(now.saturating_sub(since));
            if left != 0 && !lost() {
                return Duty::Linger(left);
            }
            self.phase = Phase::Ending;
        }
        match self.phase {
            Phase::Ending => Duty::End,
            _ => Duty::Serve,
        }
    }

    /// Asks a lingering session to end. Returns whether the device is idle.
    ///
    /// # Errors
    ///
    /// [`Refusal::Busy`], if somebody has the device open, or opens it.
    pub fn hurry(&mut self) -> Result<bool, Refusal> {
        match self.phase {
            Phase::Opening(_) | Phase::Open => return Err(Refusal::Busy),
            Phase::Lingering(_) => self.phase = Phase::Ending,
            Phase::Idle | Phase::Removed => return Ok(true),
            Phase::Ending | Phase::Closing(_) => {}
        }
        Ok(false)
    }

    /// Notes that nothing is left to do in a session. The drive has to be closed next.
    pub fn session_ended(&mut self, session: S) {
        self.phase = Phase::Closing(Some(session));
    }

    /// Takes the session that has ended, once. The caller drops it, and calls [`Users::closed`]
    /// then.
    pub fn take_ended(&mut self) -> Option<S> {
        match &mut self.phase {
            Phase::Closing(session) => session.take(),
            _ => None,
        }
    }

    /// Notes that the drive is closed: the device may be opened again.
    pub fn closed(&mut self) {
        self.written = false;
        self.phase = Phase::Idle;
    }

    /// Refuses all opens from now on, unless the device is open, or there is a session.
    ///
    /// # Errors
    ///
    /// [`Refusal::Busy`], if so.
    pub fn retire(&mut self) -> Result<(), Refusal> {
        match self.phase {
            Phase::Idle | Phase::Removed => {
                self.phase = Phase::Removed;
                Ok(())
            }
            _ => Err(Refusal::Busy),
        }
    }
}
