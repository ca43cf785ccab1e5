// SPDX-License-Identifier: GPL-2.0

//! Virtual time.

use crate::sim::clock;
use core::marker::PhantomData;

/// A span of time, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Delta(i64);

impl Delta {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// So many nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// So many microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// So many milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// So many seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Returns the nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Returns the milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0 / 1_000_000
    }

    /// Returns whether it is less than none.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Returns whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 <= 0
    }
}

impl core::ops::Add for Delta {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl core::ops::Sub for Delta {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// A clock.
pub trait ClockSource {}

/// The clock that never steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic;

impl ClockSource for Monotonic {}

/// A point in time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant<C: ClockSource>(i64, PhantomData<C>);

impl<C: ClockSource> Clone for Instant<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: ClockSource> Copy for Instant<C> {}

impl<C: ClockSource> Instant<C> {
    /// Returns the time.
    pub fn now() -> Self {
        Self(clock::now() as i64, PhantomData)
    }

    /// Returns how long ago it was.
    pub fn elapsed(&self) -> Delta {
        Self::now() - *self
    }

    /// Returns the nanoseconds since the clock began.
    pub fn as_nanos(&self) -> i64 {
        self.0
    }
}

impl<C: ClockSource> core::ops::Sub for Instant<C> {
    type Output = Delta;

    fn sub(self, other: Self) -> Delta {
        Delta(self.0.saturating_sub(other.0))
    }
}

impl<C: ClockSource> core::ops::Add<Delta> for Instant<C> {
    type Output = Self;

    fn add(self, delta: Delta) -> Self {
        Self(self.0.saturating_add(delta.0), PhantomData)
    }
}

/// Jiffies.
pub type Jiffies = usize;

/// Returns how many jiffies these are, at 250 a second.
pub fn msecs_to_jiffies(milliseconds: u32) -> Jiffies {
    (milliseconds as usize).div_ceil(4)
}

/// Sleeping for some time.
pub mod delay {
    use super::Delta;

    /// Sleeps for that time, at least.
    pub fn fsleep(delta: Delta) {
        crate::sim::clock::sleep(delta.as_nanos().max(0).unsigned_abs());
    }
}
