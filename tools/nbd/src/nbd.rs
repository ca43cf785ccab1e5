// SPDX-License-Identifier: GPL-2.0

//! The commands of the driver.
//!
//! Source: `include/uapi/linux/nbd-netlink.h`, and the driver's guide for attribute 64.

use crate::device::Device;
use crate::genl::{find_u32, Attributes, Family, Notices};
use crate::negotiate::Export;
use crate::{Error, Result};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::process::{Command, Stdio};

const CONNECT: u8 = 1;
const DISCONNECT: u8 = 2;
const RECONFIGURE: u8 = 3;
const LINK_DEAD: u8 = 4;

const INDEX: u16 = 1;
const SIZE: u16 = 2;
const BLOCK_SIZE: u16 = 3;
const TIMEOUT: u16 = 4;
const SERVER_FLAGS: u16 = 5;
const SOCKETS: u16 = 7;
const DEAD_TIMEOUT: u16 = 8;
const IDENTIFIER: u16 = 10;
const MAX_REQUEST: u16 = 64;

const ITEM: u16 = 1;
const FD: u16 = 1;
const PLACE: u16 = 64;

/// What is said of a device besides its sockets.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// Which.
    pub device: Device,
    /// What its server is told apart by.
    pub identifier: &'a str,
    /// What the server serves.
    pub export: Export,
    /// Bytes of a block.
    pub block: u32,
    /// After how many seconds without a sign a connection is given up.
    pub timeout: u32,
    /// For how many seconds requests wait when all connections are lost.
    pub dead_timeout: u32,
    /// Most bytes of a request, or zero for a page.
    pub max_request: Option<u32>,
}

/// Whether a driver is there, by the text of `/proc/devices`.
fn is_loaded(devices: &str) -> bool {
    let mut lines = devices.lines();
    lines.any(|line| line.split_ascii_whitespace().nth(1) == Some("nbd"))
}

/// Loads the driver by the name that packages give it, or by that of `make modules_install`.
fn load() {
    for module in ["rblk-nbd", "nbd"] {
        let mut probe = Command::new("modprobe");
        let status = probe.args(["-q", module]).stdin(Stdio::null()).status();
        if status.is_ok_and(|status| status.success()) {
            break;
        }
    }
}

/// The driver.
pub struct Nbd(Family);

impl Nbd {
    /// Finds the driver; loads it if it is not there.
    pub fn open() -> Result<Self> {
        // Whoever asks for the family has the kernel load its own driver.
        if !is_loaded(&fs::read_to_string("/proc/devices").unwrap_or_default()) {
            load();
        }
        let found = Family::find("nbd", "nbd_mc_group");
        match found {
            Ok(family) => Ok(Self(family)),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Err(Error::NoDriver(
                "the nbd driver is not loaded: run `modprobe rblk-nbd` as root".into(),
            )),
            Err(err) => Err(Error::system("netlink", err)),
        }
    }

    /// Connects a device; returns how many bytes its requests have at most, if that was asked for and
    /// understood.
    pub fn connect(
        &mut self,
        setup: &Setup<'_>,
        sockets: &[BorrowedFd<'_>],
    ) -> io::Result<Option<u32>> {
        let reply = self.0.call(CONNECT, |message| {
            message.u32(INDEX, setup.device.0);
            message.u64(SIZE, setup.export.size);
            message.u64(BLOCK_SIZE, setup.block.into());
            message.u64(SERVER_FLAGS, setup.export.flags.into());
            message.string(IDENTIFIER, setup.identifier);
            times(message, setup);
            if let Some(bytes) = setup.max_request {
                message.u32(MAX_REQUEST, bytes);
            }
            message.list(SOCKETS, |list| {
                for socket in sockets {
                    list.list(ITEM, |item| item.u32(FD, socket.as_raw_fd() as u32));
                }
            });
        })?;
        Ok(find_u32(reply, MAX_REQUEST))
    }

    /// Puts sockets in the places of connections, lost or not.
    pub fn put<'a>(
        &mut self,
        setup: &Setup<'_>,
        sockets: impl Iterator<Item = (usize, BorrowedFd<'a>)>,
    ) -> io::Result<()> {
        let done = self.0.call(RECONFIGURE, |message| {
            message.u32(INDEX, setup.device.0);
            message.string(IDENTIFIER, setup.identifier);
            times(message, setup);
            message.list(SOCKETS, |list| {
                for (place, socket) in sockets {
                    list.list(ITEM, |item| {
                        item.u32(FD, socket.as_raw_fd() as u32);
                        item.u32(PLACE, place as u32);
                    });
                }
            });
        });
        done.map(drop)
    }

    /// Disconnects a device, whatever it is connected to, or if it is connected to that. The in-tree
    /// driver does not look at the identifier.
    pub fn disconnect(&mut self, device: Device, identifier: Option<&str>) -> io::Result<()> {
        let done = self.0.call(DISCONNECT, |message| {
            message.u32(INDEX, device.0);
            if let Some(identifier) = identifier {
                message.string(IDENTIFIER, identifier);
            }
        });
        done.map(drop)
    }

    /// What the driver says when a connection is lost, if it can be listened to.
    pub fn notices(&self) -> io::Result<Option<Notices>> {
        self.0.notices()
    }
}

fn times(message: &mut Attributes<'_>, setup: &Setup<'_>) {
    message.u64(TIMEOUT, setup.timeout.into());
    message.u64(DEAD_TIMEOUT, setup.dead_timeout.into());
}

/// Whether a device has lost a connection, by all notices that are there.
pub fn has_lost(notices: &Notices, device: Device) -> bool {
    notices.any(LINK_DEAD, INDEX, device.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers() {
        assert!(is_loaded(
            "Character devices:\n  1 mem\n\nBlock devices:\n 43 nbd\n254 virtblk\n"
        ));
        assert!(!is_loaded("Block devices:\n 43 nbdx\nnbd\n"));
        assert!(!is_loaded(""));
    }
}
