// SPDX-License-Identifier: GPL-2.0

//! Frames: the 2048-byte blocks that a packet is made of.
//!
//! A *sector* is 512 bytes, a *frame* is four sectors, a *packet* is up to
//! [`PACKET_MAX_FRAMES`] frames.

/// Bytes in a sector, the unit of every address in the block layer.
pub const SECTOR_SIZE: u32 = 512;

/// Sectors in a frame.
pub const FRAME_SECTORS: u32 = 4;

/// Bytes in a frame; the logical block size of a packet device.
pub const FRAME_SIZE: u32 = SECTOR_SIZE * FRAME_SECTORS;

/// Most frames that a packet may have: 256 KiB of data.
pub const PACKET_MAX_FRAMES: u32 = 128;

/// Most sectors that a packet may have.
pub const PACKET_MAX_SECTORS: u32 = PACKET_MAX_FRAMES * FRAME_SECTORS;

/// A non-empty run of frames inside one packet.
///
/// # Invariants
///
/// `count` is at least 1 and `first + count` is at most [`PACKET_MAX_FRAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRange {
    first: u32,
    count: u32,
}

impl FrameRange {
    /// The `count` frames that start with frame `first` of a packet.
    ///
    /// [`None`] when the range is empty or does not fit into the largest packet.
    pub const fn new(first: u32, count: u32) -> Option<Self> {
        match first.checked_add(count) {
            // INVARIANT: The guard is the invariant.
            Some(end) if count > 0 && end <= PACKET_MAX_FRAMES => Some(Self { first, count }),
            _ => None,
        }
    }

    /// Number of the first frame, counted from the start of the packet.
    pub const fn first(self) -> u32 {
        self.first
    }

    /// Number of frames, at least 1.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Number of the frame behind the last one.
    pub const fn end(self) -> u32 {
        // Cannot saturate, by the type invariant.
        self.first.saturating_add(self.count)
    }

    /// Sectors from the start of the packet to the first frame.
    pub const fn sector_offset(self) -> u32 {
        self.first.saturating_mul(FRAME_SECTORS)
    }

    /// Length in sectors.
    pub const fn sectors(self) -> u32 {
        self.count.saturating_mul(FRAME_SECTORS)
    }

    /// Bytes from the start of the packet to the first frame.
    pub const fn byte_offset(self) -> usize {
        self.first.saturating_mul(FRAME_SIZE) as usize
    }

    /// Length in bytes.
    pub const fn bytes(self) -> usize {
        self.count.saturating_mul(FRAME_SIZE) as usize
    }

    /// The range as a map with one bit for each frame, frame 0 being bit 0.
    pub(super) fn mask(self) -> u128 {
        low_bits(self.count)
            .checked_shl(self.first)
            .unwrap_or_default()
    }
}

/// A map of the first `count` frames; all of them when `count` is 128 or more.
pub(super) fn low_bits(count: u32) -> u128 {
    let unused = PACKET_MAX_FRAMES.saturating_sub(count);

    u128::MAX.checked_shr(unused).unwrap_or_default()
}
