// SPDX-License-Identifier: GPL-2.0

//! Tracepoints that are declared in C and hit in Rust.
//!
//! A driver with tracepoints has two files for them beside its sources: `events.h` with its
//! `TRACE_EVENT`s, and `events.c`, which creates them for Rust (`CREATE_RUST_TRACE_POINTS`). The build
//! finds both, links the object into each module with the driver, and makes bindings of the header.
//! The driver then has functions of [`tracepoints!`](crate::tracepoints).
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

use crate::block::dev_t::DevT;

/// What a tracepoint takes: a number. C keeps it, and shows it.
///
/// No driver can implement this: whatever it hands to C, C cannot follow it anywhere.
pub trait Argument: sealed::Sealed {
    /// The type in C.
    type Raw;

    /// Returns the number as C takes it.
    fn into_raw(self) -> Self::Raw;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl sealed::Sealed for $type {}

        impl Argument for $type {
            type Raw = Self;

            #[inline(always)]
            fn into_raw(self) -> Self {
                self
            }
        }
    )*};
}

numbers!(bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

impl sealed::Sealed for DevT {}

impl Argument for DevT {
    type Raw = crate::bindings::dev_t;

    #[inline(always)]
    fn into_raw(self) -> Self::Raw {
        self.as_raw()
    }
}

/// Declares the Rust side of tracepoints: functions that may be called in every context.
///
/// Each has the name of a `TRACE_EVENT`, and its arguments; the compiler compares their types with
/// those in C. It does nothing without `CONFIG_TRACEPOINTS`, and costs one patched jump while the
/// event is off.
///
/// The functions are always inlined: only a module that calls one needs the object that defines it.
///
/// # Examples
///
/// ```
/// rb::tracepoints! {
///     /// The module is loaded.
///     pub(crate) fn rust_sample_loaded(magic: i32);
/// }
/// ```
#[macro_export]
macro_rules! tracepoints {
    ($($(#[$attr:meta])* $pub:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?);)*) => {$(
        $(#[$attr])*
        #[inline(always)]
        $pub fn $name($($arg: $type),*) {
            $(let $arg = $crate::tracepoint::Argument::into_raw($arg);)*
            #[cfg(CONFIG_TRACEPOINTS)]
            ::kernel::macros::paste! {
                // SAFETY: The key is that of a tracepoint, made by C.
                let enabled = unsafe {
                    ::kernel::jump_label::static_branch_unlikely!(
                        $crate::bindings::[<__tracepoint_ $name>],
                        $crate::bindings::tracepoint,
                        key
                    )
                };
                if enabled {
                    // SAFETY: This is what C declares, and takes nothing but numbers.
                    unsafe { $crate::bindings::[<rust_do_trace_ $name>]($($arg),*) };
                }
            }
            #[cfg(not(CONFIG_TRACEPOINTS))]
            {
                $(let _unused = $arg;)*
            }
        }
    )*};
}
