// SPDX-License-Identifier: GPL-2.0

//! The first half of a probe: examining the medium.

use super::{
    super::{
        capacity::ReadCapacity,
        cdb::{
            self,
            Features, //
        },
        configuration::{
            Configuration,
            RANDOM_WRITABLE, //
        },
        disc::DiscInfo,
        formats::{
            self,
            FormatCapacities, //
        },
        profile::Kind,
        refusal::Refusal,
        reply::Reply,
        track::TrackInfo, //
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
    pub(super) fn ready(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        if let Err(failure) = outcome {
            return self.done(Err(Refusal::command(&self.command, failure)));
        }
        if self.readies_again {
            return self.ready_again(buffer);
        }
        let command = cdb::get_configuration(Features::Current, 0, BUFFER_LEN as u16);

        self.go(State::Configuration, command, buffer)
    }

    pub(super) fn configuration(
        &mut self,
        outcome: Outcome,
        buffer: &mut [u8; BUFFER_LEN],
    ) -> Step {
        match self.read(outcome, buffer, Configuration::parse) {
            Ok(configuration) => self.configured(configuration, buffer),
            // The drive may support no features.
            Err(_) => {
                let command = cdb::get_configuration(Features::All, 0, 8);
                self.go(State::Profile, command, buffer)
            }
        }
    }

    pub(super) fn profile(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let found = self.read(outcome, buffer, Configuration::parse);

        self.configured(found.unwrap_or(Configuration::UNKNOWN), buffer)
    }

    fn configured(&mut self, found: Configuration, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.found.configuration = found;
        let kind = found.profile.kind(found.mrw);

        if found.random_writable != Some(true) && kind.is_some_and(Kind::tells_writable) {
            // The drive may not have reported features that are not current.
            let command = cdb::get_configuration(Features::One, RANDOM_WRITABLE, 24);
            return self.go(State::RandomWritable, command, buffer);
        }
        self.ask_disc(buffer)
    }

    /// A drive that does not know the feature at all does not tell by it.
    pub(super) fn random_writable(
        &mut self,
        outcome: Outcome,
        buffer: &mut [u8; BUFFER_LEN],
    ) -> Step {
        let found = self.read(outcome, buffer, Configuration::parse);

        if found.is_ok_and(|found| found.random_writable == Some(false)) {
            let is_bd = self.found.configuration.profile.is_bd();
            return self.go(State::Protection, cdb::read_write_protection(is_bd), buffer);
        }
        self.ask_disc(buffer)
    }

    /// The drive has said that it cannot write at random; it has to deny that to be believed to.
    pub(super) fn protection(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        const WAYS: u8 = 0x0f;

        let ways = self.read(outcome, buffer, |bytes| {
            Ok(Reply::new(bytes).self_sized().require(5)?.has(4, WAYS))
        });
        self.found.protected = ways.unwrap_or(true);
        self.ask_disc(buffer)
    }

    pub(super) fn disc(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.found.disc = self.read(outcome, buffer, DiscInfo::parse);
        if self.readies_again {
            return self.go_on_formatting(buffer);
        }
        self.ask_tracks(buffer)
    }

    pub(super) fn track(
        &mut self,
        number: u16,
        outcome: Outcome,
        buffer: &mut [u8; BUFFER_LEN],
    ) -> Step {
        let answer = self.read(outcome, buffer, TrackInfo::parse);
        let more = number > self.first_track && self.tracks_left > 0;

        match number.checked_sub(1) {
            Some(previous) if self.found.take_track(answer) && more => {
                self.ask_track(previous, buffer)
            }
            _ => self.ask_formats(buffer),
        }
    }

    fn ask_formats(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        if self.found.kind().is_some_and(Kind::tells_formatted) {
            let command = cdb::read_format_capacities(formats::REPLY_LEN);
            return self.go(State::Formats, command, buffer);
        }
        self.go_on_formatting(buffer)
    }

    pub(super) fn formats(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.found.formats = self.read(outcome, buffer, FormatCapacities::parse).ok();
        self.go_on_formatting(buffer)
    }

    pub(super) fn capacity(&mut self, outcome: Outcome, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.found.capacity = self.read(outcome, buffer, ReadCapacity::parse).ok();
        if self.readies_again {
            return self.looked_again(buffer);
        }
        let verdict = self.found.conclude();

        self.verdict = Some(verdict);
        if self.access == Access::Read {
            return self.done(verdict);
        }
        self.make_ready(buffer)
    }
}
