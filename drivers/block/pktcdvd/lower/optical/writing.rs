// SPDX-License-Identifier: GPL-2.0

//! Preparing an optical drive for writing, and closing the medium afterwards.

use super::{
    gives_up,
    reach,
    tell_restart,
    Optical, //
};
use crate::{
    logic::mmc::{
        finish::{
            Finish,
            Finished, //
        },
        BLOCK_SECTORS, //
    },
    lower::drive, //
};
use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};
use rb::block::{
    bdev::BdevFile,
    optical::Drive, //
};

impl Optical {
    /// Prepares the drive for writing, unless it is prepared: sets write parameters and speed, and
    /// has the drive resume a format that was stopped.
    ///
    /// Fails, and waits for the drive, as [`open`](super::open). Process context.
    pub(crate) fn prepare_write(&self, lower: &BdevFile, index: u32) -> Result {
        if self.ready.load(Relaxed) {
            return Ok(());
        }
        let busy = |busy| self.activity.set(busy);
        let verdict = drive::ready(
            lower,
            &self.medium,
            &mut self.buffer.lock(),
            busy,
            gives_up,
            || self.restarted.store(true, Relaxed),
        )?;
        let medium = verdict.map_err(|refusal| {
            pr_err!("pktcdvd{index}: {}\n", format_args!("{refusal}"));
            drive::refused(&refusal)
        })?;

        tell_restart(index, &medium);
        reach(lower, &medium);
        self.note(&medium);
        self.ready.store(true, Relaxed);
        Ok(())
    }

    /// Has the drive close the medium if that is necessary, and restores the drive's speeds; see
    /// [`Session::finish`](crate::lower::session::Session::finish).
    ///
    /// Fails with [`ERESTARTSYS`] if it would have to wait for the drive and `give_up` returns true.
    pub(crate) fn finish(
        &self,
        lower: &BdevFile,
        index: u32,
        give_up: impl Fn() -> bool,
    ) -> Result {
        let used = self.ready.load(Relaxed) || self.restarted.load(Relaxed);
        if !used || self.is_lost() {
            return Ok(());
        }

        let speed = self.speed().try_into().unwrap_or(u16::MAX);
        let finish = drive::finish(
            lower,
            &self.medium,
            speed,
            &mut self.buffer.lock(),
            |busy| self.activity.set(busy),
            give_up,
        )?;
        tell_finished(lower, index, &finish);
        if let (Some(drive), Some(blocks)) = (Drive::of(lower), finish.blocks()) {
            drive.set_nr_sectors(blocks.saturating_mul(BLOCK_SECTORS));
        }
        Ok(())
    }
}

/// Reports whether the medium was closed, in the log and to the drive's own driver.
fn tell_finished(lower: &BdevFile, index: u32, finish: &Finish) {
    match finish.finished() {
        Finished::Nothing => {}
        Finished::Closed => {
            pr_info!("pktcdvd{index}: the medium is closed\n");
            // If the close has failed, the drive's own driver may try once more.
            if let Some(drive) = Drive::of(lower) {
                drive.set_closed();
            }
        }
        Finished::Failed(failure) => pr_warn!(
            "pktcdvd{index}: the medium could not be closed: {}\n",
            format_args!("{failure}")
        ),
    }
}
