// SPDX-License-Identifier: GPL-2.0

//! The bitmap of an image.

use crate::logic::bitmap::{words_for, Words};
use crate::{Error, Result};
use std::cell::Cell;

/// Words of this process alone.
#[derive(Debug)]
pub struct Bits(Vec<Cell<u64>>);

impl Bits {
    /// Makes a bitmap of zeros.
    pub fn new(sectors: u64) -> Result<Self> {
        let too_many = || Error::Image(format!("{sectors} sectors are too many for the memory"));
        let words = words_for(sectors).ok_or_else(too_many)?;
        let mut bits = Vec::new();
        bits.try_reserve_exact(words).map_err(|_| too_many())?;
        bits.resize(words, Cell::new(0));
        Ok(Self(bits))
    }

    fn replace(&self, index: usize, change: impl FnOnce(u64) -> u64) -> u64 {
        let word = self.0.get(index);
        word.map_or(0, |word| word.replace(change(word.get())))
    }
}

impl Words for Bits {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn load(&self, index: usize) -> u64 {
        self.0.get(index).map_or(0, Cell::get)
    }

    fn fetch_or(&self, index: usize, mask: u64) -> u64 {
        self.replace(index, |word| word | mask)
    }

    fn fetch_and(&self, index: usize, mask: u64) -> u64 {
        self.replace(index, |word| word & mask)
    }
}
