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
//! The length of a short reply is unknown, so the bytes that the drive did not send must read as zero:
//! the probe zeroes the buffer before each command that fills it.
//!
//! Its commands, in order: TEST UNIT READY; GET CONFIGURATION; READ DISC INFORMATION; READ TRACK
//! INFORMATION from the last track back to one that serves; READ FORMAT CAPACITIES, of media that
//! have them; READ CAPACITY. If the drive says that it cannot write at random, it is asked whether
//! the medium is write protected. Nothing of that changes the drive.
//!
//! If the medium is to be written, and its format was stopped, FORMAT UNIT has the drive go on with
//! it: before READ CAPACITY, since that changes. Then MODE SENSE and MODE SELECT of the write
//! parameters, if the medium wants them; MODE SENSE of the capabilities, and ATIP or GET
//! PERFORMANCE, for SET CD SPEED. The laser is not calibrated: drives do that by themselves, when
//! they have to.
//!
//! A probe has a [state], and some [questions](ask) that it asks at more than one time. It [looks](look)
//! at the medium, has the drive [resume](restart) a format and makes the drive [ready].

mod ask;
mod look;
mod ready;
mod restart;
mod state;

pub use state::{
    Access,
    Outcome,
    Probe,
    Step,
    BUFFER_LEN,
    RESTART_LIMIT_MS, //
};

use super::sense::{
    Failure,
    Fault, //
};
use state::State;

impl Probe {
    /// Takes what came of the command, and returns the next thing to do.
    pub fn reply(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        if self.state == State::Restarting {
            return self.restarting_on(outcome, buffer);
        }
        let outcome = self.judge(outcome);

        if let Err(failure) = outcome {
            if let Some(step) = self.try_again(failure, buffer) {
                return step;
            }
            let dead = failure == Failure::Transport && self.state != State::Restart;
            if failure.fault() == Fault::NoMedium || dead {
                return self.give_up(failure);
            }
        }
        match self.state {
            State::Ready => self.ready(outcome, buffer),
            State::Configuration => self.configuration(outcome, buffer),
            State::Profile => self.profile(outcome, buffer),
            State::RandomWritable => self.random_writable(outcome, buffer),
            State::Protection => self.protection(outcome, buffer),
            State::Disc => self.disc(outcome, buffer),
            State::Track(number) => self.track(number, outcome, buffer),
            State::Formats => self.formats(outcome, buffer),
            State::Restart => self.restart_begun(outcome, buffer),
            // Taken above.
            State::Restarting => self.ask_capacity(buffer),
            State::Restarted => self.told_restarted(outcome, buffer),
            State::Capacity => self.capacity(outcome, buffer),
            State::SenseParameters => self.sense_parameters(outcome, buffer),
            State::SelectParameters => self.select_parameters(outcome, buffer),
            State::Capabilities => self.capabilities(outcome, buffer),
            State::MediumSpeed => self.medium_speed(outcome, buffer),
            State::SetSpeed => self.speed_set(outcome),
            State::Done => Step::Done,
        }
    }
}
