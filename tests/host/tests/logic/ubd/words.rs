// SPDX-License-Identifier: GPL-2.0

//! Bitmaps for tests.

use rblk_host_tests::ubd::logic::bitmap::{words_for, Words};
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(super) struct Bits(Vec<AtomicU64>);

impl Bits {
    /// As many words as so many bits take, all zero.
    pub(super) fn new(bits: u64) -> Self {
        let words = words_for(bits).unwrap();
        Self((0..words).map(|_| AtomicU64::new(0)).collect())
    }

    /// Those with these bits.
    pub(super) fn of(bits: &[bool]) -> Self {
        let words = Self::new(bits.len() as u64);
        for (at, _) in bits.iter().enumerate().filter(|(_, bit)| **bit) {
            words.0[at / 64].fetch_or(1 << (at % 64), Ordering::Relaxed);
        }
        words
    }

    pub(super) fn get(&self, bit: u64) -> bool {
        self.load((bit / 64) as usize) >> (bit % 64) & 1 == 1
    }
}

impl Words for Bits {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn load(&self, index: usize) -> u64 {
        self.0
            .get(index)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }

    fn fetch_or(&self, index: usize, mask: u64) -> u64 {
        let word = self.0.get(index);
        word.map_or(0, |word| word.fetch_or(mask, Ordering::Release))
    }

    fn fetch_and(&self, index: usize, mask: u64) -> u64 {
        let word = self.0.get(index);
        word.map_or(0, |word| word.fetch_and(mask, Ordering::AcqRel))
    }
}
