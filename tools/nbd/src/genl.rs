// SPDX-License-Identifier: GPL-2.0

//! As much of generic netlink as the family `nbd` needs.
//!
//! After a [`Family`] was found, a command needs no new memory: what is sent and received is in buffers
//! that are there.

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{
    bind, recv, send, socket_with, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

const CONTROL: u16 = 16;
const CONTROL_GETFAMILY: u8 = 3;
const CONTROL_ID: u16 = 1;
const CONTROL_NAME: u16 = 2;
const CONTROL_GROUPS: u16 = 7;
const GROUP_NAME: u16 = 1;
const GROUP_ID: u16 = 2;

const NLMSG_ERROR: u16 = 2;
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const NESTED: u16 = 0x8000;
/// Of netlink's header, and of generic netlink's behind it.
const HEADER: usize = 16;
const HEADERS: usize = HEADER + 4;

/// More than any message of the family has, the list of sockets included.
const BUFFER: usize = 16 << 10;
/// The kernel answers before a command was sent; this is for one that does not.
const PATIENCE: Timespec = Timespec {
    tv_sec: 10,
    tv_nsec: 0,
};

/// Attributes, one behind the other.
pub struct Attributes<'a>(&'a mut Vec<u8>);

impl Attributes<'_> {
    /// Adds bytes.
    pub fn bytes(&mut self, kind: u16, payload: &[u8]) {
        self.nested(kind, |inner| inner.0.extend(payload));
    }

    /// Adds a number.
    pub fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    /// Adds a number.
    pub fn u64(&mut self, kind: u16, value: u64) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    /// Adds a string.
    pub fn string(&mut self, kind: u16, text: &str) {
        self.nested(kind, |inner| {
            inner.0.extend(text.as_bytes());
            inner.0.push(0);
        });
    }

    /// Adds attributes within one.
    pub fn list(&mut self, kind: u16, fill: impl FnOnce(&mut Attributes<'_>)) {
        self.nested(kind | NESTED, fill);
    }

    fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Attributes<'_>)) {
        let start = self.0.len();
        self.0.extend([0; 2]);
        self.0.extend(kind.to_ne_bytes());
        fill(&mut Attributes(self.0));
        // Nothing here comes near 64 KiB.
        let length = u16::try_from(self.0.len() - start).unwrap_or(u16::MAX);
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The attributes in these bytes, by kind, up to the first that is not whole.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        let kind = u16_at(bytes, 2)? & !NESTED;
        let payload = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, payload))
    })
}

/// The first attribute of a kind.
pub fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut all = attributes(bytes);
    all.find(|(kind, _)| *kind == wanted)
        .map(|(_, payload)| payload)
}

/// The first attribute of a kind: a number of 32 bits.
pub fn find_u32(bytes: &[u8], wanted: u16) -> Option<u32> {
    u32_at(find(bytes, wanted)?, 0)
}

/// A message of the kernel.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// How a command ended: zero or an errno.
    Status {
        /// The number of the command.
        sequence: u32,
        /// Which.
        errno: i32,
    },
    /// A command of a family, with attributes.
    Command {
        /// The number of the command that it answers.
        sequence: u32,
        /// Which.
        command: u8,
        /// The attributes.
        attributes: &'a [u8],
    },
    /// Something else.
    Other,
}

/// The messages in a datagram, up to the first that is not whole.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let message = bytes.get(..length).filter(|bytes| bytes.len() >= HEADER)?;
        let next = length.checked_next_multiple_of(4)?;
        bytes = bytes.get(next..).unwrap_or_default();
        Some(parse(message).unwrap_or(Message::Other))
    })
}

fn parse(message: &[u8]) -> Option<Message<'_>> {
    let sequence = u32_at(message, 8)?;
    match u16_at(message, 4)? {
        NLMSG_ERROR => Some(Message::Status {
            sequence,
            errno: (u32_at(message, HEADER)? as i32).checked_neg()?,
        }),
        // Those below are netlink's own.
        kind if kind >= CONTROL => Some(Message::Command {
            sequence,
            command: *message.get(HEADER)?,
            attributes: message.get(HEADERS..)?,
        }),
        _ => None,
    }
}

