// SPDX-License-Identifier: GPL-2.0

//! Module parameters that show in sysfs.
//!
//! Unlike those of `module!`, they appear in `/sys/module/<module>/parameters`, may be writable,
//! may be strings, and may be given twice (the last one counts), all as in C.
//!
//! Not supported: arrays.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)
//!
//! # Examples
//!
//! ```
//! # use kernel::str::CString;
//! # use rb::module_param;
//! module_param!(disks: uint = 1, 0o444, "Number of disks to add at load");
//! module_param!(log: bool = false, 0o644, "Log each request");
//! module_param!(path: charp = c"", 0o444, "Where the data is");
//!
//! let number: u32 = disks.read();
//! let given: CString = path.to_cstring()?;
//! ```

use crate::{
    bindings,
    THIS_MODULE, //
};
use core::{
    cell::UnsafeCell,
    ptr, //
};
use kernel::{
    prelude::*,
    str::{
        as_char_ptr_in_const_context,
        CString, //
    }, //
};

mod private {
    /// Keeps [`super::ParamType`] to this file.
    pub trait Sealed {}
}

/// A type of parameters; it goes by its name in C in [`module_param!`](crate::module_param!).
pub trait ParamType: private::Sealed + 'static {
    /// How C keeps the value.
    type Raw: Copy;

    /// The operations of C that read and write a `Raw`.
    #[doc(hidden)]
    const OPS: *const bindings::kernel_param_ops;
}

/// A type of parameters whose values can be read at once.
pub trait Scalar: ParamType<Raw = Self> + Copy {}

macro_rules! scalar {
    ($($type:ty: $ops:ident),* $(,)?) => {$(
        impl private::Sealed for $type {}
        impl ParamType for $type {
            type Raw = Self;
            const OPS: *const bindings::kernel_param_ops = &raw const bindings::$ops;
        }
        impl Scalar for $type {}
    )*};
}

scalar! {
    c_int: param_ops_int,
    c_uint: param_ops_uint,
    c_ulong: param_ops_ulong,
    bool: param_ops_bool,
}

/// The type of string parameters.
pub enum Charp {}

impl private::Sealed for Charp {}

impl ParamType for Charp {
    type Raw = *const c_char;
    const OPS: *const bindings::kernel_param_ops = &raw const bindings::param_ops_charp;
}

/// The value of a parameter, made by [`module_param!`](crate::module_param!).
///
/// # Invariants
///
/// Only `T::OPS` and [`Param::set`] write to the value, under the parameter lock of this module.
/// A [`Charp`] points at a string.
#[repr(transparent)]
pub struct Param<T: ParamType>(UnsafeCell<T::Raw>);

// SAFETY: Scalars are read with a single access, strings under the lock.
unsafe impl<T: ParamType> Sync for Param<T> {}

impl<T: Scalar> Param<T> {
    /// Makes a parameter that has a default value.
    #[doc(hidden)]
    pub const fn new(default: T) -> Self {
        Self(UnsafeCell::new(default))
    }

    /// Returns the value: what was last [set](Param::set), or, if the parameter is writable, written.
    pub fn read(&self) -> T {
        // SAFETY: The pointer is valid. A concurrent write is one of C, of a whole word, for
        // which a volatile read is `READ_ONCE`.
        unsafe { self.0.get().read_volatile() }
    }

    /// Changes the value, so that user space reads what has become of the one it has given.
    ///
    /// Meant for the module's `init`: a program that has read the value is not told. Process context,
    /// may sleep.
    pub fn set(&self, value: T) {
        // SAFETY: The module is loaded as long as its code runs.
        unsafe { bindings::kernel_param_lock(THIS_MODULE.as_ptr()) };
        // SAFETY: The pointer is valid. We hold the lock, so nobody else writes; a reader without
        // it does so at once, as this writes (`WRITE_ONCE`).
        unsafe { self.0.get().write_volatile(value) };
        // SAFETY: We took the lock above.
        unsafe { bindings::kernel_param_unlock(THIS_MODULE.as_ptr()) };
    }
}

impl Param<Charp> {
    /// Makes a parameter that has a default value.
    #[doc(hidden)]
    pub const fn new_str(default: &'static CStr) -> Self {
        Self(UnsafeCell::new(as_char_ptr_in_const_context(default)))
    }

