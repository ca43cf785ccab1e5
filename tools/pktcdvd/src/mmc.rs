// SPDX-License-Identifier: GPL-2.0

//! Commands to an optical drive, and their replies, beyond what the driver itself asks.
//!
//! A [`Transport`] carries commands to a drive. [`Talk`] repeats those that a drive did not do
//! because it was busy or had something else to tell first.

pub mod capacities;
pub mod commands;
mod names;

use crate::driver::logic::mmc::sense::{Failure, Sense};
use std::thread;
use std::time::{Duration, Instant};

/// What a command transfers.
pub use rblk_cdrom::Data;

/// Bytes in a command, with zeroes behind a shorter one.
pub const COMMAND_SIZE: usize = rblk_cdrom::COMMAND_SIZE;

/// A way to a drive.
pub trait Transport {
    /// Sends a command, and waits for the drive; returns how many bytes came.
    ///
    /// # Errors
    ///
    /// What the drive says, or [`Failure::Transport`] if the command did not reach it.
    fn send(
        &mut self,
        cdb: &[u8; COMMAND_SIZE],
        data: Data<'_>,
        seconds: u32,
    ) -> Result<usize, Failure>;

    /// Waits.
    fn pause(&mut self, time: Duration);

    /// How long this transport has been there.
    fn elapsed(&self) -> Duration;
}

/// Through the kernel.
#[derive(Debug)]
pub struct Kernel<F> {
    file: F,
    since: Instant,
}

impl<F> Kernel<F> {
    /// A way to the drive that is open as `file`.
    pub fn new(file: F) -> Self {
        Self {
            file,
            since: Instant::now(),
        }
    }
}

impl<F: rustix::fd::AsFd> Transport for Kernel<F> {
    fn send(
        &mut self,
        cdb: &[u8; COMMAND_SIZE],
        data: Data<'_>,
        seconds: u32,
    ) -> Result<usize, Failure> {
        rblk_cdrom::send(&self.file, cdb, data, seconds).map_err(|failure| match failure {
            rblk_cdrom::Failure::Sense(bytes) => {
                Sense::parse(&bytes).map_or(Failure::Transport, Failure::Sense)
            }
            rblk_cdrom::Failure::System(_) => Failure::Transport,
        })
    }

    fn pause(&mut self, time: Duration) {
        thread::sleep(time);
    }

    fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

/// A command that sends the drive nothing but itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Its bytes.
    pub cdb: [u8; COMMAND_SIZE],
    /// How many bytes the drive may answer.
    pub answer: usize,
    /// After how many seconds it is given up.
    pub seconds: u32,
}

/// A command that failed, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} failed: {failure}", names::name(*opcode))]
pub struct CommandError {
    /// The first byte of the command.
    pub opcode: u8,
    /// What the drive says.
    pub failure: Failure,
}

/// Commands to a drive, repeated if that helps.
pub trait Talk: Transport {
    /// Sends a command that brings an answer, or none.
    ///
    /// # Errors
    ///
    /// What the drive says at last.
    fn ask(&mut self, command: &Command) -> Result<Vec<u8>, CommandError> {
        let mut buffer = vec![0; command.answer];
        let len = repeat(self, command.cdb[0], |drive| {
            let data = match command.answer {
                0 => Data::None,
                _ => Data::In(&mut buffer),
            };
            drive.send(&command.cdb, data, command.seconds)
        })?;
        buffer.truncate(len);
        Ok(buffer)
    }

    /// Sends a command with data for the drive.
    ///
    /// # Errors
    ///
    /// What the drive says at last.
    fn tell(&mut self, command: &Command, data: &[u8]) -> Result<(), CommandError> {
        repeat(self, command.cdb[0], |drive| {
            drive.send(&command.cdb, Data::Out(data), command.seconds)
        })
        .map(drop)
    }
}

impl<T: Transport + ?Sized> Talk for T {}

/// Sends a command until it was done, or until another try is of no use.
fn repeat<T: Transport + ?Sized>(
    drive: &mut T,
    opcode: u8,
    mut send: impl FnMut(&mut T) -> Result<usize, Failure>,
) -> Result<usize, CommandError> {
    let mut retries = 0;
    loop {
        let failure = match send(drive) {
            Ok(len) => return Ok(len),
            // It was done, although not at the first try of the drive.
            Err(failure) if failure.is_success() => return Ok(usize::MAX),
            Err(failure) => failure,
        };
        let Some(after_ms) = failure.retry_after_ms(retries) else {
            return Err(CommandError { opcode, failure });
        };
        drive.pause(Duration::from_millis(after_ms.into()));
        retries += 1;
    }
}
