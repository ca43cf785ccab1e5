// SPDX-License-Identifier: GPL-2.0

//! Atomics. Each operation is a point where another task may run; all are sequentially consistent.

use crate::sim::point;
use std::sync::Mutex;

/// How an operation is ordered with others.
pub trait Ordering: Copy {}

macro_rules! orderings {
    ($($name:ident)*) => {$(
        #[doc = concat!("`", stringify!($name), "`.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Ordering for $name {}
    )*};
}

orderings!(Acquire Release Relaxed Full);

/// Numbers that can be added to.
pub trait Number: Copy {
    /// Adds, and wraps.
    #[doc(hidden)]
    fn add(self, other: Self) -> Self;
    /// Subtracts, and wraps.
    #[doc(hidden)]
    fn sub(self, other: Self) -> Self;
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl Number for $type {
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
        }
    )*};
}

numbers!(i32 u32 i64 u64 isize usize);

/// A value that many tasks change.
#[derive(Debug, Default)]
pub struct Atomic<T>(Mutex<T>);

impl<T: Copy> Atomic<T> {
    /// Makes an atomic.
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    fn update(&self, f: impl FnOnce(T) -> T) -> T {
        point();
        let mut value = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let old = *value;
        *value = f(old);
        old
    }

    /// Returns the value.
    pub fn load(&self, _order: impl Ordering) -> T {
        self.update(|value| value)
    }

    /// Sets the value.
    pub fn store(&self, value: T, _order: impl Ordering) {
        self.update(|_| value);
    }

    /// Sets the value, and returns the old one.
    pub fn xchg(&self, value: T, _order: impl Ordering) -> T {
        self.update(|_| value)
    }

    /// Sets the value if it is `old`; returns what it was, as an error if it was not `old`.
    pub fn cmpxchg(&self, old: T, new: T, _order: impl Ordering) -> Result<T, T>
    where
        T: PartialEq,
    {
        let was = self.update(|value| if value == old { new } else { value });
        if was == old {
            Ok(was)
        } else {
            Err(was)
        }
    }

    /// Adds, and returns the old value.
    pub fn fetch_add(&self, more: T, _order: impl Ordering) -> T
    where
        T: Number,
    {
        self.update(|value| value.add(more))
    }

    /// Subtracts, and returns the old value.
    pub fn fetch_sub(&self, less: T, _order: impl Ordering) -> T
    where
        T: Number,
    {
        self.update(|value| value.sub(less))
    }

    /// Adds.
    pub fn add(&self, more: T, order: impl Ordering)
    where
        T: Number,
    {
        self.fetch_add(more, order);
    }
}
