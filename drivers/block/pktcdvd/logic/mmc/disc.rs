// SPDX-License-Identifier: GPL-2.0

//! The reply to READ DISC INFORMATION.

use super::reply::{
    Reply,
    ReplyError, //
};

/// How much of the reply is asked for, in bytes.
pub const REPLY_LEN: u16 = 34;

/// Bytes that have to be there: up to the type of the disc.
const NEEDED: usize = 9;

/// The type of a disc without any, or with data tracks only.
pub const TYPE_DATA: u8 = 0x00;

/// The type of a CD-ROM XA disc.
pub const TYPE_XA: u8 = 0x20;

/// How far a disc, or its last session, is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// Nothing is.
    Empty,
    /// There may be more.
    Incomplete,
    /// A disc: none of the others. A session: reserved.
    Other,
    /// All is.
    Complete,
}

/// How far a medium is formatted that the drive formats while it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formatted {
    /// It is not such a medium, or was never formatted.
    No,
    /// Formatting has begun, and was stopped.
    Stopped,
    /// Formatting goes on.
    Running,
    /// All is formatted.
    Complete,
}

impl Formatted {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Stopped => "in part, and stopped",
            Self::Running => "by the drive, in the background",
            Self::Complete => "as a whole",
        }
    }
}

/// The fields of READ DISC INFORMATION that the driver uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiscInfo {
    /// How far the disc is recorded.
    pub disc: Recorded,
    /// How far its last session is.
    pub session: Recorded,
    /// The disc is erasable.
    pub erasable: bool,
    /// Number of the first track.
    pub first_track: u8,
    /// Number of the last track.
    pub last_track: u16,
    /// How far it is formatted.
    pub formatted: Formatted,
    /// Type of a CD; 0xff if there is none.
    pub disc_type: u8,
    /// The disc identification, if the disc has one.
    pub id: Option<u32>,
}

impl DiscInfo {
    /// Reads the reply.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Short`] if it ends before the type of the disc.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReplyError> {
        let reply = Reply::new(bytes).self_sized().require(NEEDED)?;
        let byte = |at| reply.u8(at).unwrap_or_default();
        let states = byte(2);

        Ok(Self {
            disc: match states & 3 {
                0 => Recorded::Empty,
                1 => Recorded::Incomplete,
                2 => Recorded::Complete,
                _ => Recorded::Other,
            },
            session: match states >> 2 & 3 {
                0 => Recorded::Empty,
                1 => Recorded::Incomplete,
                2 => Recorded::Other,
                _ => Recorded::Complete,
            },
            erasable: states & 0x10 != 0,
            first_track: byte(3),
            last_track: u16::from_be_bytes([byte(11), byte(6)]),
            formatted: match byte(7) & 3 {
                0 => Formatted::No,
                1 => Formatted::Stopped,
                2 => Formatted::Running,
                _ => Formatted::Complete,
            },
            disc_type: byte(8),
            id: reply.u32(12).filter(|_| reply.has(7, 0x80)),
        })
    }
}
