// SPDX-License-Identifier: GPL-2.0

//! Commands to the drive below.

use crate::logic::mmc::{
    cdb::{
        self,
        Command,
        Transfer, //
    },
    medium::Medium,
    probe::{
        Access,
        Outcome,
        Probe,
        Step,
        BUFFER_LEN, //
    },
    refusal::{
        Errno,
        Refusal, //
    },
    sense::{
        Failure,
        Fault,
        Flushed,
        Sense, //
    },
};
use kernel::{
    error::code::*,
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    },
};
use rb::block::{
    bdev::BdevFile,
    error::{
        BlkError,
        BlkResult, //
    },
    optical::{
        self,
        CommandBuffer,
        CommandError,
        Data,
        Drive, //
    },
};

/// Allocates what commands need. May sleep.
pub(crate) fn new_buffer() -> Result<CommandBuffer> {
    CommandBuffer::new(BUFFER_LEN)
}

/// Finds out what is in a drive, and readies it if it is to be written.
///
/// Process context; may sleep for minutes if the drive is slow.
pub(crate) fn probe(
    lower: &BdevFile,
    access: Access,
    buffer: &mut CommandBuffer,
) -> Result<core::result::Result<Medium, Refusal>> {
    run(lower, Probe::new(access, lower.nr_sectors()), buffer)
}

/// Readies a drive to write `medium`, which is in it. Context as of [`probe`].
pub(crate) fn ready(
    lower: &BdevFile,
    medium: &Medium,
    buffer: &mut CommandBuffer,
) -> Result<core::result::Result<Medium, Refusal>> {
    run(lower, Probe::again(Access::Write, medium), buffer)
}

fn run(
    lower: &BdevFile,
    mut probe: Probe,
    buffer: &mut CommandBuffer,
) -> Result<core::result::Result<Medium, Refusal>> {
    let mut step = probe.begin(bytes(buffer)?);

    while let Step::Send { command, after_ms } = step {
        if after_ms != 0 {
            fsleep(Delta::from_millis(after_ms.into()));
        }
        let outcome = execute(lower, &command, Some(&mut *buffer));
        step = probe.reply(outcome, bytes(buffer)?);
    }
    probe.verdict().ok_or(EIO)
}

fn bytes(buffer: &mut CommandBuffer) -> Result<&mut [u8; BUFFER_LEN]> {
    buffer.as_mut_slice().first_chunk_mut().ok_or(EINVAL)
}

/// Sends a command without data, more than once if need be, whose failure changes nothing. Context
/// as of [`execute`].
pub(crate) fn try_to(lower: &BdevFile, command: &Command) {
    for retries in 0..=Fault::RETRIES {
        let Err(failure) = execute(lower, command, None) else {
            return;
        };
        match failure.retry_after_ms(retries) {
            Some(after_ms) => fsleep(Delta::from_millis(after_ms.into())),
            None => return,
        }
    }
}

/// Sends a command, with the buffer if there is data. Process context; sleeps.
fn execute(lower: &BdevFile, command: &Command, buffer: Option<&mut CommandBuffer>) -> Outcome {
    let drive = Drive::of(lower).ok_or(Failure::Transport)?;
    let data = match (command.transfer(), buffer) {
        (Transfer::None, _) => Data::None,
        (Transfer::In(len), Some(buffer)) => Data::In(buffer, len.into()),
        (Transfer::Out(len), Some(buffer)) => Data::Out(buffer, len.into()),
        _ => return Err(Failure::Transport),
    };
    let time = Delta::from_secs(command.patience().seconds().into());

    match drive.execute(command.cdb(), data, time) {
        // Nobody knows how much came; what did not is zero.
        Ok(()) => Ok(BUFFER_LEN),
        Err(CommandError::Sense(says)) => {
            Err(sense(says).map_or(Failure::Transport, Failure::Sense))
        }
        Err(CommandError::Failed(_)) => Err(Failure::Transport),
    }
}

/// Has the drive put on the medium what it has cached, and waits for it. Process context; sleeps,
/// but allocates nothing.
pub(crate) fn flush(lower: &BdevFile) -> BlkResult {
    let mut retries = 0;

    loop {
        match Flushed::judge(execute(lower, &cdb::synchronize_cache(), None), retries) {
            Flushed::Done => return Ok(()),
            Flushed::Failed => return Err(BlkError::IOERR),
            Flushed::Again(after_ms) => fsleep(Delta::from_millis(after_ms.into())),
        }
        retries += 1;
    }
}

fn sense(sense: optical::Sense) -> Option<Sense> {
    Sense::new(sense.response, sense.key, sense.asc, sense.ascq)
}

/// Returns the error that an open fails with.
pub(crate) fn refused(refusal: &Refusal) -> Error {
    match refusal.errno() {
        Errno::NoMedium => optical::no_medium(),
        Errno::ReadOnly => EROFS,
        Errno::NoPackets => ENXIO,
        Errno::Busy => EBUSY,
        Errno::Io => EIO,
    }
}
