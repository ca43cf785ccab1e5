// SPDX-License-Identifier: GPL-2.0

use super::{
    core::Typed,
    DiskRef,
    GenDisk, //
};
use crate::block::{
    bio::Bio,
    error::BlkResult, //
};
use kernel::{
    prelude::*,
    str::CString,
    types::ForeignOwnable, //
};
use std::sync::Arc as Shared;

/// What a disk lends of its data.
pub(crate) type Borrowed<'a, T> = <<T as Operations>::Data as ForeignOwnable>::Borrowed<'a>;

/// What a disk does besides IO.
#[vtable]
pub trait Operations: Sized + 'static {
    /// Data of the disk.
    type Data: ForeignOwnable + Send + Sync + 'static;

    /// Called when the disk is opened.
    fn open(_data: Borrowed<'_, Self>, _disk: &DiskRef, _how: Opening) -> Result {
        build_error!()
    }

    /// Called for each successful open, when it is closed.
    fn release(_data: Borrowed<'_, Self>, _disk: &DiskRef) {
        build_error!()
    }

    /// Called for each ioctl that the block layer does not handle itself.
    fn ioctl(_disk: &GenDisk<Self>, _call: &Ioctl) -> Result<i32> {
        build_error!()
    }

    /// Returns the path of the device node.
    fn devnode(_data: Borrowed<'_, Self>) -> Result<CString> {
        build_error!()
    }
}

/// How a disk is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// For writing.
    pub write: bool,
    /// With `O_NONBLOCK`.
    pub nonblock: bool,
}

/// An ioctl as somebody has asked for it.
pub struct Ioctl {
    pub(crate) cmd: u32,
    pub(crate) arg: usize,
}

impl Ioctl {
    /// Returns the number of the ioctl.
    pub fn cmd(&self) -> u32 {
        self.cmd
    }

    /// Returns the argument.
    pub fn arg(&self) -> usize {
        self.arg
    }

    /// Returns whether a 32-bit program has asked on a 64-bit system.
    pub fn is_compat(&self) -> bool {
        false
    }
}

/// How bios get to the driver.
pub(crate) trait Front<T: Operations>: Send + Sync {
    /// Carries out a bio, and waits for it.
    fn submit(&self, disk: &Shared<Typed<T>>, bio: Bio) -> BlkResult;
}
