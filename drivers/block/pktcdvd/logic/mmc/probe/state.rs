// SPDX-License-Identifier: GPL-2.0

//! What a probe knows, and the command that is under way.

use super::super::{
    cdb::{
        self,
        Command,
        Transfer, //
    },
    configuration::Configuration,
    findings::Findings,
    medium::{
        Medium,
        Restart,
        Writing, //
    },
    progress::{
        Activity,
        Wait, //
    },
    refusal::Refusal,
    reply::ReplyError,
    sense::{
        Failure,
        Fault, //
    },
    BLOCK_SECTORS, //
};

/// Bytes in the buffer of a probe: the longest reply.
pub const BUFFER_LEN: usize = 512;

/// Most tracks that are looked at; a CD has no more.
const MAX_TRACKS: u32 = 99;

/// How long the drive may take to go on with a format, in milliseconds.
pub const RESTART_LIMIT_MS: u32 = 300_000;

/// How often a probe begins anew because the medium was changed meanwhile.
const MAX_RESTARTS: u32 = 3;

/// What the medium is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To be read, or to be looked at: the drive is not changed.
    Read,
    /// To be written: the drive is made ready.
    Write,
    /// To be written, but at the speed that the drive has.
    WriteSameSpeed,
}

/// What came of a command: how many bytes of data, or those of the buffer if nobody knows.
pub type Outcome = Result<usize, Failure>;

/// What the owner of a probe has to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Wait, carry the command out, and tell what came of it. Its data is what the buffer begins
    /// with.
    Send {
        /// The command.
        command: Command,
        /// How long to wait before, in milliseconds.
        after_ms: u32,
    },
    /// Take the verdict.
    Done,
}

/// Which command is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    Configuration,
    Profile,
    RandomWritable,
    Protection,
    Disc,
    Track(u16),
    Formats,
    Restart,
    Restarting,
    Restarted,
    Capacity,
    SenseParameters,
    SelectParameters,
    Capabilities,
    MediumSpeed,
    SetSpeed,
    Done,
}

/// Looks at a medium, and readies the drive to write it.
#[derive(Debug, Clone)]
pub struct Probe {
    pub(super) access: Access,
    pub(super) state: State,
    /// What is under way.
    pub(super) command: Command,
    /// How often that was repeated at once.
    pub(super) retries: u32,
    /// How often any was repeated because the drive was busy.
    pub(super) waits: u32,
    /// How often all of it was.
    pub(super) restarts: u32,
    pub(super) found: Findings,
    /// The first track of the disc.
    pub(super) first_track: u16,
    /// How many tracks may still be looked at.
    pub(super) tracks_left: u32,
    /// Write speed of the drive in kB/s.
    pub(super) drive_speed: Option<u16>,
    /// The speed that is being set, in kB/s.
    pub(super) wanted_speed: u16,
    /// How long the drive takes to go on with a format.
    pub(super) wait: Wait,
    /// Whether it was told how far.
    pub(super) told_size: bool,
    /// Whether it has taken the command to do so.
    pub(super) restarted: bool,
    /// The medium is known; see [`Probe::again`].
    pub(super) readies_again: bool,
    pub(super) verdict: Option<Result<Medium, Refusal>>,
}

impl Probe {
    /// A probe of what is in a drive; the lower device has `lower_sectors` sectors.
    ///
    /// What lies behind those cannot be reached, and so is not taken for a part of the medium.
    pub const fn new(access: Access, lower_sectors: u64) -> Self {
        Self {
            access,
            state: State::Ready,
            command: cdb::test_unit_ready(),
            retries: 0,
            waits: 0,
            restarts: 0,
            found: nothing_found(lower_sectors / BLOCK_SECTORS),
            first_track: 1,
            tracks_left: MAX_TRACKS,
            drive_speed: None,
            wanted_speed: 0,
            wait: Wait::new(RESTART_LIMIT_MS),
            told_size: false,
            restarted: false,
            readies_again: false,
            verdict: None,
        }
    }

    /// A probe that only readies the drive again to write `medium`, which is still in it; the lower
    /// device has `lower_sectors` sectors.
    ///
    /// Its verdict is the [`Refusal`] if that fails.
    pub const fn again(access: Access, medium: &Medium, lower_sectors: u64) -> Self {
        let mut probe = Self::new(access, lower_sectors);

        probe.readies_again = true;
        probe.verdict = Some(Ok(*medium));
        probe
    }

    /// What the drive is busy with for long, while it is waited for.
    pub fn activity(&self) -> Activity {
        match self.state {
            State::Restarting => Activity::Restarting(self.wait.progress()),
            _ => Activity::None,
        }
    }

    /// Returns what was found out, when there is nothing more to do.
    ///
    /// # Errors
    ///
    /// The [`Refusal`] of a medium that cannot even be read. That of one that can is within.
    pub const fn verdict(&self) -> Option<Result<Medium, Refusal>> {
        match self.state {
            State::Done => self.verdict,
            _ => None,
        }
    }

    /// Whether the drive has begun to go on with a format, whatever the verdict is.
    pub const fn has_restarted(&self) -> bool {
        self.restarted
    }

