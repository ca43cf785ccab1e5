// SPDX-License-Identifier: GPL-2.0

//! Examining an optical drive after something has happened to it.

use super::{
    attentions,
    reach,
    settle,
    Optical, //
};
use crate::{
    logic::mmc::probe::Access,
    lower::drive, //
};
use kernel::{
    error::code::*,
    prelude::*,
    sync::atomic::Relaxed,
    time::{
        delay::fsleep,
        Delta,
        Instant,
        Monotonic, //
    },
};
use rb::block::bdev::BdevFile;

/// How long a drive that has failed may take until it reports its medium.
const RECOVERY: Delta = Delta::from_secs(30);

/// How often it is asked meanwhile.
const LOOK_INTERVAL: Delta = Delta::from_secs(1);

impl Optical {
    /// Checks that the medium is the one with which the session began, and prepares the drive
    /// again.
    ///
    /// If it is another one, or the drive does not answer, the medium is lost. Returns whether the
    /// drive may have lost its cache. Process context; waits for the drive.
    pub(crate) fn recover(&self, lower: &BdevFile, index: u32) -> bool {
        // Before the drive is examined: what happens meanwhile has to set the flag again.
        self.suspect.store(false, Relaxed);
        let before = self.media_seq.load(Relaxed);
        let told = self.attentions.load(Relaxed);
        let (media_seq, changed) = settle(lower);
        let attentions = attentions(lower);
        self.media_seq.store(media_seq, Relaxed);
        self.attentions.store(attentions, Relaxed);

        if let Err(err) = self.look_until_known(lower) {
            self.lost.store(true, Relaxed);
            pr_err!("pktcdvd{index}: the medium is not the same any more: {err:?}\n");
        } else {
            // A reset has unlocked the door, too.
            drive::lock_door(lower);
        }
        let failed = self.cache_failed.xchg(false, Relaxed);
        failed || changed || media_seq != before || attentions != told
    }

    /// Examines the drive again and again while it only reports trouble of its own, up to
    /// [`RECOVERY`].
    fn look_until_known(&self, lower: &BdevFile) -> Result {
        let begin = Instant::<Monotonic>::now();

        loop {
            let result = self.look_again(lower);
            match result {
                Err(EIO | ENOMEM | EBUSY) if !self.is_lost() && begin.elapsed() < RECOVERY => {
                    fsleep(LOOK_INTERVAL);
                }
                _ => return result,
            }
        }
    }

    fn look_again(&self, lower: &BdevFile) -> Result {
        let mut buffer = self.buffer.lock();
        let busy = |busy| self.activity.set(busy);
        // The thread does not give up waiting: the users of the device depend on it.
        let medium = drive::probe(lower, Access::Read, &mut buffer, busy, || false)?
            .map_err(|refusal| drive::refused(&refusal))?;

        if !self.medium.identity.allows(&medium.identity) {
            return Err(ENXIO);
        }
        reach(lower, &medium);
        if self.ready.load(Relaxed) {
            let restarted = || self.restarted.store(true, Relaxed);
            let medium = drive::ready(lower, &self.medium, &mut buffer, busy, || false, restarted)?
                .map_err(|refusal| drive::refused(&refusal))?;
            reach(lower, &medium);
        }
        Ok(())
    }
}
