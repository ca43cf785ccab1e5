// SPDX-License-Identifier: GPL-2.0

//! Tracepoints that are declared in C and hit in Rust.
//!
//! A driver with tracepoints has two files for them beside its sources: `events.h` with its
//! `TRACE_EVENT`s, or with the kernel's own header of the driver's name that has them, and `events.c`, which creates them for Rust (`CREATE_RUST_TRACE_POINTS`). The build
//! finds both, links the object into each module with the driver, and makes bindings of the header.
//! The driver then has functions of [`tracepoints!`](crate::tracepoints).
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

use crate::{
    bindings,
    block::{
        dev_t::DevT,
        mq::Request, //
    },
};

/// What a tracepoint takes as a `Raw`: a number, or the address of something that stays where it is
/// during the call.
///
/// No driver can implement this. C cannot get from a number to memory, nor beyond the structure that an
/// address is of; a structure with an array of no length at its end must not be traced.
pub trait Argument<Raw>: sealed::Sealed {
    /// Returns it as C takes it.
    fn into_raw(self) -> Raw;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl sealed::Sealed for $type {}

        impl Argument<Self> for $type {
            #[inline(always)]
            fn into_raw(self) -> Self {
                self
            }
        }
    )*};
}

numbers!(bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

impl sealed::Sealed for DevT {}

impl Argument<bindings::dev_t> for DevT {
    #[inline(always)]
    fn into_raw(self) -> bindings::dev_t {
        self.as_raw()
    }
}

impl<D: Send + Sync> sealed::Sealed for &Request<D> {}

/// A request that somebody owns during the call.
impl<D: Send + Sync> Argument<*mut bindings::request> for &Request<D> {
    #[inline(always)]
    fn into_raw(self) -> *mut bindings::request {
        self.as_raw()
    }
}

impl<const N: usize> sealed::Sealed for &mut [u8; N] {}

/// The bytes of a structure that is packed. Programs of BPF may change them, if the event is a writable
/// one.
impl<T, const N: usize> Argument<*mut T> for &mut [u8; N] {
    #[inline(always)]
    fn into_raw(self) -> *mut T {
        // A structure: a single byte may be the first of a string or of anything (`void`), and a type
        // without size one that C has not defined here.
        const { assert!(size_of::<T>() == N && N > 1 && align_of::<T>() == 1) };
        self.as_mut_ptr().cast()
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
                    // SAFETY: This is what C declares, and what it takes is valid during the call.
                    unsafe {
                        $crate::bindings::[<rust_do_trace_ $name>](
                            $($crate::tracepoint::Argument::into_raw($arg)),*
                        )
                    };
                }
            }
            #[cfg(not(CONFIG_TRACEPOINTS))]
            {
                $(let _unused = $arg;)*
            }
        }
    )*};
}
