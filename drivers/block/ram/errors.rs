// SPDX-License-Identifier: GPL-2.0

//! What user space gets for a command that is wrong.

use crate::tokens::{
    ErrorKind,
    ParseError, //
};
use kernel::{
    fmt,
    prelude::*, //
};

/// Says in the log what is wrong with what was written to `file`, and returns the error code for
/// it.
pub(crate) fn refuse(file: fmt::Arguments<'_>, err: ParseError<'_>) -> Error {
    pr_err!("{}: {}\n", file, core::format_args!("{err}"));

    match err.kind() {
        ErrorKind::Invalid => EINVAL,
        ErrorKind::Range => ERANGE,
        ErrorKind::TooBig => EFBIG,
    }
}
