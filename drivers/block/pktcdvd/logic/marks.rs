// SPDX-License-Identifier: GPL-2.0

//! Congestion marks: when writers have to wait.
//!
//! Above the `on` mark no write is admitted to the queue, until the queue has shrunk to the `off`
//! mark. Both count queued writes.

use crate::tokens::{
    parse_i32,
    NumberError, //
};

/// The `on` mark of a new device, in queued writes.
pub const DEFAULT_ON: i32 = 10000;

/// The `off` mark of a new device, in queued writes.
pub const DEFAULT_OFF: i32 = 9000;

/// Both marks when the control is switched off.
const DISABLED: i32 = -1;
/// Bounds of the `on` mark.
const ON_MIN: i64 = 500;
const ON_MAX: i64 = 1_000_000;
/// The lowest `off` mark.
const OFF_MIN: i64 = 100;
/// How far `off` stays below `on`.
const DISTANCE: i64 = 100;

/// The pair of congestion marks.
///
/// # Invariants
///
/// Either both are -1, and there is no control; or `on` is in 500..=1000000 and `off` is in
/// 100..=`on` - 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    off: i32,
    on: i32,
}

impl Marks {
    /// The mark at or below which writers go on; -1 without control.
    pub const fn off(self) -> i32 {
        self.off
    }

    /// The mark at or above which writers wait; -1 without control.
    pub const fn on(self) -> i32 {
        self.on
    }

    /// Whether there is a control at all.
    pub const fn is_enabled(self) -> bool {
        self.on > 0
    }

    /// Sets the `on` mark as near to `value` as the bounds allow; the `off` mark is lowered if need be.
    ///
    /// 0 and below switch the control off.
    pub fn set_on(&mut self, value: i64) {
        *self = Self::normalised(i64::from(self.off), value);
    }

    /// Sets the `off` mark as near to `value` as the `on` mark allows.
    ///
    /// 0 and below choose the highest possible. Without control, nothing happens: only the `on`
    /// mark switches it on again.
    pub fn set_off(&mut self, value: i64) {
        *self = Self::normalised(value, i64::from(self.on));
    }

    /// The valid pair for a pair of wishes.
    fn normalised(off: i64, on: i64) -> Self {
        if on <= 0 {
            // INVARIANT: The pair without control.
            return Self {
                off: DISABLED,
                on: DISABLED,
            };
        }
        let on = on.clamp(ON_MIN, ON_MAX);
        let highest = on.saturating_sub(DISTANCE);
        let off = if off <= 0 {
            highest
        } else {
            off.min(highest).max(OFF_MIN)
        };

        // INVARIANT: Both were just bounded, by numbers that an `i32` holds.
        Self {
            off: off as i32,
            on: on as i32,
        }
    }
}

impl Default for Marks {
    fn default() -> Self {
        // INVARIANT: Within the bounds.
        Self {
            off: DEFAULT_OFF,
            on: DEFAULT_ON,
        }
    }
}

/// Reads the text that was written to one of the mark attributes.
///
/// That is a decimal number with an optional sign and an optional newline behind it.
///
/// # Errors
///
/// [`NumberError::Invalid`] for anything else, [`NumberError::Range`] for a number that an `int`
/// does not hold.
pub fn parse_mark(text: &[u8]) -> Result<i32, NumberError> {
    parse_i32(text)
}

/// The gate in front of the write queue: closes at the `on` mark, opens at the `off` mark.
///
/// The owner asks [`Gate::admit`] before it queues a write, and [`Gate::should_resume`] after it
/// took writes out. Sleepers are never lost if it does both under the lock of the queue, and wakes
/// all of them whenever a method here says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gate {
    marks: Marks,
    congested: bool,
}

impl Gate {
    /// An open gate with the given marks.
    pub const fn new(marks: Marks) -> Self {
        Self {
            marks,
            congested: false,
        }
    }

    /// The marks in force.
    pub const fn marks(&self) -> Marks {
        self.marks
    }

    /// Whether the gate is closed, so that there may be sleepers.
    pub const fn is_congested(&self) -> bool {
        self.congested
    }

    /// Whether writers are held back with `size` writes in the queue, or would be soon.
    pub fn is_near(&self, size: usize) -> bool {
        self.congested || usize::try_from(self.marks.off).is_ok_and(|off| size >= off)
    }

    /// Whether writers are held back before `most` writes are queued.
    pub fn is_within(&self, most: usize) -> bool {
        usize::try_from(self.marks.off).is_ok_and(|off| off <= most)
    }

    /// Whether one more write may be queued while `size` are. If not, the caller has to wait.
    pub fn admit(&mut self, size: usize) -> bool {
        self.congested = if self.congested {
            !self.is_calm(size)
        } else {
            self.is_full(size)
        };
        !self.congested
    }

    /// Whether sleepers must be woken, now that `size` writes are queued. The gate is open then.
    pub fn should_resume(&mut self, size: usize) -> bool {
        let resume = self.congested && self.is_calm(size);

        if resume {
            self.congested = false;
        }
        resume
    }

    /// Changes the `on` mark; see [`Marks::set_on`].
    ///
    /// Returns whether sleepers must be woken so that each asks [`Gate::admit`] again.
    #[must_use]
    pub fn set_on(&mut self, value: i64) -> bool {
        self.marks.set_on(value);
        self.congested
    }

    /// Changes the `off` mark; see [`Marks::set_off`].
    ///
    /// Returns whether sleepers must be woken so that each asks [`Gate::admit`] again.
    #[must_use]
    pub fn set_off(&mut self, value: i64) -> bool {
        self.marks.set_off(value);
        self.congested
    }

    /// Whether a closed gate may open.
    fn is_calm(&self, size: usize) -> bool {
        // The mark of a switched-off control is negative, and no size stands against it.
        usize::try_from(self.marks.off).map_or(true, |off| size <= off)
    }

    /// Whether an open gate must close.
    fn is_full(&self, size: usize) -> bool {
        usize::try_from(self.marks.on).is_ok_and(|on| size >= on)
    }
}
