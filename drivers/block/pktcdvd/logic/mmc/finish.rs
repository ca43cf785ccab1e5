// SPDX-License-Identifier: GPL-2.0

//! Bringing the use of a medium to an end, command by command.
//!
//! If the drive formats the medium in the background, two CLOSE TRACK SESSION commands follow: the
//! first stops the format, the second records what other drives need to read the medium. Both take
//! time, in which the drive is not ready and reports its progress. A medium that is formatted as a
//! whole needs neither. Then the drive's highest speeds are restored, and its capacity is read.
//!
//! It is used as a [`Probe`](super::probe::Probe), after SYNCHRONIZE CACHE.

use super::{
    capacity::ReadCapacity,
    cdb::{
        self,
        Close,
        Command,
        Transfer,
        MAX_SPEED, //
    },
    disc::{
        self,
        DiscInfo,
        Formatted, //
    },
    medium::{
        Medium,
        Restart, //
    },
    probe::{
        Outcome,
        Step,
        BUFFER_LEN, //
    },
    progress::{
        Activity,
        Next,
        Wait, //
    },
    sense::{
        Failure,
        Fault, //
    },
};

/// How long a drive may take to close a medium, in milliseconds: as long as the kernel's own driver
/// waits for that.
pub const LIMIT_MS: u32 = 3_000_000;

/// How often closing is begun again at most because the drive was reset meanwhile.
const MAX_RESETS: u32 = 3;

/// Which command is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Disc,
    Close(Close),
    Closing(Close),
    Capacity,
    Speed,
    Done,
}

/// The result of closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// There was nothing to close.
    Nothing,
    /// The medium is closed.
    Closed,
    /// The drive could not close it, or has not done so yet.
    Failed(Failure),
}

/// Closes a medium that was written, and restores the drive's speeds.
#[derive(Debug, Clone)]
pub struct Finish {
    state: State,
    command: Command,
    retries: u32,
    resets: u32,
    wait: Wait,
    /// Whether the drive was told to close the medium.
    begun: bool,
    /// Whether the write speed of the drive was set.
    slowed: bool,
    finished: Finished,
    capacity: Option<ReadCapacity>,
}

impl Finish {
    /// The end of writing `medium`, at `speed` if that was set.
    pub fn new(medium: &Medium, speed: u16) -> Self {
        // It may have been found that it is write protected after the drive has gone on.
        let background = medium.restart == Restart::Done
            || (medium.writing).is_ok_and(|writing| writing.kind.background_format().is_some());

        Self {
            state: if background {
                State::Disc
            } else {
                State::Speed
            },
            command: cdb::test_unit_ready(),
            retries: 0,
            resets: 0,
            wait: Wait::new(LIMIT_MS),
            begun: false,
            slowed: speed != 0,
            finished: Finished::Nothing,
            capacity: None,
        }
    }

    /// What the drive is busy with for long, while it is waited for.
    pub const fn activity(&self) -> Activity {
        match self.state {
            State::Closing(_) => Activity::Closing(self.wait.progress()),
            _ => Activity::None,
        }
    }

    /// What came of it.
    pub const fn finished(&self) -> Finished {
        self.finished
    }

    /// The number of blocks that the drive reports afterwards, if it was asked.
    pub fn blocks(&self) -> Option<u64> {
        self.capacity?.blocks()
    }

    /// Returns the first thing to do.
    pub fn begin(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        match self.state {
            State::Disc => self.ask_disc(buffer),
            _ => self.restore_speeds(buffer),
        }
    }

    /// Takes what came of the command, and returns the next thing to do.
    pub fn reply(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        if let State::Closing(what) = self.state {
            let len = outcome.unwrap_or_default().min(self.command.data_len());
            let next = self
                .wait
                .reply(outcome, buffer.get(..len).unwrap_or_default());
            return self.wait_on(what, next, buffer);
        }
        if let Err(failure) = outcome {
            if failure.fault() == Fault::NoMedium || failure == Failure::Transport {
                return self.give_up(failure);
            }
            if let Some(step) = self.try_again(failure, buffer) {
                return step;
            }
        }
        match self.state {
            State::Disc => self.disc(outcome, buffer),
            State::Close(what) => self.close_begun(what, outcome, buffer),
            State::Capacity => self.capacity(outcome, buffer),
            State::Closing(_) | State::Speed | State::Done => self.done(),
        }
    }

