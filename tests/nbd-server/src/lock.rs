// SPDX-License-Identifier: GPL-2.0
//! Locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A panic elsewhere does not make what is in there wrong.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
