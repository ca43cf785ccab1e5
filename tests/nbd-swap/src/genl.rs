// SPDX-License-Identifier: GPL-2.0

//! As much of generic netlink as the `nbd` family needs.

use rustix::net::{
    bind, netlink::SocketAddrNetlink, recv, send, socket_with, AddressFamily, RecvFlags, SendFlags,
    SocketFlags, SocketType,
};
use std::{io, os::fd::OwnedFd};

const GENERIC: u32 = 16;
const CONTROL: u16 = 16;
const CONTROL_GETFAMILY: u8 = 3;
const CONTROL_ID: u16 = 1;
const CONTROL_NAME: u16 = 2;
const NLMSG_ERROR: u16 = 2;
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const NESTED: u16 = 0x8000;

/// Attributes, one behind the other.
#[derive(Default)]
pub struct Attributes(Vec<u8>);

impl Attributes {
    fn bytes(mut self, kind: u16, payload: &[u8]) -> Self {
        let length = 4 + payload.len() as u16;
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(payload);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// Adds a number.
    pub fn u32(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Adds a number.
    pub fn u64(self, kind: u16, value: u64) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Adds attributes within one.
    pub fn nested(self, kind: u16, inner: Self) -> Self {
        self.bytes(kind | NESTED, &inner.0)
    }
}

/// A family of messages.
pub struct Family {
    socket: OwnedFd,
    id: u16,
    reply: Vec<u8>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// The attribute of this kind: a number of 16 bits.
fn find_u16(mut bytes: &[u8], wanted: u16) -> Option<u16> {
    loop {
        let length = usize::from(u16_at(bytes, 0)?);
        if u16_at(bytes, 2)? == wanted {
            return u16_at(bytes, 4);
        }
        bytes = bytes.get(length.next_multiple_of(4).max(4)..)?;
    }
}

impl Family {
    /// Finds the family with this name.
    pub fn find(name: &str) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let kind = SocketType::RAW;
        let protocol =
            rustix::net::Protocol::from_raw(GENERIC.try_into().map_err(io::Error::other)?);
        let socket = socket_with(AddressFamily::NETLINK, kind, flags, Some(protocol))?;
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        let mut family = Self {
            socket,
            id: CONTROL,
            reply: vec![0; 16 << 10],
        };
        let name = [name.as_bytes(), b"\0"].concat();
        let length = family.call(
            CONTROL_GETFAMILY,
            &Attributes::default().bytes(CONTROL_NAME, &name),
        )?;
        // Behind the headers of netlink and of generic netlink.
        let found = find_u16(&family.reply[..length][20..], CONTROL_ID);
        family.id = found.ok_or(io::ErrorKind::NotFound)?;
        Ok(family)
    }

    /// Sends a command and waits until it is done; returns the length of the first message in reply
    /// that is more than a status.
    pub fn call(&mut self, command: u8, attributes: &Attributes) -> io::Result<usize> {
        let mut message = Vec::with_capacity(20 + attributes.0.len());
        message.extend((20 + attributes.0.len() as u32).to_ne_bytes());
        message.extend(self.id.to_ne_bytes());
        message.extend((REQUEST | ACK).to_ne_bytes());
        message.extend([0; 8]);
        message.extend([command, 1, 0, 0]);
        message.extend(&attributes.0);
        send(&self.socket, &message, SendFlags::empty())?;

        let mut answer = 0;
        loop {
            let mut buffer = std::mem::take(&mut self.reply);
            let keep = answer;
            let received = recv(&self.socket, &mut buffer[keep..], RecvFlags::empty());
            self.reply = buffer;
            let (_, length) = received?;
            let bytes = &self.reply[keep..keep + length];
            if u16_at(bytes, 4) == Some(NLMSG_ERROR) && length >= 20 {
                let status = i32::from_ne_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
                return match status {
                    0 => Ok(answer),
                    error => Err(io::Error::from_raw_os_error(-error)),
                };
            }
            answer = length;
        }
    }
}
