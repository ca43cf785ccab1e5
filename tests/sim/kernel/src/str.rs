// SPDX-License-Identifier: GPL-2.0

//! Strings of C.

pub use crate::ffi::CStr;
use crate::{
    alloc::AllocError,
    error::{
        code::*,
        Result, //
    },
    fmt,
};
use core::ops::Deref;

/// What the kernel adds to strings of C.
pub trait CStrExt {
    /// Returns the bytes without the one at the end.
    fn as_bytes(&self) -> &[u8];
}

impl CStrExt for CStr {
    fn as_bytes(&self) -> &[u8] {
        self.to_bytes()
    }
}

/// An owned string.
#[derive(Clone)]
pub struct CString(std::ffi::CString);

impl CString {
    /// Formats a string.
    pub fn try_from_fmt(text: fmt::Arguments<'_>) -> Result<Self> {
        if !crate::sim::faults::allocate(crate::sim::faults::Allocation::Kernel) {
            return Err(ENOMEM);
        }
        std::ffi::CString::new(text.to_string())
            .map(Self)
            .map_err(|_| EINVAL)
    }
}

impl Deref for CString {
    type Target = CStr;

    fn deref(&self) -> &CStr {
        &self.0
    }
}

impl fmt::Display for CString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl TryFrom<&CStr> for CString {
    type Error = AllocError;

    fn try_from(text: &CStr) -> Result<Self, AllocError> {
        crate::alloc::charge(crate::alloc::flags::GFP_KERNEL)?;
        Ok(Self(text.to_owned()))
    }
}

/// As in the kernel.
#[macro_export]
macro_rules! c_str {
    ($text:literal) => {
        const {
            match core::ffi::CStr::from_bytes_with_nul(concat!($text, "\0").as_bytes()) {
                Ok(text) => text,
                Err(_) => panic!("the text has a NUL byte"),
            }
        }
    };
}
