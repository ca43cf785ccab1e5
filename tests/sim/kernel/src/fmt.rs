// SPDX-License-Identifier: GPL-2.0

//! Formatting. As in the kernel, `Display` is a trait of its own, which strings of C have, too.

pub use crate::prelude::fmt;
pub use core::fmt::{
    Arguments,
    Debug,
    Error,
    Formatter,
    Result,
    Write, //
};

/// What `fmt!` wraps arguments in.
#[doc(hidden)]
pub struct Adapter<T>(pub T);

macro_rules! forward {
    ($($name:ident)*) => {$(
        impl<T: core::fmt::$name> core::fmt::$name for Adapter<T> {
            fn fmt(&self, f: &mut Formatter<'_>) -> Result {
                self.0.fmt(f)
            }
        }
    )*};
}

forward!(Debug LowerHex UpperHex Octal Binary);

/// As `core::fmt::Display`.
pub trait Display {
    /// Formats the value.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result;
}

impl<T: ?Sized + Display> Display for &T {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + Display> core::fmt::Display for Adapter<&T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        Display::fmt(self.0, f)
    }
}

macro_rules! display {
    ($($type:ty)*) => {$(
        impl Display for $type {
            fn fmt(&self, f: &mut Formatter<'_>) -> Result {
                core::fmt::Display::fmt(self, f)
            }
        }
    )*};
}

display!(bool char str u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
display!(core::num::NonZero<u32> core::panic::PanicInfo<'_>);

impl Display for Arguments<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl Display for core::ffi::CStr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        core::fmt::Display::fmt(&self.to_bytes().escape_ascii(), f)
    }
}

impl<T: ?Sized + Display> Display for crate::sync::Arc<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        (**self).fmt(f)
    }
}
