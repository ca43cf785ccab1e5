// SPDX-License-Identifier: GPL-2.0

//! Types of C. As in the kernel, `char` has no sign, and `long` is as wide as a pointer.
#![allow(non_camel_case_types, reason = "these are the names of C")]

pub use core::ffi::{
    c_void,
    CStr, //
};

/// `char`.
pub type c_char = u8;
/// `int`.
pub type c_int = i32;
/// `unsigned int`.
pub type c_uint = u32;
/// `long`.
pub type c_long = isize;
/// `unsigned long`.
pub type c_ulong = usize;
