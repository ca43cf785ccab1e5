// SPDX-License-Identifier: GPL-2.0

//! Memory that is set aside for getting memory back.
//!
//! A machine that swaps to a disk may have no other when the disk has to serve a request.

use rb::mm;

/// Whether the reserves are used. Only the control of the test of swapping is built without.
pub(crate) const USED: bool = !cfg!(nbd_naive);

/// Lets the caller use the reserves in `f`. Threads of a connection do so while they send or receive. They
/// do not while they end requests: code of others runs then, and must not use the reserves.
pub(crate) fn with_reserves<R>(f: impl FnOnce() -> R) -> R {
    if USED {
        mm::with_noreclaim(f)
    } else {
        f()
    }
}
