// SPDX-License-Identifier: GPL-2.0

//! Limits and features of request queues.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)
//!
//! The block core corrects some values without a word, and warns with a backtrace about others.
//! [`QueueLimits::validate`] refuses them before the core sees them, but for hints to submitters,
//! which the core fits to the blocks. What holds in the end is read back from the disk with
//! [`DiskView::limits`](super::gen_disk::DiskView::limits).

use super::SECTOR_SIZE;
use crate::bindings;
use core::ptr;
use kernel::{
    impl_flags,
    page::PAGE_SIZE,
    prelude::*, //
};

impl_flags! {
    /// Features of a request queue (`BLK_FEAT_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Features(u32);

    /// One feature of a request queue.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Feature {
        /// The device writes through its volatile cache when asked to.
        ForcedUnitAccess = bindings::BLK_FEAT_FUA,
        /// The device counts its I/O, unless users turn that off. With blk-mq it is always set.
        IoStat = bindings::BLK_FEAT_IO_STAT,
        /// The driver honours requests that must not wait.
        NoWait = bindings::BLK_FEAT_NOWAIT,
        /// The device seeks.
        Rotational = bindings::BLK_FEAT_ROTATIONAL,
        /// Pages must not change while they are written.
        StableWrites = bindings::BLK_FEAT_STABLE_WRITES,
        /// The driver completes I/O in the context of its submitter.
        Synchronous = bindings::BLK_FEAT_SYNCHRONOUS,
        /// The device has a volatile cache, and is to be told when to flush it.
        WriteCache = bindings::BLK_FEAT_WRITE_CACHE,
    }
}

/// The limits of a request queue.
///
/// A field that is zero takes the default of the block core.
///
/// # Examples
///
/// ```
/// # use rb::block::limits::{Feature, QueueLimits};
/// let limits = QueueLimits {
///     logical_block_size: 2048,
///     features: Feature::WriteCache.into(),
///     ..QueueLimits::default()
/// };
/// limits.validate()?;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLimits {
    /// Smallest unit of I/O, in bytes; the default is 512.
    pub logical_block_size: u32,
    /// Smallest unit the device writes without reading, in bytes; the default is the logical one.
    pub physical_block_size: u32,
    /// Preferred smallest I/O, in bytes; a hint, raised to a physical block.
    pub io_min: u32,
    /// Preferred I/O, in bytes; a hint, rounded down to physical blocks.
    pub io_opt: u32,
    /// Most that a request moves, in sectors of 512 bytes.
    pub max_hw_sectors: u32,
    /// Most segments that a request has.
    pub max_segments: u16,
    /// Most that a segment has, in bytes; the default is 64 KiB, the least 4096.
    pub max_segment_size: u32,
    /// Multiple of which no read or write crosses, in sectors of 512 bytes.
    pub chunk_sectors: u32,
    /// Mask of the bits of memory addresses and lengths that must be zero in a segment; the
    /// default, and the least, is that of a sector.
    pub dma_alignment: u32,
    /// Most that a discard covers, in sectors of 512 bytes; zero if discard is not supported.
    pub max_discard_sectors: u32,
    /// Unit of discards, in bytes; a hint, raised to a physical block, and zero without discard.
    pub discard_granularity: u32,
    /// Where the first such unit begins, in bytes.
    pub discard_alignment: u32,
    /// Most that a write of zeroes covers, in sectors; zero if it is not supported.
    pub max_write_zeroes_sectors: u32,
    /// Whether a write of zeroes may free the space, so that it is fast.
    pub write_zeroes_unmap: bool,
    /// What the device can do.
    pub features: Features,
}

impl QueueLimits {
    /// The largest logical block that this kernel supports, in bytes (`BLK_MAX_BLOCK_SIZE`).
    pub const MAX_BLOCK_SIZE: u32 = if cfg!(CONFIG_TRANSPARENT_HUGEPAGE) {
        64 << 10
    } else {
        PAGE_SIZE as u32
    };

