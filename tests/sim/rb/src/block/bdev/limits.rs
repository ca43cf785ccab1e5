// SPDX-License-Identifier: GPL-2.0

//! The limits of lower devices.

/// What a lower device allows.
#[derive(Clone, Copy, Debug)]
pub struct LowerLimits {
    /// Smallest unit of I/O, in bytes.
    pub logical_block_size: u32,
    /// Smallest unit the device writes without reading, in bytes.
    pub physical_block_size: u32,
    /// Most that one request moves, in sectors of 512 bytes.
    pub max_sectors: u32,
    /// Most segments that one request has.
    pub max_segments: u32,
    /// Most bytes that one segment has.
    pub max_segment_size: u32,
    /// Multiple of which no I/O crosses, in sectors of 512 bytes of the whole disk.
    pub chunk_sectors: u32,
    /// Mask of the bits of memory addresses and lengths that must be zero in a segment.
    pub dma_alignment: u32,
    /// Most that one discard covers, in sectors of 512 bytes.
    pub max_discard_sectors: u32,
    /// Whether it seeks.
    pub rotational: bool,
    /// Whether the memory of a write must not change before it completes, as with checksums.
    pub stable_writes: bool,
}
