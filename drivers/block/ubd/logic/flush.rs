// SPDX-License-Identifier: GPL-2.0

//! How the bitmap in memory comes into the image.
//!
//! Blocks of the bitmap are dirty when the image may not have all of their bits. Whoever has set bits
//! [marks](mark) their blocks, before the request ends that they belong to. One job at a time writes the
//! blocks, for each flush that came before it began:
//!
//! ```text
//!   capture   takes a number of blocks that are dirty: first each is clean, then its bits are copied
//!   sync      makes all durable that was written to the image: the data of each bit that was captured
//!   write     writes the copies
//!   sync      makes them durable
//! ```
//!
//! and again from the start if there are more blocks. A bit in the image so stands for data that was
//! durable before it. Bits only come, so it does not matter how much of a block is written when the power
//! goes. If a step fails, its error is the result of the job, and the blocks are dirty again.

use super::bitmap::{
    self,
    Words,
    WORD_BITS, //
};
use super::layout::Layout;
use core::ops::{
    DerefMut,
    Range, //
};

/// Bytes of a block of the bitmap.
pub const BLOCK: usize = 4096;

/// Sectors whose bits are in a block.
pub const BLOCK_SECTORS: u64 = BLOCK as u64 * 8;

/// How many blocks the bits of so many sectors take.
pub fn blocks_for(sectors: u64) -> u64 {
    sectors.div_ceil(BLOCK_SECTORS)
}

/// Marks the blocks as dirty that have the bits of `count` sectors from `first` on.
pub fn mark(dirty: &impl Words, first: u64, count: u64) {
    let end = blocks_for(first.saturating_add(count));
    let start = first / BLOCK_SECTORS;

    bitmap::for_masks(start, end.saturating_sub(start), |index, mask| {
        if count > 0 {
            dirty.fetch_or(index, mask);
        }
    });
}

/// Counts the dirty blocks.
pub fn count_dirty(dirty: &impl Words) -> u64 {
    bitmap::count(dirty)
}

/// Takes the first dirty block from `from` on, which is clean then.
fn take(dirty: &impl Words, from: u64) -> Option<u64> {
    let mut block = from;

    loop {
        let index = usize::try_from(block / WORD_BITS).ok()?;
        if index >= dirty.len() {
            return None;
        }
        let start = block % WORD_BITS;
        let skip = u64::from((dirty.load(index) >> start).trailing_zeros());
        let bit = start.saturating_add(skip);
        let next = block.saturating_sub(start).saturating_add(bit);
        if skip < WORD_BITS {
            // Only this job clears bits, so it still is dirty.
            // CAST: Below 64.
            dirty.fetch_and(index, !(1_u64.checked_shl(bit as u32).unwrap_or(0)));
            return Some(next);
        }
        block = block.saturating_sub(start).saturating_add(WORD_BITS);
    }
}

/// Memory for copies of blocks, of [`BLOCK`] bytes each.
pub trait Staging {
    /// Has `fill` write the bytes of a slot.
    fn fill(&mut self, slot: usize, fill: impl FnOnce(&mut [u8]));
}

/// Slots that are one behind the other, as many as have room.
impl<B: DerefMut<Target = [u8]>> Staging for B {
    fn fill(&mut self, slot: usize, fill: impl FnOnce(&mut [u8])) {
        let start = slot.saturating_mul(BLOCK);
        if let Some(bytes) = self.get_mut(start..start.saturating_add(BLOCK)) {
            fill(bytes);
        }
    }
}

/// A job and its memory, for one after the other.
#[derive(Debug)]
pub struct Flush<L, E> {
    /// The block in each slot.
    blocks: L,
    /// How many slots are in use.
    used: usize,
    /// Where to look for the next dirty block.
    cursor: u64,
    bitmap_offset: u64,
    /// Bytes of the bitmap, up to the end of the unit in which it ends.
    bitmap_bytes: u64,
    state: State<E>,
}

#[derive(Debug, Clone, Copy)]
enum State<E> {
    Idle,
    Capturing,
    /// The data is made durable.
    Data,
    Writing,
    /// The blocks are made durable.
    Blocks,
    Over(Result<(), E>),
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<E> {
    /// Nothing, until there is a flush: [`Flush::begin`].
    Idle,
    /// [`Flush::capture`].
    Capture,
    /// Make all durable that was written to the image, then [`Flush::done`].
    Sync,
    /// Write all of [`Flush::writes`], then [`Flush::done`].
    Write,
    /// Tell all flushes that came before [`Flush::begin`], then [`Flush::end`].
    Tell(Result<(), E>),
}

/// A part of the bitmap that is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write {
    /// Bytes from the start of the image.
    pub offset: u64,
    /// The slot in which the bytes begin; they go on in the next ones.
    pub slot: usize,
    /// How many bytes.
    pub bytes: u64,
}

impl Write {
    /// Where the bytes are in memory that has the slots one behind the other.
    pub fn range(&self) -> Range<usize> {
        let start = self.slot.saturating_mul(BLOCK);
        let bytes = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        start..start.saturating_add(bytes)
    }
}

impl<L: DerefMut<Target = [u64]>, E: Copy> Flush<L, E> {
    /// Makes a job that copies as many blocks at once as `blocks` has elements, and writes units of
    /// `unit` bytes, a power of two.
    ///
    /// [`None`] if the bitmap does not begin at one, or if there is no element.
    pub fn new(blocks: L, layout: &Layout, unit: u64) -> Option<Self> {
        let fits = unit.is_power_of_two() && unit <= layout.granularity() && unit <= BLOCK as u64;
        if blocks.is_empty() || !fits {
            return None;
        }
        Some(Self {
            blocks,
            used: 0,
            cursor: 0,
            bitmap_offset: layout.bitmap_offset(),
            bitmap_bytes: layout.bitmap_bytes().checked_next_multiple_of(unit)?,
            state: State::Idle,
        })
    }

