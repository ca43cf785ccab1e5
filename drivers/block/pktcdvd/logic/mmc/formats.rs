// SPDX-License-Identifier: GPL-2.0

//! The reply to READ FORMAT CAPACITIES: how much of a medium is formatted, and how much can be.

use super::reply::{
    Reply,
    ReplyError, //
};

/// How much of the reply is asked for, in bytes: as many descriptors as it can have.
pub const REPLY_LEN: u16 = 252;

/// Bytes in front of the first descriptor.
const HEADER_LEN: usize = 4;

/// Bytes of a descriptor.
const DESCRIPTOR_LEN: usize = 8;

/// The format type of a Mount Rainier medium.
pub const TYPE_MRW: u8 = 0x24;

/// The format type of DVD+RW.
pub const TYPE_PLUS_RW: u8 = 0x26;

/// How much of the medium is formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Current {
    /// Nothing is.
    Unformatted,
    /// So many blocks are.
    Formatted(u32),
    /// Unknown. Drives report this for a DVD-RW with a quick format until it was written from its
    /// first block on, and closed.
    Unknown,
}

/// The fields of READ FORMAT CAPACITIES that the driver uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatCapacities {
    /// How much is formatted.
    pub current: Current,
    /// Blocks of a Mount Rainier medium, when all of it is formatted.
    pub mrw: Option<u32>,
    /// Blocks of a DVD+RW, when all of it is formatted.
    pub plus_rw: Option<u32>,
}

impl FormatCapacities {
    /// Reads the reply.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Short`] if there is no descriptor in it; [`ReplyError::Other`] if the first
    /// one has no type.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReplyError> {
        let reply = Reply::new(bytes).require(HEADER_LEN + DESCRIPTOR_LEN)?;
        let listed = usize::from(reply.u8(3).unwrap_or_default());
        let list = reply
            .up_to(listed.saturating_add(HEADER_LEN))
            .from(HEADER_LEN)
            .require(DESCRIPTOR_LEN)?;
        let blocks = list.u32(0).unwrap_or_default();
        let current = match list.u8(4).unwrap_or_default() & 3 {
            1 => Current::Unformatted,
            2 => Current::Formatted(blocks),
            3 => Current::Unknown,
            _ => return Err(ReplyError::Other),
        };
        let listed = |format_type: u8| {
            let mut entries = list
                .from(DESCRIPTOR_LEN)
                .bytes()
                .chunks_exact(DESCRIPTOR_LEN)
                .map(Reply::new);
            let entry =
                entries.find(|entry| entry.u8(4).map(|byte| byte >> 2) == Some(format_type));

            entry?
                .u32(0)
                .filter(|&blocks| !matches!(blocks, 0 | u32::MAX))
        };

        Ok(Self {
            current,
            mrw: listed(TYPE_MRW),
            plus_rw: listed(TYPE_PLUS_RW),
        })
    }

    /// Blocks of the medium when all of it is formatted by that type.
    pub fn whole(&self, format_type: u8) -> Option<u64> {
        match format_type {
            TYPE_MRW => self.mrw,
            TYPE_PLUS_RW => self.plus_rw,
            _ => None,
        }
        .map(u64::from)
    }

    /// Blocks that are formatted, if the drive reports it.
    pub fn formatted(&self) -> Option<u64> {
        match self.current {
            Current::Formatted(blocks) => Some(blocks.into()),
            _ => None,
        }
    }
}

/// The data of FORMAT UNIT that resumes a format of that type. The drive answers at once, and
/// formats so many blocks; [`u32::MAX`] stands for all of the medium.
pub const fn restart(format_type: u8, blocks: u32) -> [u8; HEADER_LEN + DESCRIPTOR_LEN] {
    const IMMEDIATE: u8 = 1 << 1;
    const RESTART: u8 = 1;

    let [a, b, c, d] = blocks.to_be_bytes();
    [
        0,
        IMMEDIATE,
        0,
        8,
        a,
        b,
        c,
        d,
        format_type << 2,
        0,
        0,
        RESTART,
    ]
}
