// SPDX-License-Identifier: GPL-2.0

//! Sizes of devices and blocks.

/// The smallest block, in bytes.
pub const MIN_BLOCK_SIZE: u32 = 512;

/// The size of blocks when nobody has set any, in bytes.
pub const DEFAULT_BLOCK_SIZE: u32 = 1024;

/// The largest request that the protocol allows without asking, in bytes.
pub const MAX_REQUEST_BYTES: u32 = 32 << 20;

/// The size of a device and of its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Bytes, as they were set.
    pub bytes: u64,
    /// Bytes of a block: a power of two.
    pub block: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            bytes: 0,
            block: DEFAULT_BLOCK_SIZE,
        }
    }
}

impl Size {
    /// Checks both numbers, each in bytes; `block` may be zero for the default.
    ///
    /// [`None`] if the size is not one of a file, or the block is no power of two from
    /// [`MIN_BLOCK_SIZE`] to `max_block`.
    pub fn new(bytes: u64, block: u64, max_block: u32) -> Option<Self> {
        let block = match u32::try_from(block).ok()? {
            0 => DEFAULT_BLOCK_SIZE,
            block => block,
        };
        let valid = block.is_power_of_two() && (MIN_BLOCK_SIZE..=max_block).contains(&block);
        (valid && i64::try_from(bytes).is_ok()).then_some(Self { bytes, block })
    }

    /// Returns the size in bytes of `blocks` blocks, if it is a number.
    pub fn bytes_of(self, blocks: u64) -> Option<u64> {
        blocks.checked_mul(u64::from(self.block))
    }

    /// Returns how many of `bytes` are those of whole blocks.
    pub fn whole_blocks(self, bytes: u32) -> u32 {
        bytes & !self.block.wrapping_sub(1)
    }

    /// Returns how many sectors of 512 bytes can be used: those of whole blocks.
    pub fn sectors(self) -> u64 {
        let mask = u64::from(self.block).wrapping_sub(1);
        (self.bytes & !mask) >> 9
    }
}

/// How many bytes are best read or written at a time, as the kernel's own driver says.
const PREFERRED_IO: u32 = 128 << 10;

/// Returns how many bytes are best read or written at a time, when a request carries up to
/// `max_request`; zero if that does not matter, as each takes many.
pub fn preferred_io(max_request: u32) -> u32 {
    if max_request < PREFERRED_IO {
        0
    } else {
        PREFERRED_IO
    }
}

/// Returns how much a request may carry, in bytes, when `wanted` was asked for; a page for zero.
///
/// [`None`] if that is no multiple of a page, or more than the protocol allows.
pub fn request_limit(wanted: u32, page_size: u32) -> Option<u32> {
    match wanted {
        0 => Some(page_size),
        wanted if wanted.checked_rem(page_size)? != 0 => None,
        wanted => (wanted <= MAX_REQUEST_BYTES).then_some(wanted),
    }
}
