// SPDX-License-Identifier: GPL-2.0

//! Whether the current task may wait for I/O.
//!
//! While a task submits a bio, what it submits besides is queued until it returns from there. If it
//! waited for such I/O, it would wait for itself.

use crate::{
    bindings,
    errno, //
};
use kernel::prelude::*;

/// Returns whether I/O that the current task submits is queued until it returns to its submitter.
#[inline]
pub(super) fn is_queued() -> bool {
    // SAFETY: FFI call without preconditions in process context.
    unsafe { bindings::in_submission() }
}

/// Fails with `EDEADLK` if the current task would wait for itself if it waited for I/O.
pub(crate) fn may_wait() -> Result {
    if is_queued() {
        return Err(Error::from_errno(-errno::EDEADLK));
    }
    Ok(())
}
