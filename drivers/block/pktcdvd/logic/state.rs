// SPDX-License-Identifier: GPL-2.0

//! The life of a packet: wait for its turn, gather what the writes leave out, write all of it.
//!
//! ```text
//! Idle -> Waiting -+------------> Writing -+-> Done   -> Idle
//!                  |                 ^     |
//!                  +-> Reading ------+     +-> Failed -> Idle
//!                         +--------------------^
//! ```
//!
//! The owner of a packet reports each [`Event`] and carries out the [`Action`] that comes back.
//! At most one action is under way at a time. Data is put together when the action says
//! [`Action::Write`] and not before: gathered frames first, over them the writes that joined, in
//! the order of submission.

use super::{
    coverage::Coverage,
    frames::FrameRange,
    zone::Zone, //
};

/// How often a failed write is repeated.
pub const WRITE_RETRIES: u32 = 1;

/// Where a packet is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Free. The buffer may still hold what was written last; see [`Packet::data_valid`].
    Idle,
    /// Has a zone, and waits for its turn; writes to the zone can join.
    Waiting,
    /// Reads the frames that no write covers.
    Reading,
    /// The buffer is complete and is being written.
    Writing,
    /// Could not be gathered or written. The writes that joined get the error.
    Failed,
    /// Was written. The writes that joined are done.
    Done,
}

impl State {
    /// Every state, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Idle,
        Self::Waiting,
        Self::Reading,
        Self::Writing,
        Self::Failed,
        Self::Done,
    ];

    /// The number that stands for the state in traces.
    pub const fn number(self) -> usize {
        self as usize
    }

    /// The short name of the state in the info file.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Idle => "i",
            Self::Waiting => "ow",
            Self::Reading => "rw",
            Self::Writing => "ww",
            Self::Failed => "rec",
            Self::Done => "fin",
        }
    }
}

/// What happened to a packet. `E` is the error of the lower device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<E> {
    /// The free packet is given a zone.
    Start {
        /// The zone to write.
        zone: Zone,
        /// What the zone holds is void, as after a discard: the owner fills the buffer with
        /// zeroes, and nothing has to be read.
        no_gather: bool,
    },
    /// A write to the zone of the packet asks to go with it.
    Joined {
        /// What it writes.
        frames: FrameRange,
    },
    /// The lower device can take I/O of the packet.
    Turn,
    /// The read of [`Action::Gather`] ended.
    GatherDone(Result<(), E>),
    /// The write of [`Action::Write`] ended.
    WriteDone(Result<(), E>),
    /// The writes that joined were ended as [`Action::Finish`] said; the packet is free again.
    Released,
}

/// What the owner of a packet has to do next.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<E> {
    /// Nothing.
    Nothing,
    /// Undo: the event cannot happen in this state. A write that was refused stays queued.
    Refuse,
    /// Report [`Event::Turn`] when the lower device can take I/O.
    AwaitTurn,
    /// Read these frames of the zone into the buffer, and report [`Event::GatherDone`].
    Gather(FrameRange),
    /// Put the data of the writes into the buffer, write all of it, and report
    /// [`Event::WriteDone`].
    Write,
    /// End every write that joined with this result, and report [`Event::Released`].
    Finish(Result<(), E>),
}

/// The state of one packet.
///
/// # Invariants
///
/// - `zone` is set in every state but [`State::Idle`], and there whenever `data_valid` is.
/// - In [`State::Writing`], each frame is covered, fetched, cached or void.
/// - `reading` is set exactly in [`State::Reading`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<E> {
    state: State,
    zone: Option<Zone>,
    /// Frames that the writes have data for.
    coverage: Coverage,
    /// Frames that were read.
    fetched: Coverage,
    /// The read that is under way.
    reading: Option<FrameRange>,
    data_valid: bool,
    no_gather: bool,
    retries: u32,
    error: Option<E>,
}

impl<E: Copy> Packet<E> {
    /// A free packet of `frames` frames.
    pub fn new(frames: u32) -> Self {
        Self {
            state: State::Idle,
            zone: None,
            coverage: Coverage::new(frames),
            fetched: Coverage::new(frames),
            reading: None,
            data_valid: false,
            no_gather: false,
            retries: 0,
            error: None,
        }
    }

    /// Where the packet is in its life.
    pub fn state(&self) -> State {
        self.state
    }

    /// The zone that the packet has, or had last.
    pub fn zone(&self) -> Option<Zone> {
        self.zone
    }

    /// Which frames the writes that joined have data for.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Whether the buffer holds what the lower device has in [`Packet::zone`].
    ///
    /// True from a successful write until the packet writes again, gets another zone, or
    /// [`Packet::invalidate`] is called.
    pub fn data_valid(&self) -> bool {
        self.data_valid
    }

