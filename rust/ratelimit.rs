// SPDX-License-Identifier: GPL-2.0

//! Limits for messages that errors cause.
//!
//! C header: [`include/linux/ratelimit.h`](srctree/include/linux/ratelimit.h)

use crate::bindings;
use kernel::{
    prelude::*,
    types::Opaque, //
};

/// Allows ten messages in five seconds.
///
/// How many were not allowed is in the log with the first one that is again.
///
/// # Examples
///
/// ```
/// # fn example(log_limit: &rb::ratelimit::RateLimit, name: &CStr) {
/// if log_limit.allows() {
///     pr_err!("{name}: write error\n");
/// }
/// # }
/// ```
///
/// # Invariants
///
/// `state` is an initialized `struct ratelimit_state`.
#[pin_data]
pub struct RateLimit {
    #[pin]
    state: Opaque<bindings::ratelimit_state>,
}

// SAFETY: A rate limit has no thread affinity.
unsafe impl Send for RateLimit {}

// SAFETY: The C side has a lock of its own.
unsafe impl Sync for RateLimit {}

impl RateLimit {
    /// Returns an initializer.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: `ratelimit_default_init()` initializes the state.
            state <- Opaque::ffi_init(|state| {
                // SAFETY: `state` is valid for writes.
                unsafe { bindings::ratelimit_default_init(state) };
            }),
        })
    }

    /// Returns whether one more message may be printed now. Any context.
    pub fn allows(&self) -> bool {
        // SAFETY: By the type invariant, the state is initialized.
        unsafe { bindings::ratelimit(self.state.get()) }
    }
}
