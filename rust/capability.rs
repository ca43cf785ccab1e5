// SPDX-License-Identifier: GPL-2.0

//! What the current task is allowed to do.
//!
//! C header: [`include/linux/capability.h`](srctree/include/linux/capability.h)

use crate::bindings;
use kernel::prelude::*;

/// A capability; see `capabilities(7)`.
///
/// # Examples
///
/// ```
/// # use rb::capability::{capable, Capability};
/// if !capable(Capability::SYS_ADMIN) {
///     return Err(EPERM);
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Capability(c_int);

impl Capability {
    /// `CAP_SYS_ADMIN`: to administer the system, devices among it.
    pub const SYS_ADMIN: Self = Self(bindings::CAP_SYS_ADMIN as c_int);
}

/// Returns whether the current task has `capability` in the first user namespace.
///
/// A task that is told yes is marked as having used superuser rights, so ask only when it
/// matters. Process context.
pub fn capable(capability: Capability) -> bool {
    // SAFETY: It may be called with every capability that there is.
    unsafe { bindings::capable(capability.0) }
}