    /// Calls `f` with the value, under a lock that keeps it from changing.
    ///
    /// Process context, may sleep; `f` must not wait for somebody who writes a parameter.
    pub fn with<R>(&self, f: impl FnOnce(&CStr) -> R) -> R {
        // SAFETY: The module is loaded as long as its code runs.
        unsafe { bindings::kernel_param_lock(THIS_MODULE.as_ptr()) };
        // SAFETY: We hold the lock.
        let raw = unsafe { *self.0.get() };
        // SAFETY: By the type invariant, it is a string, and we hold the lock.
        let result = f(unsafe { CStr::from_char_ptr(raw) });
        // SAFETY: We took the lock above.
        unsafe { bindings::kernel_param_unlock(THIS_MODULE.as_ptr()) };
        result
    }

    /// Returns a copy of the value.
    pub fn to_cstring(&self) -> Result<CString> {
        self.with(|value| Ok(CString::try_from(value)?))
    }
}

/// The description of a parameter, as the module loader reads it.
#[doc(hidden)]
#[repr(transparent)]
pub struct Entry(bindings::kernel_param);

// SAFETY: It is constant.
unsafe impl Sync for Entry {}

impl Entry {
    /// Describes a parameter. Only for [`module_param!`](crate::module_param!).
    pub const fn new<T: ParamType>(
        param: &'static Param<T>,
        name: &'static CStr,
        perm: u16,
    ) -> Self {
        assert!(perm & !0o644 == 0, "a parameter is for root to write");
        let mut raw: bindings::kernel_param = pin_init::zeroed();
        raw.name = as_char_ptr_in_const_context(name);
        raw.mod_ = THIS_MODULE.as_ptr();
        raw.ops = T::OPS;
        raw.perm = perm;
        raw.level = -1;
        raw.__bindgen_anon_1.arg = ptr::from_ref(param).cast_mut().cast();
        Self(raw)
    }
}

/// Turns a string that ends with NUL into a C string.
#[doc(hidden)]
pub const fn name(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!("a name has no NUL inside"),
    }
}

/// Turns a string into what goes into `.modinfo`.
#[doc(hidden)]
pub const fn modinfo<const N: usize>(text: &str) -> [u8; N] {
    let text = text.as_bytes();
    let mut bytes = [0; N];
    let mut i = 0;
    while i < N {
        bytes[i] = text[i];
        i += 1;
    }
    bytes
}

/// Defines a module parameter: `module_param!(name: type = default, mode, description);`.
///
/// It is a static of the given name, a [`Param`]; the type is one of `int`, `uint`, `ulong`,
/// `bool`, `charp`, the mode that of the file in sysfs (0 for no file). See the
/// [module](mod@crate::module_param) for an example. Without a file or with a read-only one, only
/// the module itself changes the value after it was loaded.
#[macro_export]
macro_rules! module_param {
    (@type int) => { $crate::module_param::Param<::kernel::ffi::c_int> };
    (@type uint) => { $crate::module_param::Param<::kernel::ffi::c_uint> };
    (@type ulong) => { $crate::module_param::Param<::kernel::ffi::c_ulong> };
    (@type bool) => { $crate::module_param::Param<bool> };
    (@type charp) => { $crate::module_param::Param<$crate::module_param::Charp> };
    (@new charp $default:expr) => { $crate::module_param::Param::new_str($default) };
    (@new $type:ident $default:expr) => { $crate::module_param::Param::new($default) };
    (@modinfo $($text:expr),+) => {
        const _: () = {
            const TEXT: &str = ::core::concat!($($text,)+ "\0");
            #[link_section = ".modinfo"]
            #[used(compiler)]
            static INFO: [u8; TEXT.len()] = $crate::module_param::modinfo(TEXT);
        };
    };
    (
        $(#[$attr:meta])* $vis:vis
        $name:ident: $type:ident = $default:expr, $perm:expr, $description:expr $(,)?
    ) => {
        $(#[$attr])*
        #[allow(non_upper_case_globals)]
        $vis static $name: $crate::module_param!(@type $type) =
            $crate::module_param!(@new $type $default);

        const _: () = {
            #[link_section = "__param"]
            #[used(compiler)]
            static ENTRY: $crate::module_param::Entry = $crate::module_param::Entry::new(
                &$name,
                $crate::module_param::name(::core::concat!(::core::stringify!($name), "\0")),
                $perm,
            );
        };
        $crate::module_param!(
            @modinfo "parmtype=", ::core::stringify!($name), ":", ::core::stringify!($type)
        );
        $crate::module_param!(@modinfo "parm=", ::core::stringify!($name), ":", $description);
    };
}
pub use crate::module_param;