    /// Returns the first thing to do.
    pub fn begin(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.go(State::Ready, cdb::test_unit_ready(), buffer)
    }

    /// Notes what to send, and makes room for what comes.
    pub(super) fn go(
        &mut self,
        state: State,
        command: Command,
        buffer: &mut [u8; BUFFER_LEN],
    ) -> Step {
        self.state = state;
        self.command = command;
        self.retries = 0;
        self.send(0, buffer)
    }

    pub(super) fn send(&self, after_ms: u32, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        if !matches!(self.command.transfer(), Transfer::Out(_)) {
            buffer.fill(0);
        }
        Step::Send {
            command: self.command,
            after_ms,
        }
    }

    /// What came of the command, when the drive has said something although it was done, or says to
    /// have sent more than it was asked for.
    pub(super) fn judge(&self, outcome: Outcome) -> Outcome {
        let asked = self.command.data_len();

        match outcome {
            Ok(len) => Ok(len.min(asked)),
            Err(failure) if failure.is_success() => Ok(asked),
            Err(failure) => Err(failure),
        }
    }

    pub(super) fn done(&mut self, verdict: Result<Medium, Refusal>) -> Step {
        self.state = State::Done;
        self.verdict = Some(verdict);
        Step::Done
    }

    /// Repeats the command, or all of it, if that may help.
    pub(super) fn try_again(
        &mut self,
        failure: Failure,
        buffer: &mut [u8; BUFFER_LEN],
    ) -> Option<Step> {
        let fault = failure.fault();

        if fault.lost_medium() && self.readies_again {
            return None;
        }
        if fault.lost_parameters() && self.state != State::Ready {
            return self.restart(buffer);
        }
        if self.state == State::Restarted && failure.is_becoming_ready() {
            // Some drives say that they are ready, and are not.
            let after_ms = self.wait.pause()?;
            return Some(self.send(after_ms, buffer));
        }
        let count = match fault {
            // All waiting together is bounded, however many commands there are.
            Fault::Busy => &mut self.waits,
            _ => &mut self.retries,
        };
        let after_ms = failure.retry_after_ms(*count)?;

        *count = count.saturating_add(1);
        Some(self.send(after_ms, buffer))
    }

    /// Stops asking a drive that does not answer, or is empty.
    pub(super) fn give_up(&mut self, failure: Failure) -> Step {
        let about_speed = matches!(
            self.state,
            State::Capabilities | State::MediumSpeed | State::SetSpeed
        );

        if about_speed && failure == Failure::Transport {
            return self.finish();
        }
        self.done(Err(Refusal::command(&self.command, failure)))
    }

    /// Begins anew, since what was found out or set may no longer be true.
    pub(super) fn restart(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Option<Step> {
        if self.restarts >= MAX_RESTARTS {
            return None;
        }
        self.restarts = self.restarts.saturating_add(1);
        let tried = self.found.restart;
        self.found = nothing_found(self.found.lower_blocks);
        if tried == Restart::Failed(Some(Failure::Transport)) {
            // That has had the drive reset, and would once more.
            self.found.restart = tried;
        }
        self.tracks_left = MAX_TRACKS;
        if !self.readies_again {
            self.verdict = None;
        }
        Some(self.begin(buffer))
    }

    pub(super) fn finish(&mut self) -> Step {
        self.done(self.verdict.unwrap_or(Err(Refusal::NoCapacity)))
    }

    /// How the medium is to be written, if it can be.
    pub(super) fn writing(&self) -> Option<Writing> {
        self.verdict?.ok()?.writing.ok()
    }

    /// Notes that the medium is write protected.
    pub(super) fn refuse_protected(&mut self) -> Step {
        match self.writing() {
            Some(writing) => self.refuse(Refusal::Protected(writing.kind)),
            None => self.finish(),
        }
    }

    /// Notes that the medium cannot be written after all.
    pub(super) fn refuse(&mut self, refusal: Refusal) -> Step {
        if self.readies_again {
            return self.done(Err(refusal));
        }
        if let Some(Ok(medium)) = self.verdict.as_mut() {
            medium.writing = Err(refusal);
        }
        self.finish()
    }

    /// Reads a reply, or reports which command gave none that serves.
    pub(super) fn read<T>(
        &self,
        outcome: Outcome,
        buffer: &[u8; BUFFER_LEN],
        parse: impl FnOnce(&[u8]) -> Result<T, ReplyError>,
    ) -> Result<T, Refusal> {
        let len = outcome.map_err(|failure| Refusal::command(&self.command, failure))?;
        let reply = buffer.get(..len).unwrap_or_default();

        parse(reply).map_err(|error| Refusal::Reply(self.command.name(), error))
    }
}

/// What is known before anything was asked.
const fn nothing_found(lower_blocks: u64) -> Findings {
    Findings {
        configuration: Configuration::UNKNOWN,
        disc: Err(Refusal::Reply("READ DISC INFORMATION", ReplyError::Other)),
        track: Ok(None),
        last_track: None,
        formats: None,
        capacity: None,
        lower_blocks,
        protected: false,
        restart: Restart::Untried,
    }
}
