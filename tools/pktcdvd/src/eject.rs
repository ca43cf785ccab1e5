// SPDX-License-Identifier: GPL-2.0

//! Takes a disc out, with all that was written on it.

use crate::class::Class;
use crate::cli::Eject;
use crate::drive::Target;
use crate::driver::logic::mmc::disc::Formatted;
use crate::driver::logic::mmc::sense::{Failure, Fault, Flushed};
use crate::mapped::LOOKERS;
use crate::mmc::commands::{self, Close};
use crate::mmc::{Command, CommandError, Data, Talk, Transport};
use crate::mount;
use crate::paths::Paths;
use crate::remove;
use crate::survey;
use crate::{Error, Result};
use std::time::Duration;

/// How long a drive may take to write what it has to before the disc can be taken out.
const LIMIT: Duration = Duration::from_secs(30 * 60);
/// How often it is asked.
const POLL: Duration = Duration::from_secs(1);

/// Unmounts, unmaps, and opens the tray. Nothing is ejected if one of that fails, nor if something
/// could not be written.
pub fn eject(paths: &Paths, options: &Eject) -> Result {
    let target = Target::find_drive(paths, &options.target)?;
    mount::unmount(paths, &target.numbers())?;
    if let Some(mapping) = target.mapping.as_ref().filter(|_| !options.keep) {
        let class = Class::open(paths)?;
        remove::unmap(paths, &class, mapping, LOOKERS)?;
    }
    // The packet device has flushed the drive when it was closed; now nobody else writes.
    let mut drive = target.open_alone(paths, LOOKERS)?;
    open_tray(&mut drive)
        .map_err(|error| Error::Failed(format!("{}: {error}", target.node.display())))
}

/// Has the drive write what it has to, and opens the tray.
///
/// # Errors
///
/// What the drive says. Unless it says that there is no disc, the tray stays shut.
pub fn open_tray(drive: &mut dyn Transport) -> std::result::Result<(), CommandError> {
    // An empty drive opens, too.
    if has_disc(drive)? {
        match flush(drive) {
            // On a disc that is read only, there was nothing to write.
            Err(error) if is_refused(&error) && survey::verdict(drive).is_err() => {}
            flushed => flushed?,
        }
        if survey::survey(drive)?.formatted() == Formatted::Running {
            // Without an end other drives may not read the disc. What the drive does not know of
            // that, it does when it is told to open.
            for how in [Close::StopFormat, Close::Finish] {
                match drive.ask(&commands::close(how)) {
                    Ok(_) => wait(drive)?,
                    Err(error) if is_refused(&error) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    // A drive without a lock has nothing to unlock.
    let _ = drive.ask(&commands::allow_removal());
    drive.ask(&commands::open_tray()).map(drop)
}

fn is_refused(error: &CommandError) -> bool {
    let fault = error.failure.fault();
    matches!(
        fault,
        Fault::Unsupported | Fault::Refused | Fault::Sequence | Fault::WrongMode
    )
}

fn error(command: &Command, failure: Failure) -> CommandError {
    CommandError {
        opcode: command.cdb[0],
        failure,
    }
}

/// Whether there is a disc that something could have been written on.
///
/// An error of an earlier write that the drive tells of now is one of ejecting.
fn has_disc(drive: &mut dyn Transport) -> std::result::Result<bool, CommandError> {
    let command = commands::test_unit_ready();
    let mut retries = 0;
    loop {
        let failure = match drive.send(&command.cdb, Data::None, command.seconds) {
            Ok(_) => return Ok(true),
            Err(failure) if failure.is_success() => return Ok(true),
            Err(failure) => failure,
        };
        let (deferred, asc) = match failure {
            Failure::Sense(sense) => (sense.deferred, sense.asc),
            Failure::Transport => (false, 0),
        };
        match failure.fault() {
            _ if deferred => return Err(error(&command, failure)),
            Fault::Formatting => return Ok(true),
            Fault::NoMedium => return Ok(false),
            // The drive cannot read such discs.
            Fault::NotReady if asc == 0x30 => return Ok(false),
            _ => match failure.retry_after_ms(retries) {
                Some(after_ms) => drive.pause(Duration::from_millis(after_ms.into())),
                None => return Err(error(&command, failure)),
            },
        }
        retries += 1;
    }
}

/// Has the drive write what is in its cache, by the driver's own rules.
fn flush(drive: &mut dyn Transport) -> std::result::Result<(), CommandError> {
    let command = commands::synchronize_cache();
    let mut retries = 0;
    loop {
        let outcome = drive.send(&command.cdb, Data::None, command.seconds);
        match (Flushed::judge(outcome, retries), outcome) {
            (Flushed::Again(after_ms), _) => {
                drive.pause(Duration::from_millis(after_ms.into()));
                retries += 1;
            }
            (Flushed::Failed, Err(failure)) => return Err(error(&command, failure)),
            _ => return Ok(()),
        }
    }
}

/// Waits until the drive is ready, or for half an hour.
fn wait(drive: &mut dyn Transport) -> std::result::Result<(), CommandError> {
    let start = drive.elapsed();
    loop {
        match drive.ask(&commands::test_unit_ready()) {
            Err(error)
                if matches!(error.failure.fault(), Fault::Busy | Fault::Formatting)
                    && drive.elapsed().saturating_sub(start) < LIMIT =>
            {
                drive.pause(POLL);
            }
            outcome => return outcome.map(drop),
        }
    }
}