    /// Checks what the block core would refuse, warn about, or silently change, but for hints.
    ///
    /// Fails with [`EINVAL`].
    pub fn validate(&self) -> Result {
        let logical = self.logical_block_size.max(SECTOR_SIZE);
        let physical = self.physical_block_size;
        let page_sectors = PAGE_SIZE as u32 / SECTOR_SIZE;
        let at_least = |value: u32, least: u32| value == 0 || value >= least;
        let block_sectors = logical / SECTOR_SIZE;
        let is_multiple = |value: u32, of: u32| value.checked_rem(of) == Some(0);

        let valid = is_block_size(self.logical_block_size)
            && (physical == 0 || (physical.is_power_of_two() && physical >= logical))
            && at_least(self.max_hw_sectors, page_sectors.max(block_sectors))
            && is_multiple(self.max_hw_sectors, block_sectors)
            && at_least(self.max_segment_size, MIN_SEGMENT_SIZE)
            && (self.dma_alignment == 0 || is_segment_mask(self.dma_alignment))
            && at_least(self.chunk_sectors, block_sectors)
            && is_multiple(self.chunk_sectors, block_sectors)
            && is_multiple(self.discard_granularity, logical)
            && (!self.write_zeroes_unmap || self.max_write_zeroes_sectors != 0)
            && (!self.features.contains(Feature::ForcedUnitAccess)
                || self.features.contains(Feature::WriteCache));
        if valid {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Builds the limits for the block core.
    pub(super) fn to_raw(self) -> bindings::queue_limits {
        let mut raw = pin_init::zeroed();
        self.apply(&mut raw);
        raw
    }

    /// Changes the limits of the block core to these.
    pub(super) fn apply(&self, raw: &mut bindings::queue_limits) {
        raw.features = raw.features & !Features::all_bits() | u32::from(self.features);
        raw.logical_block_size = self.logical_block_size;
        raw.physical_block_size = self.physical_block_size;
        raw.io_min = self.io_min;
        raw.io_opt = self.io_opt;
        raw.max_hw_sectors = self.max_hw_sectors;
        raw.max_segments = self.max_segments;
        raw.max_segment_size = self.max_segment_size;
        raw.chunk_sectors = self.chunk_sectors;
        raw.dma_alignment = self.dma_alignment;
        raw.max_hw_discard_sectors = self.max_discard_sectors;
        raw.discard_granularity = self.discard_granularity;
        raw.discard_alignment = self.discard_alignment;
        raw.max_write_zeroes_sectors = self.max_write_zeroes_sectors;
        raw.max_hw_wzeroes_unmap_sectors = if self.write_zeroes_unmap {
            self.max_write_zeroes_sectors
        } else {
            0
        };
    }

    /// Changes the limits of a disk that is in use to these. What blk-mq has set when it made the queue,
    /// and what the user may set, stays.
    pub(super) fn update(&self, raw: &mut bindings::queue_limits) {
        let kept = raw.features & (bindings::BLK_FEAT_IO_STAT | bindings::BLK_FEAT_NOWAIT);
        self.apply(raw);
        raw.features |= kept;
    }

    /// Reads what the block core has made of the limits.
    ///
    /// # Safety
    ///
    /// `queue` must be valid.
    pub(super) unsafe fn read(queue: *const bindings::request_queue) -> Self {
        // SAFETY: By the safety requirements of this function. Users may change the limits any
        // time, so they are copied, not borrowed.
        let lim = unsafe { ptr::read_volatile(&raw const (*queue).limits) };

        Self {
            logical_block_size: lim.logical_block_size,
            physical_block_size: lim.physical_block_size,
            io_min: lim.io_min,
            io_opt: lim.io_opt,
            max_hw_sectors: lim.max_hw_sectors,
            max_segments: lim.max_segments,
            max_segment_size: lim.max_segment_size,
            chunk_sectors: lim.chunk_sectors,
            dma_alignment: lim.dma_alignment,
            max_discard_sectors: lim.max_hw_discard_sectors,
            discard_granularity: lim.discard_granularity,
            discard_alignment: lim.discard_alignment,
            max_write_zeroes_sectors: lim.max_write_zeroes_sectors,
            write_zeroes_unmap: lim.max_hw_wzeroes_unmap_sectors != 0,
            features: Features::from_raw(lim.features),
        }
    }
}

impl Features {
    fn from_raw(features: bindings::blk_features_t) -> Self {
        Self(features & Self::all_bits())
    }
}

/// The least that `max_segment_size` may be (`BLK_MIN_SEGMENT_SIZE`).
const MIN_SEGMENT_SIZE: u32 = 4096;

/// Returns whether segments that start and end on this mask are whole sectors, within a page.
fn is_segment_mask(mask: u32) -> bool {
    (SECTOR_SIZE - 1..PAGE_SIZE as u32).contains(&mask) && (mask + 1).is_power_of_two()
}

/// Returns whether `size` bytes may be a logical block.
fn is_block_size(size: u32) -> bool {
    size == 0
        || (size.is_power_of_two() && (SECTOR_SIZE..=QueueLimits::MAX_BLOCK_SIZE).contains(&size))
}
