// SPDX-License-Identifier: GPL-2.0

//! Takes a disc out, with all that was written on it.

use crate::class::Class;
use crate::cli::Eject;
use crate::drive::Target;
use crate::driver::logic::mmc::disc::Formatted;
use crate::driver::logic::mmc::sense::Fault;
use crate::mapped::LOOKERS;
use crate::mmc::commands::{self, Close};
use crate::mmc::{CommandError, Talk, Transport};
use crate::mount;
use crate::paths::Paths;
use crate::remove;
use crate::survey;
use crate::{Error, Result};
use std::fs;
use std::time::Duration;

/// How long a drive may take to write what it has to before the disc can be taken out.
const LIMIT: Duration = Duration::from_secs(30 * 60);
/// How often it is asked.
const POLL: Duration = Duration::from_secs(1);

/// Unmounts, unmaps, and opens the tray. Nothing is ejected if one of that fails.
pub fn eject(paths: &Paths, options: &Eject) -> Result {
    let target = Target::find_drive(paths, &options.target)?;
    let mounts = target.mounts(paths);
    for point in &mounts {
        // What cannot be written is an error of unmounting, too.
        let _ = fs::File::open(point).map(rustix::fs::syncfs);
    }
    mount::unmount(&mounts)?;
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
/// What the drive says.
pub fn open_tray(drive: &mut dyn Transport) -> std::result::Result<(), CommandError> {
    // An empty drive opens, too.
    if let Ok(found) = survey::survey(drive) {
        // A drive that cannot write has nothing to flush.
        match drive.ask(&commands::synchronize_cache()) {
            Err(error) if error.failure.fault() != Fault::Unsupported => return Err(error),
            _ => {}
        }
        if found.formatted() == Formatted::Running {
            // Without an end other drives may not read the disc. What the drive does not know of
            // that, it does when it is told to open.
            for how in [Close::StopFormat, Close::Finish] {
                if drive.ask(&commands::close(how)).is_ok() {
                    wait(drive);
                }
            }
        }
    }
    // A drive without a lock has nothing to unlock.
    let _ = drive.ask(&commands::allow_removal());
    drive.ask(&commands::open_tray()).map(drop)
}

/// Waits until the drive is ready, or for half an hour.
fn wait(drive: &mut dyn Transport) {
    let start = drive.elapsed();
    while drive.elapsed().saturating_sub(start) < LIMIT {
        match drive.ask(&commands::test_unit_ready()) {
            Err(error) if matches!(error.failure.fault(), Fault::Busy | Fault::Formatting) => {
                drive.pause(POLL);
            }
            _ => return,
        }
    }
}
