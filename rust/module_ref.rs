// SPDX-License-Identifier: GPL-2.0

//! References to the own module.
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

use crate::{
    bindings,
    THIS_MODULE, //
};
use kernel::prelude::*;

/// A reference that keeps the module from being unloaded.
///
/// # Examples
///
/// ```ignore
/// struct Mapping {
///     disk: GenDisk<Disk>,
///     // Dropped last: the module goes after all that the mapping has.
///     _module: ModuleRef,
/// }
/// ```
///
/// # Invariants
///
/// A reference to [`THIS_MODULE`] is held.
pub struct ModuleRef(());

impl ModuleRef {
    /// Takes a reference.
    ///
    /// Fails with [`ENODEV`] if the module is being unloaded. To be dropped in a call from outside
    /// the module, of which unloading waits for the end, such as an attribute's or an ioctl: a
    /// thread of the module itself would run on in code that is gone.
    pub fn get() -> Result<Self> {
        // SAFETY: This is the module that the code is in.
        if unsafe { bindings::try_module_get(THIS_MODULE.as_ptr()) } {
            // INVARIANT: The reference was taken.
            Ok(Self(()))
        } else {
            Err(ENODEV)
        }
    }
}

impl Drop for ModuleRef {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, a reference is held. Whoever drops this is called from
        // outside the module, by something that holds a reference, or that unloading waits for.
        unsafe { bindings::module_put(THIS_MODULE.as_ptr()) };
    }
}