fn open(groups: u32) -> io::Result<OwnedFd> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        Some(netlink::GENERIC),
    )?;
    bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    Ok(socket)
}

/// A family of messages.
pub struct Family {
    socket: OwnedFd,
    id: u16,
    /// Of the last command.
    sequence: u32,
    sent: Vec<u8>,
    reply: Vec<u8>,
    group: Option<u32>,
}

impl Family {
    /// Finds the family with this name, and its group of that name.
    pub fn find(name: &str, group: &str) -> io::Result<Self> {
        let mut family = Self {
            socket: open(0)?,
            id: CONTROL,
            sequence: 0,
            sent: Vec::with_capacity(BUFFER),
            reply: vec![0; BUFFER],
            group: None,
        };
        let found = family.call(CONTROL_GETFAMILY, |message| {
            message.string(CONTROL_NAME, name);
        })?;
        let id = find(found, CONTROL_ID).and_then(|id| u16_at(id, 0));
        let group = group_of(found, group);
        family.id = id.ok_or(io::ErrorKind::NotFound)?;
        family.group = group;
        Ok(family)
    }

    /// Sends a command and waits until it is done; returns the attributes of the reply, if it has one.
    pub fn call(
        &mut self,
        command: u8,
        fill: impl FnOnce(&mut Attributes<'_>),
    ) -> io::Result<&[u8]> {
        self.sequence = self.sequence.wrapping_add(1);
        self.encode(command, fill);
        send(&self.socket, &self.sent, SendFlags::empty())?;
        let mut at = 0..0;
        loop {
            // A reply stays where it is; the status goes behind it.
            let end = at.end;
            let length = self.receive(end)?;
            let start = self.reply.as_ptr() as usize;
            for message in messages(&self.reply[end..end + length]) {
                match message {
                    Message::Status { sequence, errno } if sequence == self.sequence => {
                        return match errno {
                            0 => Ok(&self.reply[at]),
                            _ => Err(io::Error::from_raw_os_error(errno)),
                        };
                    }
                    Message::Command {
                        sequence,
                        attributes,
                        ..
                    } if sequence == self.sequence => {
                        let first = attributes.as_ptr() as usize - start;
                        at = first..first + attributes.len();
                    }
                    _ => {}
                }
            }
        }
    }

    fn encode(&mut self, command: u8, fill: impl FnOnce(&mut Attributes<'_>)) {
        self.sent.clear();
        self.sent.extend([0; 4]);
        self.sent.extend(self.id.to_ne_bytes());
        self.sent.extend((REQUEST | ACK).to_ne_bytes());
        self.sent.extend(self.sequence.to_ne_bytes());
        self.sent.extend([0; 4]);
        self.sent.extend([command, 1, 0, 0]);
        fill(&mut Attributes(&mut self.sent));
        let length = u32::try_from(self.sent.len()).unwrap_or(u32::MAX);
        self.sent[..4].copy_from_slice(&length.to_ne_bytes());
    }

    fn receive(&mut self, at: usize) -> io::Result<usize> {
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        if poll(&mut fds, Some(&PATIENCE))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let buffer = self.reply.get_mut(at..).unwrap_or_default();
        Ok(recv(&self.socket, buffer, RecvFlags::empty())?.0)
    }

    /// What the family tells the group from now on; `None` if that cannot be had.
    pub fn notices(&self) -> io::Result<Option<Notices>> {
        // There are that many in a mask; the others would need a socket option.
        let mask = self
            .group
            .and_then(|group| 1u32.checked_shl(group.checked_sub(1)?));
        mask.map(|mask| open(mask).map(Notices)).transpose()
    }
}

/// The number of a group.
fn group_of(family: &[u8], name: &str) -> Option<u32> {
    let mut groups = attributes(find(family, CONTROL_GROUPS)?).map(|(_, group)| group);
    let group = groups.find(|group| {
        find(group, GROUP_NAME)
            .is_some_and(|found| found.strip_suffix(b"\0") == Some(name.as_bytes()))
    })?;
    find_u32(group, GROUP_ID)
}

/// A socket on which notices come in.
pub struct Notices(OwnedFd);

impl AsFd for Notices {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Notices {
    /// Takes all that are there; returns whether one of them is this command, with this number as the
    /// attribute.
    pub fn any(&self, command: u8, attribute: u16, number: u32) -> bool {
        let mut buffer = [0; 1024];
        let mut found = false;
        loop {
            match recv(&self.0, &mut buffer, RecvFlags::empty()) {
                Ok((_, length)) => {
                    found |= messages(&buffer[..length.min(buffer.len())]).any(|message| {
                        matches!(message, Message::Command { command: got, attributes, .. }
                            if got == command && find_u32(attributes, attribute) == Some(number))
                    });
                }
                // Some were lost: it may have been among them.
                Err(rustix::io::Errno::NOBUFS) => found = true,
                Err(_) => return found,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(fill: impl FnOnce(&mut Attributes<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        fill(&mut Attributes(&mut bytes));
        bytes
    }

    /// What the control family says of nbd.
    fn family() -> Vec<u8> {
        encoded(|family| {
            family.string(CONTROL_NAME, "nbd");
            family.bytes(CONTROL_ID, &27u16.to_ne_bytes());
            family.list(CONTROL_GROUPS, |groups| {
                for (at, name) in [(1, "other"), (2, "nbd_mc_group")] {
                    groups.list(at, |group| {
                        group.u32(GROUP_ID, u32::from(at) + 4);
                        group.string(GROUP_NAME, name);
                    });
                }
            });
        })
    }

    #[test]
    fn groups() {
        assert_eq!(group_of(&family(), "nbd_mc_group"), Some(6));
        assert_eq!(group_of(&family(), "nbd_mc"), None);
        for length in 0..family().len() {
            // One that is cut is not found in part.
            assert_ne!(group_of(&family()[..length], "nbd_mc_group"), Some(0));
        }
    }

    #[test]
    fn numbers_and_padding() {
        let bytes = encoded(|all| {
            all.bytes(3, b"abcde");
            all.u64(4, 1 << 40);
            all.u32(5, 9);
        });
        assert_eq!(bytes.len(), 12 + 12 + 8);
        assert_eq!(find(&bytes, 3), Some(&b"abcde"[..]));
        assert_eq!(find_u32(&bytes, 5), Some(9));
        assert_eq!(find_u32(&bytes, 6), None);
    }

    #[test]
    fn lengths_that_are_none() {
        for bytes in [
            &[0, 0, 1, 0][..],
            &[3, 0, 1, 0],
            &[9, 0, 1, 0, 1, 1, 1, 1],
            &[4, 0, 1],
            b"",
        ] {
            assert_eq!(attributes(bytes).count(), 0, "{bytes:?}");
        }
        let message = |length: u32| [&length.to_ne_bytes()[..], &[0; 28]].concat();
        for length in [0, 15, 33, u32::MAX] {
            assert_eq!(messages(&message(length)).count(), 0, "{length}");
        }
    }

    #[test]
    fn statuses() {
        let mut bytes = [&36u32.to_ne_bytes()[..], &[0; 32]].concat();
        bytes[4] = NLMSG_ERROR as u8;
        bytes[8] = 7;
        bytes[16..20].copy_from_slice(&(-16i32).to_ne_bytes());
        let status = Message::Status {
            sequence: 7,
            errno: 16,
        };
        assert_eq!(messages(&bytes).collect::<Vec<_>>(), [status]);
        bytes[16..20].copy_from_slice(&i32::MIN.to_ne_bytes());
        assert_eq!(messages(&bytes).collect::<Vec<_>>(), [Message::Other]);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            prop_assert!(attributes(&bytes).count() <= bytes.len() / 4);
            prop_assert!(messages(&bytes).count() <= bytes.len() / HEADER);
            let _ = group_of(&bytes, "nbd");
        }

        #[test]
        fn there_and_back(values in prop::collection::vec((0u16..0x4000, any::<Vec<u8>>()), 0..9)) {
            let bytes = encoded(|all| {
                for (kind, value) in &values {
                    all.bytes(*kind, value);
                }
            });
            let read: Vec<_> = attributes(&bytes).map(|(kind, value)| (kind, value.to_vec())).collect();
            prop_assert_eq!(read, values);
        }
    }
}
