// SPDX-License-Identifier: GPL-2.0

//! Between both halves of a probe: the drive resumes a format that was stopped.
//!
//! It does so only if the medium is to be written. The drive is not ready until it has begun. From
//! then on it formats whenever it has nothing else to do, and all of the medium can be written.

use super::{
    super::{
        cdb,
        disc::{
            self,
            DiscInfo,
            Formatted, //
        },
        formats,
        medium::{
            Medium,
            Restart, //
        },
        progress::Next,
        refusal::Refusal,
        sense::{
            Failure,
            Fault, //
        },
        BLOCK_SECTORS, //
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
    /// Readies the drive again for a medium that is known. Only of one that the drive formats in
    /// the background there is something to look at.
    pub(super) fn ready_again(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let Some(Ok(medium)) = self.verdict else {
            return self.finish();
        };
        let kind = medium.writing.ok().map(|writing| writing.kind);
        if kind.is_none_or(|kind| kind.background_format().is_none()) {
            return self.make_ready(buffer);
        }

        self.found.configuration.profile = medium.profile;
        self.found.configuration.mrw = kind.is_some_and(|kind| kind.is_mrw());
        self.ask_disc(buffer)
    }

    /// Has the drive resume a format that was stopped, if the medium is to be written.
    pub(super) fn go_on_formatting(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let stopped = self.found.stopped_format();
        let Some(format_type) = stopped.filter(|_| self.access != Access::Read) else {
            return self.ask_capacity(buffer);
        };
        self.told_size = false;
        self.tell_to_go_on(format_type, u32::MAX, buffer)
    }

    fn tell_to_go_on(
        &mut self,
        format_type: u8,
        blocks: u32,
        buffer: &mut [u8; BUFFER_LEN],
    ) -> Step {
        let list = formats::restart(format_type, blocks);

        for (byte, value) in buffer.iter_mut().zip(list) {
            *byte = value;
        }
        self.go(State::Restart, cdb::format_unit(list.len() as u16), buffer)
    }

    /// The number of blocks to format, if the drive has rejected "all of the medium". Some drives
    /// accept only the number that they report.
    fn size_to_tell(&self, failure: Failure) -> Option<(u8, u32)> {
        let Failure::Sense(sense) = failure else {
            return None;
        };
        let about_size =
            (sense.key, sense.deferred) == (0x5, false) && matches!(sense.asc, 0x24 | 0x26);
        let format_type = self.found.stopped_format()?;
        let told = self.found.formats.and_then(|told| told.whole(format_type));
        let blocks = told.or(self.known_size())?;

        u32::try_from(blocks)
            .ok()
            .filter(|_| about_size && !self.told_size)
            .map(|blocks| (format_type, blocks))
    }

    /// How many blocks a known medium has when all of it is formatted.
    fn known_size(&self) -> Option<u64> {
        let medium = self.verdict.filter(|_| self.readies_again)?.ok()?;
        let whole = medium.writing.ok()?.geometry.capacity_sectors() / BLOCK_SECTORS;

        Some(whole).filter(|&whole| whole > medium.blocks)
    }

    pub(super) fn restart_begun(
        &mut self,
        outcome: Outcome,
        buffer: &mut [u8; BUFFER_LEN],
    ) -> Step {
        match outcome {
            Ok(_) => {
                self.restarted = true;
                self.state = State::Restarting;
                let next = self.wait.begin();
                self.wait_on(next, buffer)
            }
            Err(failure) if self.readies_again && failure.fault() == Fault::WriteProtected => {
                self.refuse_protected()
            }
            Err(failure) => {
                if let Some((format_type, blocks)) = self.size_to_tell(failure) {
                    self.told_size = true;
                    return self.tell_to_go_on(format_type, blocks, buffer);
                }
                self.found.restart = Restart::Failed(Some(failure));
                self.ask_capacity(buffer)
            }
        }
    }

    /// Takes the result of a command that was sent while waiting for the drive.
    pub(super) fn restarting_on(
        &mut self,
        outcome: Outcome,
        buffer: &mut [u8; BUFFER_LEN],
    ) -> Step {
        let len = self.judge(outcome).unwrap_or_default();
        let next = self
            .wait
            .reply(outcome, buffer.get(..len).unwrap_or_default());

        self.wait_on(next, buffer)
    }

    fn wait_on(&mut self, next: Next, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        match next {
            Next::Send(command, after_ms) => {
                self.command = command;
                self.send(after_ms, buffer)
            }
            Next::Ready => {
                let command = cdb::read_disc_information(disc::REPLY_LEN);
                self.go(State::Restarted, command, buffer)
            }
            Next::Failed(failure) => {
                let fault = failure.fault();
                let other = fault.lost_medium() && self.readies_again;

                self.command = cdb::test_unit_ready();
                if fault.lost_parameters() && !other {
                    if let Some(step) = self.restart(buffer) {
                        return step;
                    }
                }
                self.give_up(failure)
            }
        }
    }

    pub(super) fn told_restarted(
        &mut self,
        outcome: Outcome,
        buffer: &mut [u8; BUFFER_LEN],
    ) -> Step {
        if let Err(failure) = outcome {
            if failure.is_becoming_ready() {
                return self.give_up(failure);
            }
        }
        match self.read(outcome, buffer, DiscInfo::parse) {
            Ok(disc) => {
                let stopped = disc.formatted == Formatted::Stopped;
                self.found.disc = Ok(disc);
                self.found.restart = if stopped {
                    Restart::Failed(None)
                } else {
                    Restart::Done
                };
            }
            Err(_) => self.found.restart = Restart::Failed(None),
        }
        if self.readies_again {
            return self.ask_capacity(buffer);
        }
        // The track has grown, too.
        self.ask_tracks(buffer)
    }

    /// Notes the new state of a known medium, which the drive may format now.
    pub(super) fn looked_again(&mut self, buffer: &mut [u8; BUFFER_LEN]) -> Step {
        let found = self.found;
        let mut nothing = None;

        if let Some(Ok(medium)) = self.verdict.as_mut() {
            if let Ok(disc) = found.disc {
                medium.formatted = disc.formatted;
            }
            medium.restart = found.restart;
            grow(medium);
            medium.reach = found.reach().max(medium.blocks);
            if let (0, Restart::Failed(_), Ok(writing)) =
                (medium.blocks, medium.restart, medium.writing)
            {
                nothing = Some(Refusal::FormatStopped(writing.kind));
            }
        }
        match nothing {
            Some(refusal) => self.refuse(refusal),
            None => self.make_ready(buffer),
        }
    }
}

/// Whether all of the medium can be written: the drive formats it, or has formatted all of it.
fn grow(medium: &mut Medium) {
    let whole = match (medium.formatted, medium.writing) {
        (Formatted::Running | Formatted::Complete, Ok(writing)) => {
            writing.geometry.capacity_sectors() / BLOCK_SECTORS
        }
        _ => medium.blocks,
    };

    medium.blocks = medium.blocks.max(whole);
}