    /// The error that made the packet fail.
    pub fn error(&self) -> Option<E> {
        self.error
    }

    /// Whether a write to the zone may still join.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Waiting | State::Reading)
    }

    /// Notes that the lower device may no longer have what the buffer holds.
    ///
    /// Does not reach a write that is under way.
    pub fn invalidate(&mut self) {
        self.data_valid = false;
    }

    /// Reports an event; returns what to do.
    pub fn handle(&mut self, event: Event<E>) -> Action<E> {
        match event {
            Event::Start { zone, no_gather } => self.start(zone, no_gather),
            Event::Joined { frames } if self.join(frames) => Action::Nothing,
            Event::Joined { .. } => Action::Refuse,
            Event::Turn => self.turn(),
            Event::GatherDone(result) => self.gather_done(result),
            Event::WriteDone(result) => self.write_done(result),
            Event::Released => self.release(),
        }
    }

    /// Whether a write can join.
    pub fn accepts(&self, frames: FrameRange) -> bool {
        self.is_open() && self.coverage.holds(frames)
    }

    /// Lets a write join; returns whether it was accepted.
    pub fn join(&mut self, frames: FrameRange) -> bool {
        let accepted = self.accepts(frames);

        if accepted {
            self.coverage.cover(frames);
        }
        accepted
    }

    fn start(&mut self, zone: Zone, no_gather: bool) -> Action<E> {
        if self.state != State::Idle {
            return Action::Refuse;
        }
        self.data_valid &= self.zone == Some(zone) && !no_gather;
        self.zone = Some(zone);
        self.no_gather = no_gather;
        self.coverage.clear();
        self.fetched.clear();
        self.retries = 0;
        self.error = None;
        self.state = State::Waiting;
        Action::AwaitTurn
    }

    fn turn(&mut self) -> Action<E> {
        if self.state != State::Waiting {
            return Action::Nothing;
        }
        if self.coverage.is_empty() {
            // Nobody wants anything written.
            return self.finish(Ok(()));
        }
        if self.data_valid || self.no_gather {
            return self.write();
        }
        // One read of all is faster than several; what it reads in vain is written over.
        match self.coverage.hull() {
            Some(hull) => self.gather(hull),
            None => self.write(),
        }
    }

    /// Whether the packet would read if it had its turn, or if what it reads were there.
    pub fn would_gather(&self) -> bool {
        match self.state {
            State::Waiting => !self.data_valid && !self.no_gather && !self.coverage.is_complete(),
            State::Reading => {
                let mut known = self.known();
                if let Some(frames) = self.reading {
                    known.cover(frames);
                }
                !known.is_complete()
            }
            _ => false,
        }
    }

    fn gather(&mut self, frames: FrameRange) -> Action<E> {
        // INVARIANT: Both are set together.
        self.reading = Some(frames);
        self.state = State::Reading;
        Action::Gather(frames)
    }

    fn gather_done(&mut self, result: Result<(), E>) -> Action<E> {
        // INVARIANT: Every way out of here leaves `Reading`, or sets the next read.
        let Some(frames) = self.reading.take() else {
            return Action::Refuse;
        };

        match result {
            Ok(()) => {
                self.fetched.cover(frames);
            }
            // Reading again is of use only if less has to be read: when the failed read went over
            // frames that a write covers, from the start or since then.
            Err(error) if !self.known().touches(frames) => return self.finish(Err(error)),
            Err(_) => {}
        }

        match self.known().missing().next() {
            Some(run) => self.gather(run),
            None => self.write(),
        }
    }

    /// The frames that need not be read, or not again.
    fn known(&self) -> Coverage {
        self.coverage.union(&self.fetched)
    }

    fn write(&mut self) -> Action<E> {
        // What the lower device has is unknown until the write was successful.
        self.data_valid = false;
        self.state = State::Writing;
        Action::Write
    }

    fn write_done(&mut self, result: Result<(), E>) -> Action<E> {
        if self.state != State::Writing {
            return Action::Refuse;
        }
        if result.is_err() && self.retries < WRITE_RETRIES {
            self.retries = self.retries.saturating_add(1);
            return Action::Write;
        }
        self.data_valid = result.is_ok();
        self.finish(result)
    }

    fn finish(&mut self, result: Result<(), E>) -> Action<E> {
        self.error = result.err();
        self.state = match result {
            Ok(()) => State::Done,
            Err(_) => State::Failed,
        };
        Action::Finish(result)
    }

    fn release(&mut self) -> Action<E> {
        if !matches!(self.state, State::Done | State::Failed) {
            return Action::Refuse;
        }
        self.state = State::Idle;
        Action::Nothing
    }
}
