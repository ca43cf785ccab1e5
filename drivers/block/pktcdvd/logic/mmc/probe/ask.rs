// SPDX-License-Identifier: GPL-2.0

//! Questions that a probe asks at more than one time.

use super::{
    super::{
        cdb,
        disc,
        track, //
    },
    state::{
        Probe,
        State,
        Step,
        BUFFER_LEN, //
    },
};

impl Probe {
    pub(super) fn ask_disc(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let command = cdb::read_disc_information(disc::REPLY_LEN);

        self.go(State::Disc, command, buffer)
    }

    /// Asks for the tracks of the disc, from the last one on.
    pub(super) fn ask_tracks(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let (first, last) = match self.found.disc {
            Ok(disc) => (u16::from(disc.first_track).max(1), disc.last_track.max(1)),
            Err(_) => (1, 1),
        };

        self.first_track = first.min(last);
        self.found.last_track = None;
        self.ask_track(last, buffer)
    }

    pub(super) fn ask_track(&mut self, number: u16, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let command = cdb::read_track_information(number, track::REPLY_LEN);

        self.tracks_left = self.tracks_left.saturating_sub(1);
        self.go(State::Track(number), command, buffer)
    }

    pub(super) fn ask_capacity(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        self.go(State::Capacity, cdb::read_capacity(), buffer)
    }
}
