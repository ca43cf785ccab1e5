// SPDX-License-Identifier: GPL-2.0

//! The transmission phase of the NBD protocol: messages as they are on the wire.
//!
//! Source: `doc/proto.md` of the NBD project, section "Transmission". All numbers are big-endian.

/// The first bytes of a request.
pub const REQUEST_MAGIC: u32 = 0x2560_9513;

/// The first bytes of a simple reply.
pub const REPLY_MAGIC: u32 = 0x6744_6698;

/// Length of a request without its data, in bytes.
pub const REQUEST_LEN: usize = 28;

/// Length of a simple reply without its data, in bytes.
pub const REPLY_LEN: usize = 16;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum RequestType {
    /// Data follows the reply.
    Read = 0,
    /// Data follows the request.
    Write = 1,
    /// Ends the connection; there is no reply.
    Disconnect = 2,
    /// Writes that were replied to go to stable storage.
    Flush = 3,
    /// The range need not be kept.
    Trim = 4,
    /// The range is to read as zeroes.
    WriteZeroes = 6,
}

/// The request is on stable storage before the reply comes (`NBD_CMD_FLAG_FUA`).
pub const COMMAND_FUA: u16 = 1 << 0;

/// A range that is zeroed stays allocated (`NBD_CMD_FLAG_NO_HOLE`).
pub const COMMAND_NO_HOLE: u16 = 1 << 1;

/// Names one use of a command slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Which slot.
    pub tag: u16,
    /// Which connection the request went out on.
    pub link: u16,
    /// Counts the uses of the slot.
    pub sequence: u32,
}

impl Cookie {
    /// Returns what goes over the wire.
    #[inline]
    pub fn encode(self) -> u64 {
        u64::from(self.sequence) << 32 | u64::from(self.link) << 16 | u64::from(self.tag)
    }

    /// Reads what came back.
    ///
    /// Nothing of it can be relied upon before it was compared with what was sent.
    #[inline]
    pub fn decode(raw: u64) -> Self {
        Self {
            tag: raw as u16,
            link: (raw >> 16) as u16,
            sequence: (raw >> 32) as u32,
        }
    }
}

/// A request without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// `COMMAND_*`.
    pub flags: u16,
    /// What is asked for.
    pub kind: RequestType,
    /// Comes back with the reply.
    pub cookie: u64,
    /// Bytes from the start of the export; zero for those without a range.
    pub offset: u64,
    /// Bytes; zero for those without a range.
    pub length: u32,
}

impl RequestHeader {
    /// The message that ends a connection.
    pub const DISCONNECT: Self = Self {
        flags: 0,
        kind: RequestType::Disconnect,
        cookie: 0,
        offset: 0,
        length: 0,
    };

    /// Returns the bytes of the message.
    #[inline]
    pub fn encode(&self) -> [u8; REQUEST_LEN] {
        let [m0, m1, m2, m3] = REQUEST_MAGIC.to_be_bytes();
        let [f0, f1] = self.flags.to_be_bytes();
        let [k0, k1] = (self.kind as u16).to_be_bytes();
        let [c0, c1, c2, c3, c4, c5, c6, c7] = self.cookie.to_be_bytes();
        let [o0, o1, o2, o3, o4, o5, o6, o7] = self.offset.to_be_bytes();
        let [l0, l1, l2, l3] = self.length.to_be_bytes();
        [
            m0, m1, m2, m3, f0, f1, k0, k1, c0, c1, c2, c3, c4, c5, c6, c7, o0, o1, o2, o3, o4, o5,
            o6, o7, l0, l1, l2, l3,
        ]
    }
}

/// A simple reply without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyHeader {
    /// Zero, or an [`NbdError`].
    pub error: u32,
    /// That of the request.
    pub cookie: u64,
}

impl ReplyHeader {
    /// Reads a reply, or returns the magic number that it has instead of the right one.
    #[inline]
    pub fn decode(bytes: &[u8; REPLY_LEN]) -> Result<Self, u32> {
        let [m0, m1, m2, m3, e0, e1, e2, e3, cookie @ ..] = *bytes;
        let magic = u32::from_be_bytes([m0, m1, m2, m3]);
        if magic != REPLY_MAGIC {
            return Err(magic);
        }
        Ok(Self {
            error: u32::from_be_bytes([e0, e1, e2, e3]),
            cookie: u64::from_be_bytes(cookie),
        })
    }
}

/// An error that a server reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NbdError {
    /// Not permitted: the export cannot be written to.
    NotPermitted,
    /// An I/O error, or something that the server has no memory for.
    Io,
    /// The request is invalid, too long, or of a value that the protocol does not know.
    Invalid,
    /// No space is left.
    NoSpace,
    /// The request is not supported.
    NotSupported,
    /// The server is about to shut down; another may take over.
    ShuttingDown,
}

impl NbdError {
    /// Reads an error of a reply; [`None`] stands for success.
    #[inline]
    pub fn decode(error: u32) -> Option<Self> {
        match error {
            0 => None,
            1 => Some(Self::NotPermitted),
            5 | 12 => Some(Self::Io),
            28 => Some(Self::NoSpace),
            95 => Some(Self::NotSupported),
            108 => Some(Self::ShuttingDown),
            _ => Some(Self::Invalid),
        }
    }
}

/// How a request ends that the server has refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It failed.
    IoError,
    /// It failed for want of space.
    NoSpace,
    /// The server does not do this; nobody is to ask again.
    Unsupported,
    /// It goes to another connection, and this one ends.
    GoElsewhere,
}

/// Decides how a request of the given type ends.
#[inline]
pub fn verdict(kind: RequestType, error: NbdError) -> Verdict {
    let optional = matches!(kind, RequestType::Trim | RequestType::WriteZeroes);

    match error {
        NbdError::ShuttingDown => Verdict::GoElsewhere,
        NbdError::NoSpace => Verdict::NoSpace,
        NbdError::NotSupported | NbdError::Invalid if optional => Verdict::Unsupported,
        _ => Verdict::IoError,
    }
}
