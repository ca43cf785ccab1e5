// SPDX-License-Identifier: GPL-2.0

//! A value that is set once.

use std::sync::OnceLock;

/// A value that is set once.
#[derive(Default)]
pub struct SetOnce<T>(OnceLock<T>);

impl<T> SetOnce<T> {
    /// Makes one that is not set.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Sets the value, if there is none; returns whether it did.
    pub fn populate(&self, value: T) -> bool {
        crate::sim::point();
        self.0.set(value).is_ok()
    }

    /// Returns the value.
    pub fn as_ref(&self) -> Option<&T> {
        crate::sim::point();
        self.0.get()
    }

    /// Returns a copy of the value.
    pub fn copy(&self) -> Option<T>
    where
        T: Copy,
    {
        self.as_ref().copied()
    }
}
