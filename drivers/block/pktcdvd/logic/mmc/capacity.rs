// SPDX-License-Identifier: GPL-2.0

//! How many blocks a medium has: by READ CAPACITY, and by its tracks.

use super::{
    profile::Kind,
    reply::{
        Reply,
        ReplyError, //
    },
    track::TrackInfo,
    BLOCK_SIZE,
};

/// Blocks at the end of a CD that READ CAPACITY may leave out: two for the run-out, and a gap.
const CD_SLACK: u64 = 152;

/// Blocks at the end of a track that is not full, which cannot be read: link and run-out.
const LINK_BLOCKS: u64 = 7;

/// The reply to READ CAPACITY(10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadCapacity {
    /// Address of the last block.
    pub last: u32,
    /// Bytes in a block.
    pub block_size: u32,
}

impl ReadCapacity {
    /// Reads the reply.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Short`] if it has less than 8 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReplyError> {
        let reply = Reply::new(bytes).require(8)?;

        Ok(Self {
            last: reply.u32(0).unwrap_or_default(),
            block_size: reply.u32(4).unwrap_or_default(),
        })
    }

    /// Number of blocks of 2048 bytes, unless the reply makes no sense.
    pub fn blocks(&self) -> Option<u64> {
        if self.block_size != BLOCK_SIZE || matches!(self.last, 0 | u32::MAX) {
            return None;
        }
        Some(u64::from(self.last).saturating_add(1))
    }
}

/// How many blocks of a medium can be written: the block behind the last one.
///
/// That is the end of its track. If the medium is formatted as a whole, READ CAPACITY reports the
/// same size, and the smaller one is used. On a CD, READ CAPACITY may leave out the last
/// [`CD_SLACK`] blocks, which no reader needs.
pub fn writable_blocks(
    kind: Kind,
    track: Option<&TrackInfo>,
    told: Option<ReadCapacity>,
) -> Option<u64> {
    let end = track.filter(|track| track.size > 0).map(TrackInfo::end);
    let told = told.and_then(|told| told.blocks());
    let slack = if kind == Kind::CdRw { CD_SLACK } else { 0 };

    match (end, told) {
        (Some(end), Some(told)) if end.saturating_sub(told) <= slack => Some(end),
        (Some(end), Some(told)) => Some(end.min(told)),
        (end, told) => end.or(told),
    }
}

/// How many blocks can be read of a medium that is not written in packets.
///
/// `last` is the last track that has something recorded.
pub fn readable_blocks(last: Option<&TrackInfo>, told: Option<ReadCapacity>) -> Option<u64> {
    let recorded = last.and_then(recorded_end).filter(|&blocks| blocks > 0);

    recorded.or_else(|| told.and_then(|told| told.blocks()))
}

/// The block behind the last one that is recorded in a track.
fn recorded_end(track: &TrackInfo) -> Option<u64> {
    if track.blank {
        return None;
    }
    if let Some(last) = track.last_recorded {
        return Some(u64::from(last).saturating_add(1));
    }
    let unwritten = match u64::from(track.free) {
        0 => 0,
        free => free.saturating_add(LINK_BLOCKS),
    };
    Some(track.end().saturating_sub(unwritten))
}
