// SPDX-License-Identifier: GPL-2.0

//! Numbers of errors that the `kernel` crate has no name for, as C has them: positive.
//!
//! C header: [`include/uapi/asm-generic/errno.h`](srctree/include/uapi/asm-generic/errno.h)
//!
//! # Examples
//!
//! ```
//! use kernel::error::Error;
//! use rb::errno;
//! let err = Error::from_errno(-errno::ESTALE);
//! assert!(matches!(-err.to_errno(), errno::ESTALE));
//! ```

use crate::bindings;

/// The caller would wait for itself.
pub const EDEADLK: i32 = bindings::EDEADLK as i32;

/// No more of the user's quota is left.
pub const EDQUOT: i32 = bindings::EDQUOT as i32;

/// The system call is not there.
pub const ENOSYS: i32 = bindings::ENOSYS as i32;

/// The operation is not supported.
pub const EOPNOTSUPP: i32 = bindings::EOPNOTSUPP as i32;

/// The file is another one than it was.
pub const ESTALE: i32 = bindings::ESTALE as i32;
