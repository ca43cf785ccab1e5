// SPDX-License-Identifier: GPL-2.0

//! Which sectors an image has.
//!
//! The bitmap is in memory as words of 64 bits: bit `s % 64` of word `s / 64` stands for sector `s`.
//! In the image it is bytes; a word is eight of them, the lowest first.
//!
//! Many threads read and set bits at once, without a lock. Whoever [sets](set) the bits of a sector has
//! written its data before; whoever [finds](run) them set reads that data. Bits are never cleared.

/// Words that threads share.
pub trait Words {
    /// How many there are.
    fn len(&self) -> usize;

    /// Reads a word; what was written before a bit in it was set is seen afterwards (acquire). 0 for a
    /// word that is not there.
    fn load(&self, index: usize) -> u64;

    /// Sets the bits of `mask`, after all that was written before (release), and returns the word as it
    /// was; 0 for a word that is not there.
    fn fetch_or(&self, index: usize, mask: u64) -> u64;

    /// Clears all bits but those of `mask`, in the same order with everything else (acquire and release).
    /// Returns the word as it was, or 0 for a word that is not there.
    fn fetch_and(&self, index: usize, mask: u64) -> u64;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Bytes of a word.
const WORD_BYTES: usize = 8;

/// Bits of a word.
pub(super) const WORD_BITS: u64 = 64;

/// How many words a bitmap of so many bits has, if a machine can have as many.
pub fn words_for(bits: u64) -> Option<usize> {
    usize::try_from(bits.div_ceil(WORD_BITS)).ok()
}

/// Sectors of one kind that come one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Whether the image has them; or else they are those of the backing file.
    pub in_cow: bool,
    /// How many there are.
    pub sectors: u64,
}

/// Returns which sectors from `first` on are of the same kind, up to `max` of them.
///
/// Sectors that have no bit are those of the backing file.
pub fn run(words: &impl Words, first: u64, max: u64) -> Run {
    let in_cow = is_set(words, first);
    let end = first.saturating_add(max);
    let mut at = first;

    while at < end {
        // From the lowest bit on: how many are as the first one.
        let word = word_at(words, at);
        let same = if in_cow { !word } else { word };
        let left = WORD_BITS.saturating_sub(at % WORD_BITS);
        let length = u64::from((same >> (at % WORD_BITS)).trailing_zeros()).min(left);

        at = at.saturating_add(length);
        if length < left {
            break;
        }
    }
    Run {
        in_cow,
        sectors: at.min(end).saturating_sub(first),
    }
}

/// Returns whether the image has a sector.
pub fn is_set(words: &impl Words, sector: u64) -> bool {
    word_at(words, sector) >> (sector % WORD_BITS) & 1 != 0
}

/// Notes that the image has `count` sectors from `first` on; returns whether it did not have one of
/// them before.
pub fn set(words: &impl Words, first: u64, count: u64) -> bool {
    let mut any_new = false;

    for_masks(first, count, |index, mask| {
        // Most writes are to what the image has; they need not take the word from other processors.
        if words.load(index) & mask != mask {
            any_new |= words.fetch_or(index, mask) & mask != mask;
        }
    });
    any_new
}

/// Counts the sectors that the image has.
pub fn count(words: &impl Words) -> u64 {
    let ones = |index| u64::from(words.load(index).count_ones());
    (0..words.len()).map(ones).sum()
}

/// Sets the bits of bytes of an image, from byte `at` of its bitmap on. Only bits of sectors below
/// `sectors` are taken; `at` is a multiple of eight.
pub fn load_bytes(words: &impl Words, at: u64, bytes: &[u8], sectors: u64) {
    let first = at / WORD_BYTES as u64;

    for (number, chunk) in (first..).zip(bytes.chunks(WORD_BYTES)) {
        let below = sectors.saturating_sub(number.saturating_mul(WORD_BITS));
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        words.fetch_or(index, word_of(chunk) & low_bits(below));
    }
}

/// Writes into `bytes` what the image is to have from byte `at` of its bitmap on; `at` is a multiple of
/// eight. Zeros are behind the last word.
pub fn store_bytes(words: &impl Words, at: u64, bytes: &mut [u8]) {
    let first = at / WORD_BYTES as u64;

    for (number, chunk) in (first..).zip(bytes.chunks_mut(WORD_BYTES)) {
        let word = usize::try_from(number).map_or(0, |index| words.load(index));
        for (place, byte) in chunk.iter_mut().zip(word.to_le_bytes()) {
            *place = byte;
        }
    }
}

/// Returns a sector below `sectors` that is of another kind than others of its group of `group` sectors,
/// if there is one; `group` is a power of two up to 64. Lower devices with blocks as large cannot read
/// such a group at once.
pub fn first_mixed(words: &impl Words, group: u32, sectors: u64) -> Option<u64> {
    let group = u64::from(group.clamp(1, 64));
    let mut at = 0;

    while at < sectors {
        let max = sectors.saturating_sub(at);
        let end = at.saturating_add(run(words, at, max).sectors.max(1));
        if end < sectors && end.checked_rem(group) != Some(0) {
            return Some(end);
        }
        at = end;
    }
    None
}

fn word_at(words: &impl Words, sector: u64) -> u64 {
    usize::try_from(sector / WORD_BITS).map_or(0, |index| words.load(index))
}

/// Calls `act` with each word that has bits of `count` sectors from `first` on, and these bits.
pub(super) fn for_masks(first: u64, count: u64, mut act: impl FnMut(usize, u64)) {
    let end = first.saturating_add(count);
    let mut at = first;

    while at < end {
        let start = at % WORD_BITS;
        let bits = WORD_BITS.saturating_sub(start).min(end.saturating_sub(at));
        if let Ok(index) = usize::try_from(at / WORD_BITS) {
            act(index, low_bits(bits) << start);
        }
        at = at.saturating_add(bits);
    }
}

/// The lowest `count` bits of a word.
pub(super) fn low_bits(count: u64) -> u64 {
    match u32::try_from(count) {
        Ok(count) if count < u64::BITS => (1_u64 << count).wrapping_sub(1),
        _ => u64::MAX,
    }
}

fn word_of(bytes: &[u8]) -> u64 {
    let place = |word, byte: &u8| word << 8 | u64::from(*byte);
    bytes.iter().rev().fold(0, place)
}