    fn go(&mut self, state: State, command: Command, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.state = state;
        self.command = command;
        self.retries = 0;
        self.send(0, buffer)
    }

    fn send(&self, after_ms: u32, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        if !matches!(self.command.transfer(), Transfer::Out(_)) {
            buffer.fill(0);
        }
        Step::Send {
            command: self.command,
            after_ms,
        }
    }

    fn done(&mut self) -> Step {
        self.state = State::Done;
        Step::Done
    }

    fn give_up(&mut self, failure: Failure) -> Step {
        if matches!(
            self.state,
            State::Disc | State::Close(_) | State::Closing(_)
        ) {
            self.finished = Finished::Failed(failure);
        }
        self.done()
    }

    fn try_again(&mut self, failure: Failure, buffer: &mut [u8; BUFFER_LEN]) -> Option<Step> {
        if failure.is_success() {
            return None;
        }
        let after_ms = if failure.is_becoming_ready() {
            // Some drives report that they are ready, and are not.
            self.wait.pause()?
        } else {
            failure.retry_after_ms(self.retries)?
        };

        self.retries = self.retries.saturating_add(1);
        Some(self.send(after_ms, buffer))
    }

    fn ask_disc(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let command = cdb::read_disc_information(disc::REPLY_LEN);

        self.go(State::Disc, command, buffer)
    }

    fn disc(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let len = match outcome {
            Ok(len) => len,
            Err(failure) if failure.is_success() => BUFFER_LEN,
            // It is unknown whether the medium has to be closed.
            Err(failure) => {
                self.finished = Finished::Failed(failure);
                return self.restore_speeds(buffer);
            }
        };
        let len = len.min(self.command.data_len());
        let disc = DiscInfo::parse(buffer.get(..len).unwrap_or_default());

        match disc.map(|disc| disc.formatted) {
            Ok(Formatted::Running) => self.close(Close::Format, buffer),
            // The drive was reset after it had stopped, before it was done.
            Ok(Formatted::Stopped) if self.begun => self.close(Close::Session, buffer),
            Ok(Formatted::Complete) if self.begun => {
                self.finished = Finished::Closed;
                self.ask_capacity(buffer)
            }
            _ => self.restore_speeds(buffer),
        }
    }

    fn close(&mut self, what: Close, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.begun = true;
        self.go(State::Close(what), cdb::close(what), buffer)
    }

    fn close_begun(
        &mut self,
        what: Close,
        outcome: Outcome,
        buffer: &mut [u8; BUFFER_LEN],
    ) -> Step {
        match outcome {
            Err(failure) if !failure.is_success() => match what {
                // Some drives cannot stop without closing.
                Close::Format => self.close(Close::Session, buffer),
                Close::Session => {
                    self.finished = Finished::Failed(failure);
                    self.ask_capacity(buffer)
                }
            },
            _ => {
                self.state = State::Closing(what);
                let next = self.wait.begin();
                self.wait_on(what, next, buffer)
            }
        }
    }

    fn wait_on(&mut self, what: Close, next: Next, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        match (next, what) {
            (Next::Send(command, after_ms), _) => {
                self.command = command;
                self.send(after_ms, buffer)
            }
            (Next::Ready, Close::Format) => self.close(Close::Session, buffer),
            (Next::Ready, Close::Session) => {
                self.finished = Finished::Closed;
                self.ask_capacity(buffer)
            }
            (Next::Failed(failure), _) => self.closing_failed(failure, buffer),
        }
    }

    /// A drive that is reset while it closes the medium, for example by suspend, does not go on
    /// with it.
    fn closing_failed(&mut self, failure: Failure, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let fault = failure.fault();
        let was_reset = fault.lost_parameters() && !fault.lost_medium();

        if !was_reset || self.resets >= MAX_RESETS {
            return self.give_up(failure);
        }
        self.resets = self.resets.saturating_add(1);
        self.ask_disc(buffer)
    }

    fn ask_capacity(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.go(State::Capacity, cdb::read_capacity(), buffer)
    }

    fn capacity(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let len = outcome.unwrap_or_default().min(self.command.data_len());

        self.capacity = ReadCapacity::parse(buffer.get(..len).unwrap_or_default()).ok();
        self.restore_speeds(buffer)
    }

    fn restore_speeds(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        if !self.slowed {
            return self.done();
        }
        self.go(
            State::Speed,
            cdb::set_cd_speed(MAX_SPEED, MAX_SPEED),
            buffer,
        )
    }
}
