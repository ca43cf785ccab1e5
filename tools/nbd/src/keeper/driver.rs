// SPDX-License-Identifier: GPL-2.0

//! What keeping a device needs of the kernel.

use super::promise::Promise;
use crate::genl::Notices;
use crate::nbd::{self, Nbd, Setup};
use crate::status;
use crate::{Error, Result};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// The driver of a device.
pub trait Driver {
    /// Connects the device; returns how many bytes its requests have at most, if that was asked for
    /// and understood.
    fn connect(&mut self, setup: &Setup<'_>, sockets: &[BorrowedFd<'_>])
        -> io::Result<Option<u32>>;

    /// Puts sockets in the places of connections, lost or not.
    fn put<'a>(
        &mut self,
        setup: &Setup<'_>,
        sockets: impl Iterator<Item = (usize, BorrowedFd<'a>)>,
    ) -> io::Result<()>;

    /// Disconnects the device, if it is connected as in `setup`.
    fn disconnect(&mut self, setup: &Setup<'_>) -> io::Result<()>;

    /// Whether it is connected as in `setup`.
    fn is_connected(&self, setup: &Setup<'_>) -> bool;

    /// What it has promised to those who use it.
    fn promised(&self, setup: &Setup<'_>, several: bool) -> Option<Promise>;

    /// Whether it says that a connection was lost since this was asked last.
    fn has_lost(&self, setup: &Setup<'_>) -> bool;

    /// Its connections.
    fn links(&self, setup: &Setup<'_>) -> Option<Vec<status::Link>>;

    /// What can be read once it has something to say.
    fn listen(&self) -> Option<BorrowedFd<'_>>;
}

/// The driver, reached over netlink and sysfs.
pub struct Kernel {
    nbd: Nbd,
    notices: Option<Notices>,
}

impl Kernel {
    /// The driver that is there.
    pub fn new(nbd: Nbd) -> Result<Self> {
        let notices = nbd.notices().map_err(|err| Error::system("netlink", err))?;
        Ok(Self { nbd, notices })
    }
}

impl Driver for Kernel {
    fn connect(
        &mut self,
        setup: &Setup<'_>,
        sockets: &[BorrowedFd<'_>],
    ) -> io::Result<Option<u32>> {
        self.nbd.connect(setup, sockets)
    }

    fn put<'a>(
        &mut self,
        setup: &Setup<'_>,
        sockets: impl Iterator<Item = (usize, BorrowedFd<'a>)>,
    ) -> io::Result<()> {
        self.nbd.put(setup, sockets)
    }

    fn disconnect(&mut self, setup: &Setup<'_>) -> io::Result<()> {
        self.nbd.disconnect(setup.device, Some(setup.identifier))
    }

    fn is_connected(&self, setup: &Setup<'_>) -> bool {
        setup.device.is_connected_to(setup.identifier)
    }

    fn promised(&self, setup: &Setup<'_>, several: bool) -> Option<Promise> {
        Promise::of_device(setup.device, several)
    }

    fn has_lost(&self, setup: &Setup<'_>) -> bool {
        let notices = self.notices.as_ref();
        notices.is_some_and(|notices| nbd::has_lost(notices, setup.device))
    }

    fn links(&self, setup: &Setup<'_>) -> Option<Vec<status::Link>> {
        status::links_of(setup.device)
    }

    fn listen(&self) -> Option<BorrowedFd<'_>> {
        self.notices.as_ref().map(AsFd::as_fd)
    }
}
