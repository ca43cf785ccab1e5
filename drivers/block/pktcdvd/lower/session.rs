// SPDX-License-Identifier: GPL-2.0

//! A session: the time in which a lower device is open, and its properties in that time.

use crate::{
    logic::{
        mmc::disc::Formatted,
        options::AddOptions,
        zone::Geometry, //
    },
    lower::{
        activity::Activity,
        card::Card,
        drive,
        limits,
        optical::{
            self,
            Optical, //
        },
        plain, //
    }, //
};
use common::bell::Bell;
use kernel::{
    error::code::*,
    prelude::*,
    sync::Arc, //
};
use rb::block::{
    bdev::BdevFile,
    dev_t::DevT,
    error::BlkResult, //
};

/// How many packets of a drive are worked on at a time: as many are read that a drive which must flush
/// in between writes together then.
const AHEAD: usize = 8;

/// How many packets that are not full are given to a drive at a time: one that it works on, and one
/// more, so that it never waits. Writes can join the others until then.
const IN_FLIGHT: usize = 2;

/// A lower device that is open, and cut into packets.
///
/// A session lasts as long as the mapping. With an optical drive it lasts from the first open of
/// the disk to the last close, or [longer](Session::lingers). Dropping it waits until its I/O has
/// ended, so it must not be dropped in atomic context.
pub(crate) struct Session {
    /// How the lower device is cut into packets.
    pub(crate) geometry: Geometry,
    /// Whether writes are refused.
    pub(crate) read_only: bool,
    /// Set if the lower device is an optical drive.
    pub(crate) optical: Option<Optical>,
    /// Set if the lower device is another one whose medium can be changed.
    pub(crate) card: Option<Card>,
    /// The lower device.
    pub(crate) lower: BdevFile,
}

impl Session {
    /// Opens a lower device that is no optical drive, and cuts it into packets.
    ///
    /// Fails, and sleeps, as [`plain::open`].
    pub(crate) fn open(options: &AddOptions, bell: &Arc<Bell>) -> Result<Self> {
        let (lower, geometry, card) = plain::open(options, bell)?;

        Ok(Self {
            geometry,
            read_only: lower.is_read_only(),
            optical: None,
            card,
            lower,
        })
    }

    /// Opens an optical drive, and examines its medium.
    ///
    /// Fails, and waits, as [`optical::open`]. Also fails with [`EROFS`] if `write` is set and the
    /// medium cannot be written.
    pub(crate) fn open_drive(
        dev: DevT,
        index: u32,
        write: bool,
        bell: &Arc<Bell>,
        activity: &Arc<Activity>,
    ) -> Result<Self> {
        let (lower, optical) = optical::open(dev, index, write, bell, activity)?;
        let session = Self {
            geometry: optical.geometry()?,
            read_only: optical.medium.writing.is_err() || lower.is_read_only(),
            optical: Some(optical),
            card: None,
            lower,
        };

        if write {
            // The drive was prepared for writing already, which is undone.
            session
                .check_writable(index)
                .inspect_err(|_| session.finish_for_opener(index))?;
        }
        Ok(session)
    }

    /// Returns whether the cache has to be flushed between a write and a read.
    pub(crate) fn takes_turns(&self) -> bool {
        let optical = self.optical.as_ref();
        optical.is_some_and(Optical::flush_before_read)
    }

    /// Returns how many packets are worked on at a time at most.
    pub(crate) fn packets_ahead(&self) -> usize {
        self.optical.as_ref().map_or(usize::MAX, |_| AHEAD)
    }

    /// Returns with how many packets the lower device has enough to do, but for full ones.
    pub(crate) fn packets_in_flight(&self) -> usize {
        self.optical.as_ref().map_or(usize::MAX, |_| IN_FLIGHT)
    }

    /// Returns whether the drive has to be examined before more I/O is sent.
    pub(crate) fn is_suspect(&self) -> bool {
        let optical = self.optical.as_ref();
        optical.is_some_and(|optical| optical.is_suspect(&self.lower))
    }

    /// Returns whether the medium of the session is gone. If so, all I/O fails.
    pub(crate) fn is_lost(&self) -> bool {
        self.optical.as_ref().is_some_and(Optical::is_lost)
            || (self.card.as_ref()).is_some_and(|card| card.is_changed(&self.lower))
    }

    /// Logs that the card was changed.
    pub(crate) fn tell_lost(&self, index: u32) {
        if self.card.is_some() {
            pr_err!("pktcdvd{index}: the medium is not the same any more: map the device again\n");
        }
    }

    /// Returns whether the lower device supports discards now.
    pub(crate) fn takes_discards(&self) -> bool {
        self.lower.limits().max_discard_sectors != 0
    }

    /// Returns whether the drive stays open for a while after the last close.
    ///
    /// It does if the drive formats the medium in the background. Then the drive has to
    /// [close](Session::finish) the medium at the end of the session, which takes minutes and wears
    /// the medium. Usually another open follows soon: a file system is made, then mounted.
    pub(crate) fn lingers(&self) -> bool {
        let optical = self.optical.as_ref();
        optical.is_some_and(|optical| optical.medium().formatted == Formatted::Running)
    }

