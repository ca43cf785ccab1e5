// SPDX-License-Identifier: GPL-2.0

//! Judges. They know nothing of the drivers.

pub mod blocks;
pub mod cow;
pub mod flushed;
pub mod packets;
pub mod progress;

use std::rc::Rc;

/// What each sector has at first: zeroes, if nothing else is said.
#[derive(Clone, Default)]
pub struct Initial(Option<Rc<dyn Fn(u64) -> u64>>);

impl Initial {
    /// Makes it of a function.
    pub fn new(value_of: impl Fn(u64) -> u64 + 'static) -> Self {
        Self(Some(Rc::new(value_of)))
    }

    /// Returns what a sector has.
    pub fn of(&self, sector: u64) -> u64 {
        self.0.as_ref().map_or(0, |value_of| value_of(sector))
    }
}

impl core::fmt::Debug for Initial {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Initial")
    }
}
