// SPDX-License-Identifier: GPL-2.0

//! The time in which a lower device is open, and what is known about it then.

use crate::{
    device::Device,
    fate::Fate,
    logic::{
        mmc::disc::Formatted,
        users::Duty,
        zone::Geometry, //
    },
    optical::Optical, //
};
use core::ops::Deref;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use rb::block::bdev::BdevFile;

/// A lower device that is open, and cut into packets.
///
/// Lasts as long as the mapping, or, for an optical drive, from the first open of the disk to the
/// last close, or [somewhat longer](Session::lingers). Dropping it waits until its IO has ended, so
/// that is not done in atomic context.
pub(crate) struct Session {
    /// How the lower device is cut into packets.
    pub(crate) geometry: Geometry,
    /// Whether writes are refused.
    pub(crate) read_only: bool,
    /// What there is to an optical drive.
    pub(crate) optical: Option<Optical>,
    /// What there is to another lower device whose medium can be changed.
    pub(crate) card: Option<Card>,
    /// The lower device.
    pub(crate) lower: BdevFile,
}

impl Session {
    /// Returns whether reading and writing have to take turns, with a flush between.
    pub(crate) fn takes_turns(&self) -> bool {
        let optical = self.optical.as_ref();
        optical.is_some_and(Optical::flush_before_read)
    }

    /// Returns whether something has happened to the drive that has to be looked at before more IO.
    pub(crate) fn is_suspect(&self) -> bool {
        let optical = self.optical.as_ref();
        optical.is_some_and(|optical| optical.is_suspect(&self.lower))
    }

    /// Returns whether the medium that the session is about is not there any more: all IO fails.
    pub(crate) fn is_lost(&self) -> bool {
        self.optical.as_ref().is_some_and(Optical::is_lost)
            || (self.card.as_ref()).is_some_and(|card| card.is_changed(&self.lower))
    }

    /// Tells in the log that the card was changed.
    pub(crate) fn tell_lost(&self, index: u32) {
        if self.card.is_some() {
            pr_err!("pktcdvd{index}: the medium is not the same any more: map the device again\n");
        }
    }

    /// Returns whether the lower device takes discards now.
    pub(crate) fn takes_discards(&self) -> bool {
        self.lower.limits().max_discard_sectors != 0
    }

    /// Returns whether the drive stays open for a while after the last close.
    ///
    /// If it formats the medium in the background, it has to [close](Session::finish) that, which
    /// takes up to minutes, and wears it. Sessions usually follow each other: one makes a file
    /// system, the next mounts it. All other media are closed at once.
    pub(crate) fn lingers(&self) -> bool {
        let optical = self.optical.as_ref();
        optical.is_some_and(|optical| optical.medium().formatted == Formatted::Running)
    }

    /// Notes that the drive may have lost what it had cached. Any context; then comes
    /// [`Session::io_failed`].
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
/// What buffers have of one card must not be read as, or written to, another.
pub(crate) struct Card {
    fate: Arc<Fate>,
    /// What the block layer counts changes of the medium with.
    media_seq: u64,
}

impl Card {
    /// Takes the one that is in `lower` now, if it can be changed.
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

/// A device in a session: what it takes to do IO.
#[derive(Clone, Copy)]
pub(crate) struct Active<'a> {
    device: &'a Device,
    /// The session.
    pub(crate) session: &'a Session,
    /// Whether the device is to come to rest. Not asked twice, or two answers might not agree.
    pub(crate) pausing: bool,
    /// What is to be done about the session. Not asked twice, either.
    pub(crate) duty: Duty,
}

impl<'a> Active<'a> {
    /// Joins a device and its session.
    pub(crate) fn new(device: &'a Device, session: &'a Session, pausing: bool, duty: Duty) -> Self {
        Self {
            device,
            session,
            pausing,
            duty,
        }
    }
}

impl Deref for Active<'_> {
    type Target = Device;

    fn deref(&self) -> &Device {
        self.device
    }
}
