// SPDX-License-Identifier: GPL-2.0

//! Commands to optical drives.

mod sense;

pub use sense::Sense;

use super::bdev::BdevFile;
use crate::sim::lower::Payload;
use kernel::{
    prelude::*,
    sim,
    time::Delta, //
};

/// Returns the error for a drive without a medium.
pub fn no_medium() -> Error {
    ENOMEDIUM
}

/// Memory that a drive can read and write.
pub struct CommandBuffer(KVec<u8>);

impl CommandBuffer {
    /// Allocates a buffer of zeroes.
    pub fn new(bytes: usize) -> Result<Self> {
        Ok(Self(KVec::from_elem(0, bytes, GFP_KERNEL)?))
    }

    /// Returns the bytes, to change them.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// The data of a command.
pub enum Data<'a> {
    /// There is none.
    None,
    /// The drive sends up to this many bytes.
    In(&'a mut CommandBuffer, usize),
    /// The drive gets this many bytes.
    Out(&'a mut CommandBuffer, usize),
}

/// A command that has failed.
#[derive(Clone, Copy, Debug)]
pub enum CommandError {
    /// The drive says why.
    Sense(Sense),
    /// The command did not get through.
    Failed(Error),
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// An optical drive.
#[derive(Clone, Copy)]
pub struct Drive<'a>(&'a BdevFile);

impl<'a> Drive<'a> {
    /// Returns the drive that an open block device is, if it is one.
    pub fn of(bdev: &'a BdevFile) -> Option<Self> {
        bdev.is_optical().then_some(Self(bdev))
    }

    fn with<R>(&self, f: impl FnOnce(&dyn crate::sim::lower::Drive) -> R) -> R {
        let lower = self.0.lower();
        f(lower.drive().expect("it is a drive"))
    }

    /// Returns a number that changes when the drive says that it was reset, or has another medium.
    pub fn attentions(&self) -> u32 {
        self.with(|drive| drive.attentions())
    }

    /// Sends a command, and waits until the drive has carried it out.
    pub fn execute(
        &self,
        command: &[u8],
        data: Data<'_>,
        _timeout: Delta,
    ) -> core::result::Result<(), CommandError> {
        sim::might_sleep("a command to a drive");
        let payload = match data {
            Data::None => Payload::None,
            Data::In(buffer, len) => {
                buffer.as_mut_slice().fill(0);
                Payload::In(buffer.as_mut_slice().get_mut(..len).ok_or(EINVAL)?)
            }
            Data::Out(buffer, len) => Payload::Out(buffer.as_mut_slice().get(..len).ok_or(EINVAL)?),
        };
        self.with(|drive| drive.execute(command, payload))
            .map_err(|why| match why {
                Ok(sense) => CommandError::Sense(sense),
                Err(err) => CommandError::Failed(err),
            })
    }

    /// Returns whether the driver of the drive has still to look at another medium.
    pub fn has_changed(&self) -> bool {
        self.with(|drive| drive.has_changed())
    }

    /// Returns whether the driver of the drive locks its door while it is open.
    pub fn locks_door(&self) -> bool {
        self.with(|drive| drive.locks_door())
    }

    /// Tells the driver of the drive that the medium was closed after the last write.
    pub fn set_closed(&self) {
        self.with(|drive| drive.set_closed());
    }

    /// Sets the size of the disk.
    pub fn set_nr_sectors(&self, sectors: u64) {
        self.with(|drive| drive.set_sectors(sectors));
    }
}