    /// Begins a job, for all flushes that have come; returns whether none was under way.
    pub fn begin(&mut self) -> bool {
        let is_idle = matches!(self.state, State::Idle);
        if is_idle {
            self.cursor = 0;
            self.state = State::Capturing;
        }
        is_idle
    }

    /// What is to be done next.
    pub fn step(&self) -> Step<E> {
        match self.state {
            State::Idle => Step::Idle,
            State::Capturing => Step::Capture,
            State::Data | State::Blocks => Step::Sync,
            State::Writing => Step::Write,
            State::Over(result) => Step::Tell(result),
        }
    }

    /// Copies dirty blocks, as many as there is memory for. With none the data is still made durable.
    pub fn capture(&mut self, dirty: &impl Words, bits: &impl Words, staging: &mut impl Staging) {
        if !matches!(self.state, State::Capturing) {
            return;
        }
        self.used = 0;
        while let Some(place) = self.blocks.get_mut(self.used) {
            let Some(block) = take(dirty, self.cursor) else {
                break;
            };
            *place = block;
            let at = block.saturating_mul(BLOCK as u64);
            staging.fill(self.used, |bytes| bitmap::store_bytes(bits, at, bytes));
            self.used = self.used.saturating_add(1);
            self.cursor = block.saturating_add(1);
        }
        self.state = State::Data;
    }

    /// What is to be written: the blocks that were captured, those together that are one behind the other.
    pub fn writes(&self) -> impl Iterator<Item = Write> + '_ {
        let blocks = self.blocks.get(..self.used).unwrap_or_default();
        let mut slot = 0_usize;

        blocks
            .chunk_by(|a, b| a.checked_add(1) == Some(*b))
            .map(move |chunk| {
                let first = slot;
                slot = slot.saturating_add(chunk.len());
                self.write(first, chunk)
            })
    }

    /// How to write blocks that are one behind the other.
    fn write(&self, slot: usize, chunk: &[u64]) -> Write {
        let at = chunk
            .first()
            .map_or(0, |block| block.saturating_mul(BLOCK as u64));
        let bytes = (chunk.len() as u64).saturating_mul(BLOCK as u64);
        Write {
            offset: self.bitmap_offset.saturating_add(at),
            slot,
            bytes: bytes.min(self.bitmap_bytes.saturating_sub(at)),
        }
    }

    /// Takes the result of [`Step::Sync`], or of all of [`Step::Write`].
    pub fn done(&mut self, dirty: &impl Words, result: Result<(), E>) {
        self.state = match (self.state, result) {
            (State::Data | State::Writing | State::Blocks, Err(err)) => {
                self.mark_again(dirty);
                State::Over(Err(err))
            }
            (State::Data, Ok(())) if self.used == 0 => State::Over(Ok(())),
            (State::Data, Ok(())) => State::Writing,
            (State::Writing, Ok(())) => State::Blocks,
            // The blocks that came to be dirty behind the cursor belong to later flushes.
            (State::Blocks, Ok(())) if self.used == self.blocks.len() => State::Capturing,
            (State::Blocks, Ok(())) => State::Over(Ok(())),
            (other, _) => other,
        };
    }

    /// Ends the job, once its result was told.
    pub fn end(&mut self) {
        if matches!(self.state, State::Over(_)) {
            self.used = 0;
            self.state = State::Idle;
        }
    }

    fn mark_again(&self, dirty: &impl Words) {
        for &block in self.blocks.iter().take(self.used) {
            mark(dirty, block.saturating_mul(BLOCK_SECTORS), 1);
        }
    }
}

/// What could not be made durable, and who knows.
///
/// A job may run for another reason than a flush. If it fails then, the next flush fails, too, even if
/// the system below says nothing any more: the data that it was to write may be lost.
///
/// A page cache that could not write back tells once, and has nothing to write then: [`Sticky::lose`]. A
/// bit must not come into the image any more, as its data may not be there.
#[derive(Debug, Clone, Copy)]
pub struct Sticky<E> {
    error: Option<E>,
    untold: Option<E>,
    lost: Option<E>,
}

impl<E: Copy> Sticky<E> {
    /// One without an error.
    pub const fn new() -> Self {
        Self {
            error: None,
            untold: None,
            lost: None,
        }
    }

    /// Notes that data is lost for good, with this error.
    pub fn lose(&mut self, error: E) {
        self.lost = self.lost.or(Some(error));
    }

    /// The error with which data was lost, and with which all jobs are to fail.
    pub fn lost(&self) -> Option<E> {
        self.lost
    }

    /// The error since which no job has succeeded.
    pub fn error(&self) -> Option<E> {
        self.error
    }

    /// Takes the result of a job; `for_flush` if a flush waits for it. Returns what that is told.
    pub fn ended(&mut self, result: Result<(), E>, for_flush: bool) -> Result<(), E> {
        self.error = result.err();
        let untold = self.untold.take();

        if for_flush {
            return result.and(untold.map_or(Ok(()), Err));
        }
        self.untold = untold.or(result.err());
        result
    }
}

impl<E: Copy> Default for Sticky<E> {
    fn default() -> Self {
        Self::new()
    }
}
