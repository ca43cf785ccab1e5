// SPDX-License-Identifier: GPL-2.0

//! Void packets: those that a discard has covered completely.

use core::ops::DerefMut;

/// Packets of one word of the map.
const BITS: u64 = u64::BITS as u64;

/// One bit for each packet of a device; set if its data is void.
///
/// A void packet need not be read before it is written. The map is lost with the mapping. That
/// costs only reads that were not necessary. `W` is the memory of the map. If it has fewer than
/// [`words`] words, the last packets have no marks, which costs only such reads, too.
#[derive(Debug)]
pub struct VoidMap<W>(W);

/// The words that the map of `packets` packets takes, if the machine can address so many.
pub fn words(packets: u64) -> Option<usize> {
    usize::try_from(packets.div_ceil(BITS)).ok()
}

impl<W: DerefMut<Target = [u64]>> VoidMap<W> {
    /// A map in `words`, which are all zero: no packet is void.
    pub fn new(words: W) -> Self {
        Self(words)
    }

    /// The word that has the mark of packet number `index`, and the mark.
    fn locate(&mut self, index: u64) -> Option<(&mut u64, u64)> {
        let word = usize::try_from(index / BITS).ok()?;
        Some((self.0.get_mut(word)?, 1 << (index % BITS)))
    }

    /// Marks packet number `index`.
    pub fn set(&mut self, index: u64) {
        if let Some((word, bit)) = self.locate(index) {
            *word |= bit;
        }
    }

    /// Clears the mark of packet number `index`; returns whether it was there.
    pub fn take(&mut self, index: u64) -> bool {
        let Some((word, bit)) = self.locate(index) else {
            return false;
        };
        let was = *word & bit != 0;
        *word &= !bit;
        was
    }
}
