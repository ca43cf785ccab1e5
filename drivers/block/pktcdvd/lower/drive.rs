// SPDX-License-Identifier: GPL-2.0

//! Commands to an optical drive.

use crate::logic::mmc::{
    cdb::{
        self,
        Command,
        Transfer, //
    },
    finish::Finish,
    medium::Medium,
    probe::{
        Access,
        Outcome,
        Probe,
        Step,
        BUFFER_LEN, //
    },
    progress::Activity,
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

/// Allocates the buffer for the data of commands. May sleep.
pub(crate) fn new_buffer() -> Result<CommandBuffer> {
    CommandBuffer::new(BUFFER_LEN)
}

/// Examines the medium in a drive, and prepares the drive for writing if `access` asks for that.
///
/// Calls `busy` again and again with what the drive is busy with. Fails with [`ERESTARTSYS`] if it
/// would have to wait for the drive and `give_up` returns true. The drive then goes on by itself.
///
/// Process context; may sleep for minutes if the drive is slow.
pub(crate) fn probe(
    lower: &BdevFile,
    access: Access,
    buffer: &mut CommandBuffer,
    busy: impl FnMut(Activity),
    give_up: impl Fn() -> bool,
) -> Result<core::result::Result<Medium, Refusal>> {
    let mut probe = Probe::new(access, lower.nr_sectors());

    look(lower, &mut probe, buffer, busy, give_up)
}

/// Prepares a drive for writing `medium`, which is in it. Otherwise as [`probe`].
///
/// Calls `restarted` if the drive has resumed a format, even if something else has failed.
pub(crate) fn ready(
    lower: &BdevFile,
    medium: &Medium,
    buffer: &mut CommandBuffer,
    busy: impl FnMut(Activity),
    give_up: impl Fn() -> bool,
    restarted: impl FnOnce(),
) -> Result<core::result::Result<Medium, Refusal>> {
    let mut probe = Probe::again(Access::Write, medium, lower.nr_sectors());
    let looked = look(lower, &mut probe, buffer, busy, give_up);

    if probe.has_restarted() {
        restarted();
    }
    looked
}

fn look(
    lower: &BdevFile,
    probe: &mut Probe,
    buffer: &mut CommandBuffer,
    mut busy: impl FnMut(Activity),
    give_up: impl Fn() -> bool,
) -> Result<core::result::Result<Medium, Refusal>> {
    let mut step = probe.begin(bytes(buffer)?);

    while let Step::Send { command, after_ms } = step {
        if after_ms != 0 && give_up() {
            busy(Activity::None);
            return Err(ERESTARTSYS);
        }
        busy(probe.activity());
        let outcome = carry_out(lower, &command, after_ms, buffer);
        step = probe.reply(outcome, bytes(buffer)?);
    }
    busy(Activity::None);
    probe.verdict().ok_or(EIO)
}

/// Has a drive close `medium` if that is necessary, and restores its speeds if `speed` was set.
///
/// Process context; may sleep for as long as [`finish::LIMIT_MS`](crate::logic::mmc::finish).
/// `busy` and `give_up` are as for [`probe`].
pub(crate) fn finish(
    lower: &BdevFile,
    medium: &Medium,
    speed: u16,
    buffer: &mut CommandBuffer,
    mut busy: impl FnMut(Activity),
    give_up: impl Fn() -> bool,
) -> Result<Finish> {
    let mut finish = Finish::new(medium, speed);
    let mut step = finish.begin(bytes(buffer)?);

    while let Step::Send { command, after_ms } = step {
        if after_ms != 0 && give_up() {
            busy(Activity::None);
            return Err(ERESTARTSYS);
        }
        busy(finish.activity());
        let outcome = carry_out(lower, &command, after_ms, buffer);
        step = finish.reply(outcome, bytes(buffer)?);
    }
    busy(Activity::None);
    Ok(finish)
}

fn carry_out(
    lower: &BdevFile,
    command: &Command,
    after_ms: u32,
    buffer: &mut CommandBuffer,
) -> Outcome {
    if after_ms != 0 {
        fsleep(Delta::from_millis(after_ms.into()));
    }
    execute(lower, command, Some(buffer))
}

fn bytes(buffer: &mut CommandBuffer) -> Result<&mut [u8; BUFFER_LEN]> {
    buffer.as_mut_slice().first_chunk_mut().ok_or(EINVAL)
}

/// Unlocks the door of a drive. Context as of [`execute`].
pub(crate) fn unlock_door(lower: &BdevFile) {
    try_to(lower, &cdb::prevent_removal(false));
}

/// Locks the door of a drive again, if the drive's own driver locks doors. Context as of
/// [`execute`].
pub(crate) fn lock_door(lower: &BdevFile) {
    if Drive::of(lower).is_some_and(|drive| drive.locks_door()) {
        try_to(lower, &cdb::prevent_removal(true));
    }
}

/// Sends a command without data, and ignores its failure. Repeats it if that may help. Context as
/// of [`execute`].
fn try_to(lower: &BdevFile, command: &Command) {
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

/// Sends a command. A command with data needs `buffer`. Process context; sleeps.
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
        // The length of a short reply is unknown. Bytes that the drive did not send are zero.
        Ok(()) => Ok(BUFFER_LEN),
        Err(CommandError::Sense(says)) => {
            Err(sense(says).map_or(Failure::Transport, Failure::Sense))
        }
        Err(CommandError::Failed(_)) => Err(Failure::Transport),
    }
}

/// Flushes the cache of the drive (SYNCHRONIZE CACHE), and waits until that is done.
///
/// Process context; sleeps, but allocates nothing: a command without data uses a request of the
/// lower device's queue only.
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

/// Returns the error with which an open fails because of a refusal.
pub(crate) fn refused(refusal: &Refusal) -> Error {
    match refusal.errno() {
        Errno::NoMedium => optical::no_medium(),
        Errno::ReadOnly => EROFS,
        Errno::NoPackets => ENXIO,
        Errno::Busy => EBUSY,
        Errno::Io => EIO,
    }
}
