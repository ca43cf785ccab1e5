// SPDX-License-Identifier: GPL-2.0

use crate::logic::bitmap::Words;
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed, //
    }, //
};

/// Words of bits that threads share.
pub(crate) struct AtomicWords(KVVec<Atomic<u64>>);

impl AtomicWords {
    /// Allocates words without bits. Fails with [`ENOMEM`]; may sleep.
    pub(crate) fn new(words: usize) -> Result<Self> {
        let mut all = KVVec::with_capacity(words, GFP_KERNEL)?;
        for _ in 0..words {
            all.push(Atomic::new(0), GFP_KERNEL)?;
        }
        Ok(Self(all))
    }

    /// Changes a word; returns it as it was.
    fn update(&self, index: usize, change: impl Fn(u64) -> u64) -> u64 {
        let Some(word) = self.0.get(index) else {
            return 0;
        };
        let mut old = word.load(Relaxed);
        while let Err(other) = word.cmpxchg(old, change(old), Full) {
            old = other;
        }
        old
    }
}

impl Words for AtomicWords {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn load(&self, index: usize) -> u64 {
        self.0.get(index).map_or(0, |word| word.load(Acquire))
    }

    fn fetch_or(&self, index: usize, mask: u64) -> u64 {
        self.update(index, |word| word | mask)
    }

    fn fetch_and(&self, index: usize, mask: u64) -> u64 {
        self.update(index, |word| word & mask)
    }
}
