// SPDX-License-Identifier: GPL-2.0

//! What differs between the kernels that this code is built for.
//!
//! `rust/compat.mk` finds out what the kernel at hand has. Only this file asks; everything else
//! sees one kernel.

use crate::bindings;
use pin_init::PinInit;

/// Initializes the value at `slot`.
///
/// # Safety
///
/// - `slot` must be valid for writes.
/// - On success, the value must not be moved until it is dropped.
/// - On failure, nothing but the memory is left of it: it must not be looked at, nor dropped.
#[inline(always)]
pub(crate) unsafe fn pin_init_at<T, E>(slot: *mut T, init: impl PinInit<T, E>) -> Result<(), E> {
    // SAFETY: By the safety requirements of this function.
    #[cfg(rb_has_raw_try_init)]
    return unsafe { pin_init::raw_try_init(slot, init) };
    // SAFETY: By the safety requirements of this function.
    #[cfg(not(rb_has_raw_try_init))]
    return unsafe { init.__pinned_init(slot) };
}

/// Returns how many bytes of the current entry lie before what `iter` stands at.
#[inline(always)]
pub(crate) fn bvec_offset(iter: &bindings::bvec_iter) -> u32 {
    #[cfg(rb_has_bi_offset)]
    return iter.bi_offset;
    #[cfg(not(rb_has_bi_offset))]
    return iter.bi_bvec_done;
}

/// The module that a crate is linked into, for implementations marked `#[vtable]`: they name it as
/// a type of their crate's root.
#[cfg(rb_has_owner_module)]
#[doc(hidden)]
pub struct LocalModule;

#[cfg(rb_has_owner_module)]
impl kernel::ModuleMetadata for LocalModule {
    // The crate does not know what it is linked into, and nobody asks.
    const NAME: &'static kernel::str::CStr = c"rb";
    const THIS_MODULE: kernel::ThisModule = crate::module_ref::this_module();
}

#[cfg(rb_has_owner_module)]
#[doc(hidden)]
#[macro_export]
macro_rules! __local_module {
    () => {
        #[doc(hidden)]
        pub use $crate::LocalModule;
    };
}

#[cfg(not(rb_has_owner_module))]
#[doc(hidden)]
#[macro_export]
macro_rules! __local_module {
    () => {};
}
