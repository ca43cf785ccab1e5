// SPDX-License-Identifier: GPL-2.0

//! Finding out, command by command, what is in a drive, and readying it.
//!
//! ```text
//! let mut step = probe.begin(&mut buffer);
//! while let Step::Send { command, after_ms } = step {
//!     sleep(after_ms);
//!     let outcome = execute(&command, &mut buffer);
//!     step = probe.reply(outcome, &mut buffer);
//! }
//! ```
//!
//! The probe zeroes the buffer before each command that fills it, so that a reply of which nobody
//! knows how much of it came is read as zeroes behind its end.
//!
//! Its commands, in order: TEST UNIT READY; GET CONFIGURATION; READ DISC INFORMATION; READ TRACK
//! INFORMATION from the last track back to one that serves; READ CAPACITY. Nothing of that changes
//! the drive. Then, if it is to be written: MODE SENSE and MODE SELECT of the write parameters, if
//! the medium wants them; MODE SENSE of the capabilities, and ATIP or GET PERFORMANCE, for SET CD
//! SPEED. The laser is not calibrated: drives do that by themselves, when they have to.

use super::{
    capacity::ReadCapacity,
    cdb::{
        self,
        Command,
        Features,
        Transfer, //
    },
    configuration::Configuration,
    disc::{
        self,
        DiscInfo, //
    },
    medium::{
        Findings,
        Medium,
        Writing, //
    },
    mode,
    refusal::Refusal,
    reply::ReplyError,
    sense::{
        Failure,
        Fault, //
    },
    speed,
    track::{
        self,
        TrackInfo, //
    }, //
};

/// Bytes in the buffer of a probe: the longest reply.
pub const BUFFER_LEN: usize = 512;

