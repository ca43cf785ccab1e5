// SPDX-License-Identifier: GPL-2.0

//! Which packets hold nothing, because all of them was discarded.

use kernel::{
    alloc::{
        flags::__GFP_NOWARN,
        KVVec, //
    },
    prelude::*, //
};

/// One bit for each packet of a device; set if its data is void.
///
/// A void packet need not be read before it is written. The map is forgotten with the mapping,
/// which is no harm: what is there is read then.
pub(crate) struct VoidMap(KVVec<u64>);

impl VoidMap {
    /// Creates a map for `packets` packets, none of them void. May sleep.
    ///
    /// If there is no memory for it, it keeps no marks: then more is read, and no more.
    pub(crate) fn new(packets: u64) -> Self {
        let words = usize::try_from(packets.div_ceil(u64::from(u64::BITS))).ok();
        let map =
            words.and_then(|words| KVVec::from_elem(0, words, GFP_KERNEL | __GFP_NOWARN).ok());
        Self(map.unwrap_or_default())
    }

    fn locate(index: u64) -> Option<(usize, u64)> {
        let word = usize::try_from(index / u64::from(u64::BITS)).ok()?;
        Some((word, 1 << (index % u64::from(u64::BITS))))
    }

    /// Marks packet number `index`.
    pub(crate) fn set(&mut self, index: u64) {
        if let Some((word, bit)) = Self::locate(index) {
            if let Some(word) = self.0.get_mut(word) {
                *word |= bit;
            }
        }
    }

    /// Clears the mark of packet number `index`; returns whether it was there.
    pub(crate) fn take(&mut self, index: u64) -> bool {
        let Some((word, bit)) = Self::locate(index) else {
            return false;
        };
        let Some(word) = self.0.get_mut(word) else {
            return false;
        };
        let was = *word & bit != 0;
        *word &= !bit;
        was
    }
}
