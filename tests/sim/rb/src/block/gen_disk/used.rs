// SPDX-License-Identifier: GPL-2.0

//! A disk as its users have it.

use super::core::Core;
use crate::block::{
    bio::Bio,
    error::BlkResult, //
};
use kernel::prelude::*;

/// How a disk is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// For writing.
    pub write: bool,
    /// With `O_NONBLOCK`.
    pub nonblock: bool,
}

/// A disk, whatever its driver.
pub(crate) trait Used {
    /// Returns what all disks have.
    fn core(&self) -> &Core;
    /// Opens the disk.
    fn open(&self, how: Opening) -> Result;
    /// Closes it.
    fn release(&self);
    /// Carries out a bio, and waits for it.
    fn submit(&self, bio: Bio) -> BlkResult;
    /// Returns how many writes wait that the driver has not taken.
    fn waiting(&self) -> usize;
    /// Asks the driver.
    fn ioctl(&self, cmd: u32, arg: usize) -> Result<i32>;
}
