// SPDX-License-Identifier: GPL-2.0

//! The commands of the netlink family, as programs send them.
//!
//! Source: `include/uapi/linux/nbd-netlink.h`, and the guide for what is ours.

pub(super) const CONNECT: u8 = 1;
pub(super) const DISCONNECT: u8 = 2;
pub(super) const RECONFIGURE: u8 = 3;
pub(super) const STATUS: u8 = 5;

pub(super) const INDEX: u16 = 1;
pub(super) const SIZE: u16 = 2;
pub(super) const BLOCK_SIZE: u16 = 3;
pub(super) const TIMEOUT: u16 = 4;
pub(super) const SERVER_FLAGS: u16 = 5;
pub(super) const CLIENT_FLAGS: u16 = 6;
pub(super) const SOCKETS: u16 = 7;
pub(super) const DEAD_TIMEOUT: u16 = 8;
pub(super) const BACKEND: u16 = 10;
const SOCKET: u16 = 1;
const FD: u16 = 1;
const PLACE: u16 = 64;

pub(super) const DESTROY: u64 = 1;
pub(super) const DISCONNECT_ON_CLOSE: u64 = 2;

/// Attributes of a message.
#[derive(Default)]
pub(super) struct Attributes(pub(super) Vec<u8>);

impl Attributes {
    pub(super) fn bytes(mut self, kind: u16, payload: &[u8]) -> Self {
        let len = payload.len() as u16 + 4;
        self.0.extend(len.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(payload);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    pub(super) fn u32(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    pub(super) fn u64(self, kind: u16, value: u64) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Adds sockets, with the places that they are to take, if any.
    pub(super) fn sockets(self, all: &[(u32, Option<u32>)]) -> Self {
        let mut list = Self::default();
        for (fd, place) in all {
            let mut item = Self::default().u32(FD, *fd);
            if let Some(place) = place {
                item = item.u32(PLACE, *place);
            }
            list = list.bytes(SOCKET, &item.0);
        }
        self.bytes(SOCKETS, &list.0)
    }
}
