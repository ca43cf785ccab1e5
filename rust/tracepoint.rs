// SPDX-License-Identifier: GPL-2.0

//! Tracepoints that are declared in C and hit in Rust.
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

/// Declares the Rust side of tracepoints.
///
/// As the macro of that name in the `kernel` crate, but for tracepoints in the bindings of this
/// crate. It makes unsafe functions, which do nothing without `CONFIG_TRACEPOINTS`, and cost one
/// patched jump while the event is off.
///
/// They are always inlined: only the module that calls one needs the C object that defines it.
macro_rules! declare_trace {
    ($($(#[$attr:meta])* $pub:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?);)*) => {$(
        $(#[$attr])*
        /// Hits the tracepoint.
        ///
        /// # Safety
        ///
        /// The arguments must be what the C side of the tracepoint takes.
        #[inline(always)]
        $pub unsafe fn $name($($arg: $type),*) {
            #[cfg(CONFIG_TRACEPOINTS)]
            {
                // SAFETY: The key is that of a tracepoint, made by C.
                let enabled = unsafe {
                    ::kernel::macros::paste! {
                        ::kernel::jump_label::static_branch_unlikely!(
                            $crate::bindings::[<__tracepoint_ $name>],
                            $crate::bindings::tracepoint,
                            key
                        )
                    }
                };
                if enabled {
                    ::kernel::macros::paste! {
                        // SAFETY: By the requirements of this function.
                        unsafe { $crate::bindings::[<rust_do_trace_ $name>]($($arg),*) };
                    }
                }
            }
            #[cfg(not(CONFIG_TRACEPOINTS))]
            {
                $(let _unused = $arg;)*
            }
        }
    )*};
}
pub(crate) use declare_trace;
