// SPDX-License-Identifier: GPL-2.0

//! Error codes.

use crate::fmt;
use core::num::NonZero;

/// An error code of the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(NonZero<i32>);

/// The result of what can fail.
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

macro_rules! codes {
    ($($name:ident = $number:literal)*) => {
        /// The error codes.
        pub mod code {
            $(
                #[doc = concat!("Error ", stringify!($number), ".")]
                pub const $name: super::Error = super::Error::of($number);
            )*
        }

        impl Error {
            /// Returns the name of the code.
            pub fn name(self) -> Option<&'static str> {
                match -self.to_errno() {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    EPERM = 1 ENOENT = 2 EINTR = 4 EIO = 5 ENXIO = 6 E2BIG = 7 EBADF = 9 EAGAIN = 11 ENOMEM = 12
    EACCES = 13 EFAULT = 14 ENOTBLK = 15 EBUSY = 16 EEXIST = 17 ENODEV = 19 EINVAL = 22 ENFILE = 23
    ENOTTY = 25 ETXTBSY = 26 EFBIG = 27 ENOSPC = 28 EROFS = 30 EPIPE = 32 EDOM = 33 ERANGE = 34
    ENAMETOOLONG = 36 ENODATA = 61 ETIME = 62 EPROTO = 71 EOVERFLOW = 75 ENOTSOCK = 88
    EMSGSIZE = 90 EPROTONOSUPPORT = 93 EOPNOTSUPP = 95 ECONNRESET = 104 ENOTCONN = 107
    ESHUTDOWN = 108 ETIMEDOUT = 110 EALREADY = 114 ENOMEDIUM = 123 ECANCELED = 125
    ERESTARTSYS = 512 ENOTSUPP = 524
}

impl Error {
    const fn of(number: i32) -> Self {
        match NonZero::new(-number) {
            Some(code) => Self(code),
            None => panic!("no error"),
        }
    }

    /// Makes an error of a negative number; `EINVAL` if it is none.
    pub fn from_errno(errno: i32) -> Self {
        let valid = (-4095..0).contains(&errno);
        NonZero::new(errno)
            .filter(|_| valid)
            .map_or(code::EINVAL, Self)
    }

    /// Returns the negative number.
    pub fn to_errno(self) -> i32 {
        self.0.get()
    }
}

/// Makes a result of what C returns: a negative number is an error.
pub fn to_result(number: i32) -> Result {
    if number < 0 {
        return Err(Error::from_errno(number));
    }
    Ok(())
}

impl core::fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Error({})", -self.to_errno()),
        }
    }
}

impl From<core::num::TryFromIntError> for Error {
    fn from(_: core::num::TryFromIntError) -> Self {
        code::EINVAL
    }
}

impl From<core::str::Utf8Error> for Error {
    fn from(_: core::str::Utf8Error) -> Self {
        code::EINVAL
    }
}

impl From<core::fmt::Error> for Error {
    fn from(_: core::fmt::Error) -> Self {
        code::EINVAL
    }
}

impl From<core::convert::Infallible> for Error {
    fn from(never: core::convert::Infallible) -> Self {
        match never {}
    }
}

/// As in the kernel: what is here is not called.
#[macro_export]
macro_rules! build_error {
    ($($text:tt)*) => {
        panic!("a method is called that the driver does not have")
    };
}
