// SPDX-License-Identifier: GPL-2.0

//! How many requests disks get whose drivers ask for many.

use kernel::sim::choose;
use std::cell::Cell;

/// What is more than that is cut down.
const MANY: u32 = 128;

thread_local! {
    static LARGE: Cell<Option<u32>> = const { Cell::new(None) };
    static ASKED: Cell<u32> = const { Cell::new(0) };
}

/// Gives that many to those who ask for more, or few if it is `None`.
pub fn give(large: Option<u32>) {
    LARGE.with(|place| place.set(large));
}

/// Returns the most that a driver has asked for.
pub fn asked() -> u32 {
    ASKED.with(Cell::get)
}

pub(crate) fn reset() {
    give(None);
    ASKED.with(|place| place.set(0));
}

/// Returns how many a driver gets that has asked for so many.
pub(crate) fn grant(asked: u32) -> u32 {
    ASKED.with(|place| place.set(place.get().max(asked)));
    match LARGE.with(Cell::get) {
        Some(large) => asked.min(large),
        // As the kernel does when memory is short.
        None if asked > MANY => [8, 16, 64][choose(3) as usize],
        None => asked,
    }
}
