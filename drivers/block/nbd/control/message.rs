// SPDX-License-Identifier: GPL-2.0

//! The numbers of the generic netlink family `nbd`, and what a command says with them.
//!
//! Source: `include/uapi/linux/nbd-netlink.h`.

use crate::{
    control::registry::{
        Registry,
        Unit, //
    },
    logic::{
        flags::ServerFlags,
        size::Size, //
    },
    session::{
        device::Device,
        limits,
        setup::{
            Setup,
            MAX_LINKS, //
        },
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    },
};
use rb::net::{
    genl::{
        Attr,
        Info, //
    },
    Socket, //
};

pub(super) const CONNECT: u8 = 1;
pub(super) const DISCONNECT: u8 = 2;
pub(super) const RECONFIGURE: u8 = 3;
pub(super) const LINK_DEAD: u8 = 4;
pub(super) const STATUS: u8 = 5;

pub(super) const INDEX: u16 = 1;
pub(super) const SIZE_BYTES: u16 = 2;
pub(super) const BLOCK_SIZE_BYTES: u16 = 3;
pub(super) const TIMEOUT: u16 = 4;
pub(super) const SERVER_FLAGS: u16 = 5;
pub(super) const CLIENT_FLAGS: u16 = 6;
pub(super) const SOCKETS: u16 = 7;
pub(super) const DEAD_CONN_TIMEOUT: u16 = 8;
pub(super) const DEVICE_LIST: u16 = 9;
pub(super) const BACKEND_IDENTIFIER: u16 = 10;

/// Attributes that the kernel's own driver does not have, from a number on that it is far from.
pub(super) const MAX_REQUEST_BYTES: u16 = 64;

/// In `SOCKETS`: one connection; in it: its descriptor.
const SOCK_ITEM: u16 = 1;
const SOCK_FD: u16 = 1;

/// In an item, of ours: the number of the connection whose place this one takes, or of one more.
const SOCK_PLACE: u16 = 64;

/// In `DEVICE_LIST`: one device; in it: its number, and whether it is connected.
pub(super) const DEVICE_ITEM: u16 = 1;
pub(super) const DEVICE_INDEX: u16 = 1;
pub(super) const DEVICE_CONNECTED: u16 = 2;

/// Bytes that one device takes in a list, and more than the rest of the message.
pub(super) const DEVICE_ROOM: usize = 64;

const DESTROY_ON_DISCONNECT: u64 = 1 << 0;
const DISCONNECT_ON_CLOSE: u64 = 1 << 1;

/// Returns a number that a command may have.
fn number(info: &Info<'_>, attr: u16) -> Result<Option<u64>> {
    info.attr(attr).map(|attr| attr.u64()).transpose()
}

/// Returns a number of seconds that a command may have.
fn seconds(info: &Info<'_>, attr: u16) -> Result<Option<u32>> {
    match number(info, attr)? {
        // Longer than anybody waits.
        Some(seconds) => Ok(Some(u32::try_from(seconds).unwrap_or(u32::MAX / 1000))),
        None => Ok(None),
    }
}

pub(super) fn index(info: &Info<'_>) -> Result<Option<u32>> {
    info.attr(INDEX).map(|attr| attr.u32()).transpose()
}

/// Returns the device that a command names.
pub(super) fn named(registry: &Registry, info: &Info<'_>) -> Result<Arc<Unit>> {
    let index = index(info)?.ok_or(EINVAL)?;
    registry.find(index).ok_or(EINVAL)
}

/// Returns what an export can do, as a command says.
pub(super) fn server_flags(info: &Info<'_>) -> Result<ServerFlags> {
    // The upper half is not for us.
    let flags = number(info, SERVER_FLAGS)?.unwrap_or(0) as u32;
    Ok(ServerFlags::from_raw(flags))
}

/// A socket that a command brings.
pub(super) struct Descriptor {
    /// What the sender knows it by.
    pub(super) fd: u32,
    /// Which place it is to take, if not just any.
    pub(super) place: Option<u32>,
}

/// Returns the descriptors of the sender that a command has brought.
pub(super) fn descriptors(list: &Attr<'_>) -> Result<KVec<Descriptor>> {
    let mut fds = KVec::new();
    for item in list.nested() {
        if item.kind() != SOCK_ITEM {
            return Err(EINVAL);
        }
        let place = item.nested().find(|field| field.kind() == SOCK_PLACE);
        let place = place.map(|field| field.u32()).transpose()?;
        for field in item.nested() {
            if field.kind() != SOCK_FD {
                continue;
            }
            if fds.len() >= MAX_LINKS {
                pr_err!("more than {} connections are not supported\n", MAX_LINKS);
                return Err(EINVAL);
            }
            let fd = field.u32()?;
            fds.push(Descriptor { fd, place }, GFP_KERNEL)?;
        }
    }
    Ok(fds)
}

/// Takes the sockets that descriptors stand for. That changes them, so it comes when all else is fine.
pub(super) fn sockets<'a>(
    device: &Device,
    fds: impl Iterator<Item = &'a Descriptor>,
) -> Result<KVec<Socket>> {
    let mut sockets = KVec::new();
    for Descriptor { fd, .. } in fds {
        sockets.push(device.take_socket(*fd)?, GFP_KERNEL)?;
    }
    Ok(sockets)
}

/// Returns the identifier of a server that a command may have, as the bytes that it is.
pub(super) fn backend<'a>(info: &'a Info<'_>) -> Result<Option<&'a [u8]>> {
    let attr = info.attr(BACKEND_IDENTIFIER);
    attr.map(|attr| attr.str()).transpose()
}

/// Returns how many bytes a request is to have at most, if a command says so.
pub(super) fn max_request(info: &Info<'_>) -> Result<Option<u32>> {
    match info.attr(MAX_REQUEST_BYTES) {
        Some(attr) => Ok(Some(limits::request_limit(attr.u32()?.into())?)),
        None => Ok(None),
    }
}

/// What is said about a device besides its sockets.
pub(super) struct Options {
    pub(super) size: Option<u64>,
    block: Option<u64>,
    timeout: Option<u32>,
    dead_timeout: Option<u32>,
    client_flags: Option<u64>,
}

impl Options {
    pub(super) fn of(info: &Info<'_>) -> Result<Self> {
        Ok(Self {
            size: number(info, SIZE_BYTES)?,
            block: number(info, BLOCK_SIZE_BYTES)?,
            timeout: seconds(info, TIMEOUT)?,
            dead_timeout: seconds(info, DEAD_CONN_TIMEOUT)?,
            client_flags: number(info, CLIENT_FLAGS)?,
        })
    }

    /// Returns the size that is to be, which was `old`.
    pub(super) fn size(&self, max_block: u32, old: Size) -> Result<Size> {
        let bytes = self.size.unwrap_or(old.bytes);
        let block = self.block.unwrap_or(u64::from(old.block));
        Size::new(bytes, block, max_block).ok_or(EINVAL)
    }

    pub(super) fn apply(&self, device: &Device, setup: &mut Setup) {
        setup.timeout = self.timeout.unwrap_or(setup.timeout);
        setup.dead_timeout = self.dead_timeout.unwrap_or(setup.dead_timeout);
        if let Some(flags) = self.client_flags {
            setup.disconnect_on_close = flags & DISCONNECT_ON_CLOSE != 0;
            let destroy = flags & DESTROY_ON_DISCONNECT != 0;
            device.destroy.store(destroy, Relaxed);
        }
    }
}
