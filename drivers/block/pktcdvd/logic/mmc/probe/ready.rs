// SPDX-License-Identifier: GPL-2.0

//! The second half of a probe: preparing the drive for writing.

use super::{
    super::{
        cdb::{
            self,
            MAX_SPEED, //
        },
        mode,
        profile::Kind,
        refusal::Refusal,
        sense::{
            Failure,
            Fault, //
        },
        speed, //
    },
    state::{
        Access,
        Outcome,
        Probe,
        State,
        Step,
        BUFFER_LEN, //
    }, //
};

impl Probe {
    pub(super) fn make_ready(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        match self.writing() {
            None => self.finish(),
            Some(writing) if writing.parameters().is_some() => {
                let command = cdb::mode_sense(mode::WRITE_PARAMETERS, mode::REPLY_LEN);
                self.go(State::SenseParameters, command, buffer)
            }
            Some(_) => self.ask_speed(buffer),
        }
    }

    pub(super) fn sense_parameters(
        &mut self,
        outcome: Outcome,
        buffer: &mut [u8; BUFFER_LEN],
    ) -> Step {
        let Some(parameters) = self.writing().and_then(|writing| writing.parameters()) else {
            return self.finish();
        };
        let len = match outcome {
            Ok(len) => len,
            Err(failure) => return self.no_parameters(failure, buffer),
        };
        let reply = buffer.get_mut(..len).unwrap_or_default();

        if mode::is_write_protected(reply) {
            return self.refuse_protected();
        }
        match parameters.edit(reply) {
            Ok(None) => self.ask_speed(buffer),
            Ok(Some(len)) => self.go(State::SelectParameters, cdb::mode_select(len), buffer),
            Err(error) => self.refuse(Refusal::Reply(self.command.name(), error)),
        }
    }

    pub(super) fn select_parameters(
        &mut self,
        outcome: Outcome,
        buffer: &mut [u8; BUFFER_LEN],
    ) -> Step {
        match outcome {
            Ok(_) => self.ask_speed(buffer),
            Err(failure) => self.no_parameters(failure, buffer),
        }
    }

    /// A drive that does not take write parameters cannot write a CD-RW. A DVD-RW is written
    /// without by most, for which the page is about other formats of it.
    fn no_parameters(&mut self, failure: Failure, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let refused = matches!(failure.fault(), Fault::Unsupported | Fault::Refused);

        if refused
            && self
                .writing()
                .is_some_and(|writing| writing.kind == Kind::DvdRw)
        {
            return self.ask_speed(buffer);
        }
        self.refuse(Refusal::command(&self.command, failure))
    }

    fn ask_speed(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        if self.access == Access::WriteSameSpeed {
            return self.finish();
        }
        let command = cdb::mode_sense(mode::CAPABILITIES, mode::REPLY_LEN);

        self.go(State::Capabilities, command, buffer)
    }

    pub(super) fn capabilities(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let protected = self.read(outcome, buffer, |bytes| Ok(mode::is_write_protected(bytes)));
        if protected == Ok(true) {
            return self.refuse_protected();
        }
        let speed = self.read(outcome, buffer, speed::drive_speed);
        let command = if self.writing().is_some_and(|writing| writing.kind.is_cd()) {
            cdb::read_atip(speed::ATIP_LEN)
        } else {
            cdb::get_write_speeds(speed::SPEED_DESCRIPTORS)
        };

        self.drive_speed = speed.ok().flatten();
        self.go(State::MediumSpeed, command, buffer)
    }

    pub(super) fn medium_speed(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
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
        self.go(State::SetSpeed, cdb::set_cd_speed(MAX_SPEED, speed), buffer)
    }

    /// A drive whose speed cannot be set writes at its own speed.
    pub(super) fn speed_set(&mut self, outcome: Outcome) -> Step {
        if let (Ok(_), Some(Ok(medium))) = (outcome, self.verdict.as_mut()) {
            if let Ok(writing) = medium.writing.as_mut() {
                writing.speed = self.wanted_speed;
            }
        }
        self.finish()
    }
}
