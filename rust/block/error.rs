// SPDX-License-Identifier: GPL-2.0

//! Block layer status codes.
//!
//! C header: [`include/linux/blk_types.h`](srctree/include/linux/blk_types.h)

use crate::bindings;
use kernel::error::Error;

/// A block layer error, that is any `BLK_STS_*` value but `BLK_STS_OK`.
///
/// # Examples
///
/// ```
/// # use rb::block::error::{BlkError, BlkResult};
/// fn read_only() -> BlkResult {
///     Err(BlkError::NOTSUPP)
/// }
/// ```
///
/// # Invariants
///
/// The value is not `BLK_STS_OK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlkError(bindings::blk_status_t);

/// The result of a block layer operation.
pub type BlkResult<T = ()> = core::result::Result<T, BlkError>;

impl BlkError {
    /// The operation would have to wait, and must not (`EAGAIN`).
    pub const AGAIN: Self = Self(bindings::BLK_STS_AGAIN);

    /// The device has no room for the request now; one of its own completions makes some.
    pub const DEV_RESOURCE: Self = Self(bindings::BLK_STS_DEV_RESOURCE);

    /// The request does not fit the device (`EINVAL`).
    pub const INVAL: Self = Self(bindings::BLK_STS_INVAL);

    /// The operation failed (`EIO`).
    pub const IOERR: Self = Self(bindings::BLK_STS_IOERR);

    /// The medium has an error (`ENODATA`).
    pub const MEDIUM: Self = Self(bindings::BLK_STS_MEDIUM);

    /// There is no space left (`ENOSPC`).
    pub const NOSPC: Self = Self(bindings::BLK_STS_NOSPC);

    /// The operation is not supported (`EOPNOTSUPP`).
    pub const NOTSUPP: Self = Self(bindings::BLK_STS_NOTSUPP);

    /// The device is gone (`ENODEV`).
    pub const OFFLINE: Self = Self(bindings::BLK_STS_OFFLINE);

    /// A resource of the whole system is short; blk-mq tries again later.
    pub const RESOURCE: Self = Self(bindings::BLK_STS_RESOURCE);

    /// The operation took too long (`ETIMEDOUT`).
    pub const TIMEOUT: Self = Self(bindings::BLK_STS_TIMEOUT);

    /// Returns the raw status.
    #[inline]
    pub(crate) fn as_raw(self) -> bindings::blk_status_t {
        self.0
    }

    /// Returns the `errno` that user space sees for this status.
    pub fn to_error(self) -> Error {
        // SAFETY: FFI call without preconditions.
        Error::from_errno(unsafe { bindings::blk_status_to_errno(self.0) })
    }
}

impl From<Error> for BlkError {
    fn from(err: Error) -> Self {
        // INVARIANT: A negative errno never maps to `BLK_STS_OK`.
        // SAFETY: FFI call without preconditions.
        Self(unsafe { bindings::errno_to_blk_status(err.to_errno()) })
    }
}

/// Turns a raw status into a result.
#[inline]
pub(crate) fn to_result(status: bindings::blk_status_t) -> BlkResult {
    if status == 0 {
        Ok(())
    } else {
        // INVARIANT: The status is not `BLK_STS_OK`, which is zero.
        Err(BlkError(status))
    }
}

/// Turns a result into a raw status.
#[inline]
pub(crate) fn to_status(result: BlkResult) -> bindings::blk_status_t {
    result.err().map_or(0, BlkError::as_raw)
}
