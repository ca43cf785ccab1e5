// SPDX-License-Identifier: GPL-2.0

//! Limits for messages: here all are allowed.

use kernel::prelude::*;

/// Allows messages.
pub struct RateLimit(());

impl RateLimit {
    /// Returns an initializer.
    pub fn new() -> impl PinInit<Self> {
        Self(())
    }

    /// Returns whether one more message may be printed now.
    pub fn allows(&self) -> bool {
        true
    }
}
