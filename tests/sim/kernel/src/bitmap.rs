// SPDX-License-Identifier: GPL-2.0

//! Sets of small numbers.

use crate::alloc::{
    AllocError,
    Flags,
    KVec, //
};

/// A set of numbers below a limit.
pub struct BitmapVec(KVec<bool>);

impl BitmapVec {
    /// Makes an empty set of numbers below `nbits`.
    pub fn new(nbits: usize, flags: Flags) -> Result<Self, AllocError> {
        KVec::from_elem(false, nbits, flags).map(Self)
    }

    /// Adds a number.
    pub fn set_bit(&mut self, index: usize) {
        match self.0.get_mut(index) {
            Some(bit) => *bit = true,
            None => panic!("bit {index} is out of range"),
        }
    }

    /// Returns the first number from `start` on that is not in the set.
    pub fn next_zero_bit(&self, start: usize) -> Option<usize> {
        let missing = self.0.iter().skip(start).position(|bit| !bit)?;
        Some(start + missing)
    }
}
