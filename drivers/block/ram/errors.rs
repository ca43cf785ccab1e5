// SPDX-License-Identifier: GPL-2.0

//! What user space gets for a command that is wrong.

use crate::tokens::{
    ErrorKind,
    ParseError, //
};
use kernel::prelude::*;

/// Says once in the log what is wrong with what was written to `file` of `object`, and returns the
/// error code for it.
pub(crate) fn refuse(object: &CStr, file: &CStr, err: ParseError<'_>) -> Error {
    pr_err!("{}: {}: {}\n", object, file, core::format_args!("{err}"));

    match err.kind() {
        ErrorKind::Invalid => EINVAL,
        ErrorKind::Range => ERANGE,
        ErrorKind::TooBig => EFBIG,
    }
}
