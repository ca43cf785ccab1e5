// SPDX-License-Identifier: GPL-2.0

//! Messages of the protocol, as a server reads and writes them.

/// Requests.
pub(super) const READ: u16 = 0;
pub(super) const WRITE: u16 = 1;
pub(super) const DISCONNECT: u16 = 2;
pub(super) const FLUSH: u16 = 3;
pub(super) const TRIM: u16 = 4;
pub(super) const ZEROES: u16 = 6;

/// Their flags.
pub(super) const FUA: u16 = 1;
pub(super) const NO_HOLE: u16 = 2;

/// What an export can do.
pub mod flag {
    /// It cannot be written to.
    pub const READ_ONLY: u32 = 1 << 1;
    /// It can flush.
    pub const FLUSH: u32 = 1 << 2;
    /// It can write through its cache.
    pub const FUA: u32 = 1 << 3;
    /// It can discard.
    pub const TRIM: u32 = 1 << 5;
    /// It can write zeroes.
    pub const ZEROES: u32 = 1 << 6;
    /// What was flushed over one connection is so for all.
    pub const MULTI_CONN: u32 = 1 << 8;
}

/// Length of a request without its data.
pub(super) const REQUEST: usize = 28;

/// A request without its data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) flags: u16,
    pub(super) kind: u16,
    pub(super) cookie: u64,
    pub(super) offset: u64,
    pub(super) length: u32,
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("it is as long")
}

impl Request {
    /// Reads one.
    pub(super) fn parse(bytes: &[u8; REQUEST]) -> Result<Self, String> {
        let magic = u32::from_be_bytes(number(bytes, 0));
        if magic != 0x2560_9513 {
            return Err(format!("a request begins with {magic:#x}"));
        }
        Ok(Self {
            flags: u16::from_be_bytes(number(bytes, 4)),
            kind: u16::from_be_bytes(number(bytes, 6)),
            cookie: u64::from_be_bytes(number(bytes, 8)),
            offset: u64::from_be_bytes(number(bytes, 16)),
            length: u32::from_be_bytes(number(bytes, 24)),
        })
    }

    pub(super) fn first(&self) -> u64 {
        self.offset / 512
    }

    pub(super) fn count(&self) -> u64 {
        u64::from(self.length) / 512
    }

    /// Looks whether a server with these flags, that many bytes, and requests of at most `most` bytes may
    /// get it.
    pub(super) fn check(&self, flags: u32, bytes: u64, most: u32) -> Result<(), String> {
        let needs = match self.kind {
            READ | WRITE | DISCONNECT => 0,
            FLUSH => flag::FLUSH,
            TRIM => flag::TRIM,
            ZEROES => flag::ZEROES,
            _ => return Err(format!("an unknown request: {self:?}")),
        };
        let mut allowed = 0;
        if flags & flag::FUA != 0 && matches!(self.kind, WRITE | TRIM | ZEROES) {
            allowed |= FUA;
        }
        if self.kind == ZEROES {
            allowed |= NO_HOLE;
        }
        let changes = matches!(self.kind, WRITE | TRIM | ZEROES);
        let has_range = changes || self.kind == READ;
        let in_range = if has_range {
            self.length != 0
                && self.length % 512 == 0
                && self.offset % 512 == 0
                && self.offset + u64::from(self.length) <= bytes
        } else {
            self.length == 0 && self.offset == 0
        };
        let too_long = matches!(self.kind, READ | WRITE) && self.length > most;
        let read_only = changes && flags & flag::READ_ONLY != 0;
        if flags & needs != needs
            || self.flags & !allowed != 0
            || !in_range
            || too_long
            || read_only
        {
            return Err(format!("a request that nobody may send: {self:?}"));
        }
        Ok(())
    }
}

/// Makes a reply without its data.
pub(super) fn reply(error: u32, cookie: u64) -> Vec<u8> {
    let mut bytes = 0x6744_6698_u32.to_be_bytes().to_vec();
    bytes.extend(error.to_be_bytes());
    bytes.extend(cookie.to_be_bytes());
    bytes
}