    /// Notes that the drive may have lost its cache. Any context. The caller calls
    /// [`Session::io_failed`] afterwards.
    pub(crate) fn cache_failed(&self) {
        if let Some(optical) = &self.optical {
            optical.cache_failed();
        }
    }

    /// Notes that I/O has failed. Any context.
    pub(crate) fn io_failed(&self) {
        if let Some(optical) = &self.optical {
            optical.suspect();
        }
    }

    /// Checks that the medium can be written. If not, logs the reason.
    fn check_writable(&self, index: u32) -> Result {
        let Some(optical) = &self.optical else {
            return Ok(());
        };
        if let Err(refusal) = &optical.medium.writing {
            pr_err!("pktcdvd{index}: {}\n", format_args!("{refusal}"));
            return Err(drive::refused(refusal));
        }
        if self.read_only {
            pr_err!("pktcdvd{index}: the drive refuses writes\n");
            return Err(EROFS);
        }
        if !self.takes_packet() {
            pr_err!("pktcdvd{index}: the drive's queue would split packets\n");
            return Err(EIO);
        }
        Ok(())
    }

    /// Returns how many sectors can be used now.
    ///
    /// If the drive resumes a format in [`Session::prepare_write`], there are more of them
    /// afterwards.
    pub(crate) fn sectors(&self) -> u64 {
        match &self.optical {
            Some(optical) => optical.sectors(),
            None => self.geometry.capacity_sectors(),
        }
    }

    /// Returns whether the lower device takes a packet in one piece now.
    pub(crate) fn takes_packet(&self) -> bool {
        limits::takes_packet(&self.lower, &self.geometry)
    }

    /// Prepares the drive for writing, unless it is prepared; see [`Optical::prepare_write`].
    pub(crate) fn prepare_write(&self, index: u32) -> Result {
        self.check_writable(index)?;
        match &self.optical {
            Some(optical) => optical.prepare_write(&self.lower, index),
            None => Ok(()),
        }
    }

    /// Has the drive close the medium if that is necessary, and restores the drive's speeds. To be
    /// called when all I/O of the session has ended and the cache is flushed. A second call closes
    /// nothing, unless the drive has resumed a format in between.
    ///
    /// Other drives cannot read a medium that was formatted in the background before it is closed.
    /// Does nothing if the drive was not prepared for writing and has not resumed a format. Process
    /// context; waits for the drive up to 50 minutes, without a lock that another device needs.
    pub(crate) fn finish(&self, index: u32) {
        // Cannot fail otherwise.
        let _ = self.finish_unless(index, || false);
    }

    /// As [`Session::finish`], but fails with [`ERESTARTSYS`] after a signal to the task, and when
    /// the system is about to sleep. The drive's own driver then closes a medium that was written.
    pub(crate) fn finish_for_task(&self, index: u32) -> Result {
        self.finish_unless(index, optical::gives_up)
    }

    /// As [`Session::finish_for_task`], but ignores its failure: for an open that fails in any
    /// case.
    pub(crate) fn finish_for_opener(&self, index: u32) {
        let _ = self.finish_for_task(index);
    }

    fn finish_unless(&self, index: u32, give_up: impl Fn() -> bool) -> Result {
        match &self.optical {
            Some(optical) => optical.finish(&self.lower, index, give_up),
            None => Ok(()),
        }
    }

    /// Flushes the cache of the drive.
    ///
    /// Fails if the drive has lost its cache, as it has if it has got another medium.
    ///
    /// Process context; waits for the drive. Allocates nothing, and takes no lock whose holders
    /// wait.
    pub(crate) fn sync(&self) -> BlkResult {
        match &self.optical {
            Some(optical) => optical.sync(&self.lower),
            None => Ok(()),
        }
    }

    /// Checks that the medium is still the same; see [`Optical::recover`].
    pub(crate) fn recover(&self, index: u32) -> bool {
        let optical = self.optical.as_ref();
        optical.is_some_and(|optical| optical.recover(&self.lower, index))
    }

    /// Unlocks the door of the drive.
    pub(crate) fn unlock_door(&self) {
        self.door_unlocked();
        drive::unlock_door(&self.lower);
    }

    /// Notes that a program has unlocked the door.
    pub(crate) fn door_unlocked(&self) {
        if let Some(optical) = &self.optical {
            optical.door_unlocked();
        }
    }

    /// Locks the door of the drive for one more opener, if a program has unlocked it.
    ///
    /// Otherwise no command is sent, because the drive may be busy for long.
    pub(crate) fn lock_door_again(&self) {
        if self.optical.as_ref().is_some_and(Optical::was_unlocked) {
            self.lock_door();
        }
    }

    /// Locks the door of the drive again, if the drive's own driver locks doors.
    pub(crate) fn lock_door(&self) {
        drive::lock_door(&self.lower);
    }
}
