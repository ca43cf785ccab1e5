// SPDX-License-Identifier: GPL-2.0
//! What goes over the wire, all of it big-endian.

/// First word of a request.
pub const REQUEST_MAGIC: u32 = 0x2560_9513;
/// First word of a simple reply.
pub const REPLY_MAGIC: u32 = 0x6744_6698;
/// First word of a chunk of a structured reply, which was never negotiated.
pub const CHUNK_MAGIC: u32 = 0x668e_33ef;
/// Bytes of a request before its payload.
pub const REQUEST_LEN: usize = 28;

/// Command flag: on stable storage before the reply.
pub const FUA: u16 = 1;
/// Command flag: do not make a hole.
pub const NO_HOLE: u16 = 2;

/// Errors of the protocol.
pub mod error {
    /// The export cannot be written.
    pub const EPERM: u32 = 1;
    /// Any other failure.
    pub const EIO: u32 = 5;
    /// A bad request.
    pub const EINVAL: u32 = 22;
    /// Beyond the end of the export.
    pub const ENOSPC: u32 = 28;
}

/// Transmission flags.
pub mod flags {
    /// The others mean something.
    pub const HAS_FLAGS: u16 = 1;
    /// The export cannot be written.
    pub const READ_ONLY: u16 = 1 << 1;
    /// Flush may be sent.
    pub const FLUSH: u16 = 1 << 2;
    /// FUA may be set.
    pub const FUA: u16 = 1 << 3;
    /// Trim may be sent.
    pub const TRIM: u16 = 1 << 5;
    /// Write-zeroes may be sent.
    pub const ZEROES: u16 = 1 << 6;
    /// Several connections see the same data.
    pub const MULTI_CONN: u16 = 1 << 8;
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Read.
    Read,
    /// Write; its payload follows.
    Write,
    /// The client goes; there is no reply.
    Disconnect,
    /// All that was answered is to be on stable storage.
    Flush,
    /// The contents do not matter any more.
    Trim,
    /// Zeroes without a payload.
    Zeroes,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::Write,
        Self::Disconnect,
        Self::Flush,
        Self::Trim,
        Self::Zeroes,
    ];

    fn number(self) -> u16 {
        match self {
            Self::Read => 0,
            Self::Write => 1,
            Self::Disconnect => 2,
            Self::Flush => 3,
            Self::Trim => 4,
            Self::Zeroes => 6,
        }
    }

    /// The name used in options and statistics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Disconnect => "disc",
            Self::Flush => "flush",
            Self::Trim => "trim",
            Self::Zeroes => "zeroes",
        }
    }

    /// The command of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// A request without its payload.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// What to do; `None` for a number that is no command.
    pub command: Option<Command>,
    /// Command flags.
    pub flags: u16,
    /// To be sent back.
    pub cookie: u64,
    /// Where, in bytes.
    pub offset: u64,
    /// How much, in bytes.
    pub length: u32,
}

impl Request {
    /// `None` if the magic is wrong.
    pub fn parse(b: &[u8; REQUEST_LEN]) -> Option<Self> {
        let number = |at: usize, len: usize| {
            b[at..at + len]
                .iter()
                .fold(0u64, |n, byte| n << 8 | u64::from(*byte))
        };
        let command = number(6, 2) as u16;
        (number(0, 4) == u64::from(REQUEST_MAGIC)).then(|| Self {
            command: Command::ALL.into_iter().find(|c| c.number() == command),
            flags: number(4, 2) as u16,
            cookie: number(8, 8),
            offset: number(16, 8),
            length: number(24, 4) as u32,
        })
    }

    /// Bytes that follow the request.
    pub fn payload(&self) -> usize {
        match self.command {
            Some(Command::Write) => self.length as usize,
            _ => 0,
        }
    }
}

/// A simple reply without its payload.
pub fn reply(magic: u32, error: u32, cookie: u64) -> [u8; 16] {
    let mut b = [0; 16];
    b[..4].copy_from_slice(&magic.to_be_bytes());
    b[4..8].copy_from_slice(&error.to_be_bytes());
    b[8..].copy_from_slice(&cookie.to_be_bytes());
    b
}

/// The head of a chunk that claims `length` bytes of payload.
pub fn chunk(cookie: u64, length: u32) -> [u8; 20] {
    let mut b = [0; 20];
    b[..4].copy_from_slice(&CHUNK_MAGIC.to_be_bytes());
    // The last chunk, of data at an offset.
    b[4..8].copy_from_slice(&[0, 1, 0, 1]);
    b[8..16].copy_from_slice(&cookie.to_be_bytes());
    b[16..].copy_from_slice(&length.to_be_bytes());
    b
}
