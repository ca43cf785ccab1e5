// SPDX-License-Identifier: GPL-2.0

//! A session: the time in which a lower device is open, and its properties in that time.

use crate::{
    disk::device::Device,
    logic::{
        mmc::disc::Formatted,
        users::Duty,
        zone::Geometry, //
    },
    lower::{
        fate::Fate,
        optical::Optical, //
    }, //
};
use core::ops::Deref;
use kernel::{
    prelude::*,
    sync::Arc,
    time::Delta, //
};
use rb::block::bdev::BdevFile;

/// How many packets of a drive are worked on at a time: as many are read that a drive which must flush
/// in between writes together then.
const AHEAD: usize = 8;

/// How many packets that are not full are given to a drive at a time: one that it works on, and one
/// more, so that it never waits. Writes can join the others until then.
const IN_FLIGHT: usize = 2;

/// A lower device that is open, and cut into packets.
///
/// A session lasts as long as the mapping. With an optical drive it lasts from the first open of
/// the disk to the last close, or [longer](Session::lingers). Dropping it waits until its IO has
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

    /// Returns whether the drive has to be examined before more IO is sent.
    pub(crate) fn is_suspect(&self) -> bool {
        let optical = self.optical.as_ref();
        optical.is_some_and(|optical| optical.is_suspect(&self.lower))
    }

    /// Returns whether the medium of the session is gone. If so, all IO fails.
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

    /// Notes that IO has failed. Any context.
    pub(crate) fn io_failed(&self) {
        if let Some(optical) = &self.optical {
            optical.suspect();
        }
    }
}

/// A card in a reader, or another medium that can be changed while it is mapped.
///
/// Data of one card in the buffers must not be returned to readers of another, or written to it.
pub(crate) struct Card {
    fate: Arc<Fate>,
    /// The disk sequence number, by which the block layer counts changes of the medium.
    media_seq: u64,
}

impl Card {
    /// Returns the card that is in `lower` now, if the medium can be changed.
    pub(crate) fn of(lower: &BdevFile, fate: Arc<Fate>) -> Option<Self> {
        lower.is_removable().then(|| Self {
            fate,
            media_seq: lower.media_seq(),
        })
    }

    fn is_changed(&self, lower: &BdevFile) -> bool {
        self.fate.is_gone() || lower.media_seq() != self.media_seq
    }
}

/// A device and its session, as IO needs them.
#[derive(Clone, Copy)]
pub(crate) struct Active<'a> {
    device: &'a Device,
    /// The session.
    pub(crate) session: &'a Session,
    /// Whether the device is to come to rest. It is read once, so that all decisions agree.
    pub(crate) pausing: bool,
    /// What the thread has to do about the session. Also read once.
    pub(crate) duty: Duty,
}

impl<'a> Active<'a> {
    /// Puts a device and its session together.
    pub(crate) fn new(device: &'a Device, session: &'a Session, pausing: bool, duty: Duty) -> Self {
        Self {
            device,
            session,
            pausing,
            duty,
        }
    }

    /// Lets go of the writes that were held long enough, or of all if the device is to come to rest.
    /// Returns for how long the others are held still.
    pub(crate) fn release_writes(&self) -> Option<Delta> {
        let wait = u64::try_from(self.wait().as_nanos()).unwrap_or(0);
        let hurry = self.pausing || self.duty != Duty::Serve;
        let now = self.now();
        let mut queue = self.queue.lock();

        queue.release(now, wait, hurry);
        let left = queue.held_for(now, wait)?;
        Some(Delta::from_nanos(i64::try_from(left).unwrap_or(i64::MAX)))
    }
}

impl Deref for Active<'_> {
    type Target = Device;

    fn deref(&self) -> &Device {
        self.device
    }
}
