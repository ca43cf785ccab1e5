// SPDX-License-Identifier: GPL-2.0

//! Tracepoints that are declared in C and hit in Rust.
//!
//! A driver with tracepoints has two files for them beside its sources: `events.h` with its
//! `TRACE_EVENT`s, or with the kernel's own header of the driver's name that has them, and `events.c`,
//! which creates them for Rust (`CREATE_RUST_TRACE_POINTS`). The build finds both, links the object
//! into each module with the driver, and makes bindings of the header. The driver then has functions
//! of [`tracepoints!`](crate::tracepoints).
//!
//! What these pass to C is an [`Argument`] of the very type that the header declares. The header is
//! C: it must do nothing with a number but keep it, as it gets numbers from safe code.
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

use crate::{
    bindings,
    block::{
        dev_t::DevT,
        mq::Request, //
    },
};

/// What a tracepoint takes as a `Raw`.
///
/// # Safety
///
/// What [`into_raw`](Self::into_raw) returns is a number, or an address at which there is a valid value
/// for as long as `Self` lives: one that C may use in every way that its type allows.
pub unsafe trait Argument<Raw> {
    /// Returns it as C takes it.
    fn into_raw(self) -> Raw;
}

/// A structure of C that is nothing but `N` bytes: what driver and C say to each other by way of the
/// network, or of a device.
///
/// # Safety
///
/// - It has `N` bytes, and lies at any address.
/// - Whatever these bytes are, they are a valid value. Nothing in them is an address, and no code of C
///   takes a number in them for the length of something that lies behind them.
/// - It does not end with an array of no length.
pub unsafe trait Packed<const N: usize> {}

macro_rules! packed {
    ($($type:ident)*) => {$(
        const _: () = {
            const SIZE: usize = size_of::<bindings::$type>();
            assert!(align_of::<bindings::$type>() == 1);

            // SAFETY: This is its size, and its alignment is 1. That it is numbers alone, and used as
            // such, is said where it is listed.
            unsafe impl Packed<SIZE> for bindings::$type {}
        };
    )*};
}

// What goes over the wire to a server: six numbers of fixed size, in the order of the network. The
// only tracepoint that has it, `nbd_send_request`, notes its address.
packed!(nbd_request);

macro_rules! numbers {
    ($($type:ty)*) => {$(
        // SAFETY: It is a number.
        unsafe impl Argument<Self> for $type {
            #[inline(always)]
            fn into_raw(self) -> Self {
                self
            }
        }
    )*};
}

numbers!(bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

// SAFETY: It is a number.
unsafe impl Argument<bindings::dev_t> for DevT {
    #[inline(always)]
    fn into_raw(self) -> bindings::dev_t {
        self.as_raw()
    }
}

/// A request that somebody owns during the call.
// SAFETY: By the type invariants of `Request`, it is valid, and the driver's: it does not end as long as
// there is a reference. A tracepoint reads of it what does not change meanwhile.
unsafe impl<D: Send + Sync> Argument<*mut bindings::request> for &Request<D> {
    #[inline(always)]
    fn into_raw(self) -> *mut bindings::request {
        self.as_raw()
    }
}

/// The bytes of a structure that is packed. Programs of BPF may change them, if the event is a writable
/// one.
// SAFETY: The bytes are a valid `T`, as they are and as they may become: it is `Packed`, and has as many.
// Nobody else has them as long as the reference lives.
unsafe impl<T: Packed<N>, const N: usize> Argument<*mut T> for &mut [u8; N] {
    #[inline(always)]
    fn into_raw(self) -> *mut T {
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
                    // SAFETY: C declares and defines a function of this name for the tracepoint. The
                    // compiler has compared the types; each argument is an `Argument`, so a number, or
                    // an address that is valid during the call, which uses it no longer.
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
