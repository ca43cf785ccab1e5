// SPDX-License-Identifier: GPL-2.0

//! The reply to READ TRACK INFORMATION.

use super::reply::{
    Reply,
    ReplyError, //
};

/// How much of the reply is asked for, in bytes.
pub const REPLY_LEN: u16 = 36;

/// Bytes that have to be there: up to the size of the track.
const NEEDED: usize = 28;

/// The fields of READ TRACK INFORMATION that the driver uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackInfo {
    /// Number of the track.
    pub number: u16,
    /// The control field: bit 2 is set if this is data.
    pub track_mode: u8,
    /// It is reserved.
    pub reserved: bool,
    /// Nothing is recorded in it.
    pub blank: bool,
    /// It is recorded in packets.
    pub packet: bool,
    /// All packets have the same size.
    pub fixed: bool,
    /// The mode of the data: 1 or 2 of a CD; 1 of others.
    pub data_mode: u8,
    /// The first block.
    pub start: u32,
    /// Where recording goes on, if that is known.
    pub next_writable: Option<u32>,
    /// Blocks that can still be recorded.
    pub free: u32,
    /// Blocks in a fixed packet.
    pub packet_blocks: u32,
    /// Blocks in all.
    pub size: u32,
    /// The last block that was recorded, if that is known.
    pub last_recorded: Option<u32>,
}

impl TrackInfo {
    /// Reads the reply.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Short`] if it ends before the size of the track.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReplyError> {
        let reply = Reply::new(bytes).self_sized().require(NEEDED)?;
        let byte = |at| reply.u8(at).unwrap_or_default();
        let word = |at| reply.u32(at).unwrap_or_default();

        Ok(Self {
            number: u16::from_be_bytes([byte(32), byte(2)]),
            track_mode: byte(5) & 0x0f,
            reserved: reply.has(6, 0x80),
            blank: reply.has(6, 0x40),
            packet: reply.has(6, 0x20),
            fixed: reply.has(6, 0x10),
            data_mode: byte(6) & 0x0f,
            start: word(8),
            next_writable: reply.u32(12).filter(|_| reply.has(7, 0x01)),
            free: word(16),
            packet_blocks: word(20),
            size: word(24),
            last_recorded: reply.u32(28).filter(|_| reply.has(7, 0x02)),
        })
    }

    /// The block behind the last one of the track.
    pub fn end(&self) -> u64 {
        u64::from(self.start).saturating_add(u64::from(self.size))
    }
}