/// Most tracks that are looked at; a CD has no more.
const MAX_TRACKS: u32 = 99;

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
enum State {
    Ready,
    Configuration,
    Profile,
    Disc,
    Track(u16),
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
    access: Access,
    state: State,
    /// What is under way.
    command: Command,
    /// How often that was repeated.
    retries: u32,
    /// How often all of it was.
    restarts: u32,
    found: Findings,
    /// The first track of the disc.
    first_track: u16,
    /// How many tracks may still be looked at.
    tracks_left: u32,
    /// Write speed of the drive in kB/s.
    drive_speed: Option<u16>,
    /// The speed that is being set, in kB/s.
    wanted_speed: u16,
    /// The medium is known; see [`Probe::again`].
    readies_again: bool,
    verdict: Option<Result<Medium, Refusal>>,
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
            restarts: 0,
            found: nothing_found(lower_sectors / super::BLOCK_SECTORS),
            first_track: 1,
            tracks_left: MAX_TRACKS,
            drive_speed: None,
            wanted_speed: 0,
            readies_again: false,
            verdict: None,
        }
    }

    /// A probe that only readies the drive again to write `medium`, which is still in it.
    pub const fn again(access: Access, medium: &Medium) -> Self {
        let mut probe = Self::new(access, 0);

        probe.readies_again = true;
        probe.verdict = Some(Ok(*medium));
        probe
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

    /// Returns the first thing to do.
    pub fn begin(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.go(State::Ready, cdb::test_unit_ready(), buffer)
    }

    /// Takes what came of the command, and returns the next thing to do.
    pub fn reply(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let outcome = outcome.map(|len| len.min(self.command.data_len()));

        if let Err(failure) = outcome {
            if let Some(step) = self.try_again(failure.fault(), buffer) {
                return step;
            }
            if failure.fault() == Fault::NoMedium {
                return self.done(Err(Refusal::NoMedium));
            }
        }
        match self.state {
            State::Ready => self.ready(outcome, buffer),
            State::Configuration => self.configuration(outcome, buffer),
            State::Profile => self.profile(outcome, buffer),
            State::Disc => self.disc(outcome, buffer),
            State::Track(number) => self.track(number, outcome, buffer),
            State::Capacity => self.capacity(outcome, buffer),
            State::SenseParameters => self.sense_parameters(outcome, buffer),
            State::SelectParameters => self.select_parameters(outcome, buffer),
            State::Capabilities => self.capabilities(outcome, buffer),
            State::MediumSpeed => self.medium_speed(outcome, buffer),
            State::SetSpeed => self.speed_set(outcome),
            State::Done => Step::Done,
        }
    }

    /// Notes what to send, and makes room for what comes.
    fn go(&mut self, state: State, command: Command, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        if !matches!(command.transfer(), Transfer::Out(_)) {
            buffer.fill(0);
        }
        self.state = state;
        self.command = command;
        self.retries = 0;
        Step::Send {
            command,
            after_ms: 0,
        }
    }

    fn done(&mut self, verdict: Result<Medium, Refusal>) -> Step {
        self.state = State::Done;
        self.verdict = Some(verdict);
        Step::Done
    }

    /// Repeats the command, or all of it, if that may help.
    fn try_again(&mut self, fault: Fault, buffer: &mut [u8; BUFFER_LEN]) -> Option<Step> {
        if fault.lost_medium() && self.readies_again {
            return None;
        }
        if fault.lost_parameters() && self.state != State::Ready {
            return self.restart(buffer);
        }
        let after_ms = fault.retry_after_ms(self.retries)?;

        self.retries = self.retries.saturating_add(1);
        Some(Step::Send {
            command: self.command,
            after_ms,
        })
    }

    /// Begins anew, since what was found out or set may no longer be true.
    fn restart(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Option<Step> {
        if self.restarts >= MAX_RESTARTS {
            return None;
        }
        self.restarts = self.restarts.saturating_add(1);
        self.found = nothing_found(self.found.lower_blocks);
        self.tracks_left = MAX_TRACKS;
        if !self.readies_again {
            self.verdict = None;
        }
        Some(self.begin(buffer))
    }

    fn ready(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        if let Err(failure) = outcome {
            return self.done(Err(Refusal::command(&self.command, failure)));
        }
        if self.readies_again {
            return self.make_ready(buffer);
        }
        let command = cdb::get_configuration(Features::Current, 0, BUFFER_LEN as u16);

        self.go(State::Configuration, command, buffer)
    }

    fn configuration(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        match self.read(outcome, buffer, Configuration::parse) {
            Ok(configuration) => self.configured(configuration, buffer),
            // Perhaps it knows no features.
            Err(_) => {
                let command = cdb::get_configuration(Features::All, 0, 8);
                self.go(State::Profile, command, buffer)
            }
        }
    }

    fn profile(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let found = self.read(outcome, buffer, Configuration::parse);

        self.configured(found.unwrap_or(Configuration::UNKNOWN), buffer)
    }

    fn configured(&mut self, found: Configuration, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.found.configuration = found;
        let command = cdb::read_disc_information(disc::REPLY_LEN);

        self.go(State::Disc, command, buffer)
    }

    fn disc(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.found.disc = self.read(outcome, buffer, DiscInfo::parse);
        let (first, last) = match self.found.disc {
            Ok(disc) => (u16::from(disc.first_track).max(1), disc.last_track.max(1)),
            Err(_) => (1, 1),
        };

        self.first_track = first.min(last);
        self.ask_track(last, buffer)
    }

    fn ask_track(&mut self, number: u16, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let command = cdb::read_track_information(number, track::REPLY_LEN);

        self.tracks_left = self.tracks_left.saturating_sub(1);
        self.go(State::Track(number), command, buffer)
    }

    fn track(&mut self, number: u16, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let answer = self.read(outcome, buffer, TrackInfo::parse);
        let more = number > self.first_track && self.tracks_left > 0;

        match number.checked_sub(1) {
            Some(previous) if self.found.take_track(answer) && more => {
                self.ask_track(previous, buffer)
            }
            _ => self.go(State::Capacity, cdb::read_capacity(), buffer),
        }
    }

    fn capacity(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.found.capacity = self.read(outcome, buffer, ReadCapacity::parse).ok();
        let verdict = self.found.conclude();

        self.verdict = Some(verdict);
        if self.access == Access::Read {
            return self.done(verdict);
        }
        self.make_ready(buffer)
    }

    /// How the medium is to be written, if it can be.
    fn writing(&self) -> Option<Writing> {
        self.verdict?.ok()?.writing.ok()
    }

    fn make_ready(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        match self.writing() {
            None => self.finish(),
            Some(writing) if writing.parameters().is_some() => {
                let command = cdb::mode_sense(mode::WRITE_PARAMETERS, mode::REPLY_LEN);
                self.go(State::SenseParameters, command, buffer)
            }
            Some(_) => self.ask_speed(buffer),
        }
    }

    fn sense_parameters(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let Some(parameters) = self.writing().and_then(|writing| writing.parameters()) else {
            return self.finish();
        };
        let len = match outcome {
            Ok(len) => len,
            Err(failure) => return self.refuse(Refusal::command(&self.command, failure)),
        };
        let reply = buffer.get_mut(..len).unwrap_or_default();

        match parameters.edit(reply) {
            Ok(None) => self.ask_speed(buffer),
            Ok(Some(len)) => self.go(State::SelectParameters, cdb::mode_select(len), buffer),
            Err(error) => self.refuse(Refusal::Reply(self.command.name(), error)),
        }
    }

    fn select_parameters(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        match outcome {
            Ok(_) => self.ask_speed(buffer),
            Err(failure) => self.refuse(Refusal::command(&self.command, failure)),
        }
    }

    fn ask_speed(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        if self.access == Access::WriteSameSpeed {
            return self.finish();
        }
        let command = cdb::mode_sense(mode::CAPABILITIES, mode::REPLY_LEN);

        self.go(State::Capabilities, command, buffer)
    }

    fn capabilities(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let speed = self.read(outcome, buffer, speed::drive_speed);
        let command = if self.writing().is_some_and(|writing| writing.kind.is_cd()) {
            cdb::read_atip(speed::ATIP_LEN)
        } else {
            cdb::get_write_speeds(speed::SPEED_DESCRIPTORS)
        };

        self.drive_speed = speed.ok().flatten();
        self.go(State::MediumSpeed, command, buffer)
    }

    fn medium_speed(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let Some(kind) = self.writing().map(|writing| writing.kind) else {
            return self.finish();
        };
        let medium = if kind.is_cd() {
            let times = self.read(outcome, buffer, speed::atip_times);
            times.map(|times| times.map(speed::cd_speed))
        } else {
            self.read(outcome, buffer, speed::listed_speed)
        };
        let speed = speed::choose(kind, medium.ok().flatten(), self.drive_speed);

        self.wanted_speed = speed;
        self.go(State::SetSpeed, cdb::set_cd_speed(speed, speed), buffer)
    }

    /// A drive that does not let its speed be set writes at its own.
    fn speed_set(&mut self, outcome: Outcome) -> Step {
        if let (Ok(_), Some(Ok(medium))) = (outcome, self.verdict.as_mut()) {
            if let Ok(writing) = medium.writing.as_mut() {
                writing.speed = self.wanted_speed;
            }
        }
        self.finish()
    }

    fn finish(&mut self) -> Step {
        self.done(self.verdict.unwrap_or(Err(Refusal::NoCapacity)))
    }

    /// Takes back that the medium can be written.
    fn refuse(&mut self, refusal: Refusal) -> Step {
        if let Some(Ok(medium)) = self.verdict.as_mut() {
            medium.writing = Err(refusal);
        }
        self.finish()
    }

    /// Reads a reply, or tells which command gave none that serves.
    fn read<T>(
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
        capacity: None,
        lower_blocks,
    }
}
