// SPDX-License-Identifier: GPL-2.0

//! The own module, and references to it.
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

use crate::bindings;
use kernel::prelude::*;

/// The module that this crate is linked into.
///
/// `__this_module` is resolved when a module is linked, so each module pins itself.
pub static THIS_MODULE: kernel::ThisModule = this_module();

pub(crate) const fn this_module() -> kernel::ThisModule {
    // SAFETY: The kernel constructs `__this_module` when it loads the module, and keeps it until
    // the module, and with it this code, is unloaded.
    unsafe { kernel::ThisModule::from_ptr((&raw const kernel::bindings::__this_module).cast_mut()) }
}

/// A reference that keeps the module from being unloaded: `rmmod` fails.
///
/// It is for what users must end themselves before the module can go. What runs in the module need
/// not have one, as unloading waits for it in any case.
///
/// # Examples
///
/// ```
/// # use rb::{block::gen_disk::{self, GenDisk}, module_ref::ModuleRef};
/// # struct Disk;
/// # #[vtable]
/// # impl gen_disk::Operations for Disk {
/// #     type Data = KBox<u32>;
/// # }
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
    /// Fails with [`ENODEV`] if the module is being unloaded.
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
        // SAFETY: By the type invariant, a reference is held. It is not what keeps the code that runs
        // here. Unloading waits for a task that runs it for a file or an attribute of the module. Threads
        // and queues end when their owners are dropped.
        unsafe { bindings::module_put(THIS_MODULE.as_ptr()) };
    }
}
