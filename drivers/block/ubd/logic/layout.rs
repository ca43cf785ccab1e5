// SPDX-License-Identifier: GPL-2.0

//! Where the parts of an image are.
//!
//! ```text
//!   0        header
//!   bitmap_offset   one bit per sector: bit `s % 8` of byte `s / 8` is set if the image has sector `s`
//!   data_offset     sector `s` at `data_offset + s * 512`, if the image has it
//! ```

use super::malformed::Malformed;

/// Bytes of a sector, of which each has a bit.
pub const SECTOR: u64 = 512;

/// Largest alignment that is taken, in bytes.
pub const MAX_ALIGNMENT: u32 = 16 << 20;

/// How a version of the format computes offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The bitmap is right behind the header, and only bytes of the bitmap whose eight bits all stand
    /// for sectors are there: versions 1 and 2.
    Packed,
    /// Both the bitmap and the data begin at a multiple of the alignment: version 3.
    Aligned,
}

/// Where the parts of an image are, in bytes from its start.
///
/// # Invariants
///
/// `bitmap_offset + bitmap_bytes <= data_offset`, and `data_offset + sectors * 512` is the offset of
/// a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    bitmap_offset: u64,
    bitmap_bytes: u64,
    data_offset: u64,
    size: u64,
    sectors: u64,
}

/// The bytes of some sectors of a file that may end within them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes that the file has.
    pub present: u64,
    /// Bytes behind them that read as zeros.
    pub zeros: u64,
}

impl Layout {
    /// Computes the layout of an image of `size` bytes with a header of `header_bytes` bytes.
    ///
    /// # Errors
    ///
    /// [`Malformed::Alignment`] or [`Malformed::Size`].
    pub fn new(
        rule: Rule,
        header_bytes: u64,
        size: u64,
        alignment: u32,
    ) -> Result<Self, Malformed> {
        if !(1..=MAX_ALIGNMENT).contains(&alignment) {
            return Err(Malformed::Alignment(alignment));
        }
        Self::compute(rule, header_bytes, size, u64::from(alignment))
            .filter(|_| size > 0)
            .ok_or(Malformed::Size(size))
    }

    fn compute(rule: Rule, header_bytes: u64, size: u64, alignment: u64) -> Option<Self> {
        let sectors = size.checked_next_multiple_of(SECTOR)? / SECTOR;
        let (bitmap_offset, bitmap_bytes) = match rule {
            Rule::Packed => (header_bytes, sectors / 8),
            Rule::Aligned => (
                header_bytes.checked_next_multiple_of(alignment)?,
                sectors.div_ceil(8),
            ),
        };
        let data_offset = bitmap_offset
            .checked_add(bitmap_bytes)?
            .checked_next_multiple_of(alignment)?;
        let end = data_offset.checked_add(sectors.checked_mul(SECTOR)?)?;

        // INVARIANT: The data begins at or behind the end of the bitmap; the end is that of a file.
        i64::try_from(end).is_ok().then_some(Self {
            bitmap_offset,
            bitmap_bytes,
            data_offset,
            size,
            sectors,
        })
    }

    /// Where the bitmap begins.
    pub fn bitmap_offset(&self) -> u64 {
        self.bitmap_offset
    }

    /// Bytes of the bitmap.
    pub fn bitmap_bytes(&self) -> u64 {
        self.bitmap_bytes
    }

    /// Where the data begins.
    pub fn data_offset(&self) -> u64 {
        self.data_offset
    }

    /// Bytes of the backing file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Sectors of the disk; the backing file may end within the last one.
    pub fn sectors(&self) -> u64 {
        self.sectors
    }

    /// Bytes of an image that was just made.
    pub fn file_bytes(&self) -> u64 {
        self.data_offset.saturating_add(self.size)
    }

    /// Where a sector is in the image.
    ///
    /// [`None`] if there is no such sector.
    pub fn cow_offset(&self, sector: u64) -> Option<u64> {
        if sector >= self.sectors {
            return None;
        }
        self.data_offset.checked_add(sector.checked_mul(SECTOR)?)
    }

    /// The bytes of `count` sectors from `first` on in the backing file.
    ///
    /// [`None`] if there are no such sectors.
    pub fn part(&self, first: u64, count: u64) -> Option<Part> {
        let end = first.checked_add(count)?;
        if end > self.sectors {
            return None;
        }
        let offset = first.checked_mul(SECTOR)?;
        let bytes = count.checked_mul(SECTOR)?;
        let present = bytes.min(self.size.saturating_sub(offset));
        Some(Part {
            offset,
            present,
            zeros: bytes.checked_sub(present)?,
        })
    }

    /// Whether the backing file ends within a sector.
    pub fn has_tail(&self) -> bool {
        self.size % SECTOR != 0
    }

    /// Whether each sector has a bit. The last up to seven sectors have none in versions 1 and 2 if
    /// their number is no multiple of eight: they cannot be written.
    pub fn is_whole(&self) -> bool {
        self.sectors_with_bit() == self.sectors
    }

    /// How many sectors have a bit.
    pub fn sectors_with_bit(&self) -> u64 {
        self.bitmap_bytes.saturating_mul(8).min(self.sectors)
    }

    /// The largest power of two, in bytes, that both the bitmap and the data begin at a multiple of.
    pub fn granularity(&self) -> u64 {
        let offsets = self.bitmap_offset | self.data_offset;
        1_u64.checked_shl(offsets.trailing_zeros()).unwrap_or(1)
    }

    /// Checks the length of a file that has the image: the bitmap is there as a whole. What a file
    /// does not have of the data is a hole.
    ///
    /// # Errors
    ///
    /// [`Malformed::Length`].
    pub fn check_file(&self, length: u64) -> Result<(), Malformed> {
        Self::check_length(self.data_offset, length)
    }

    /// Checks the length of a block device that has the image: there is room for all of the data.
    ///
    /// # Errors
    ///
    /// [`Malformed::Length`].
    pub fn check_device(&self, length: u64) -> Result<(), Malformed> {
        let data = self.sectors.saturating_mul(SECTOR);
        Self::check_length(self.data_offset.saturating_add(data), length)
    }

    fn check_length(needs: u64, has: u64) -> Result<(), Malformed> {
        if has < needs {
            return Err(Malformed::Length { needs, has });
        }
        Ok(())
    }
}
