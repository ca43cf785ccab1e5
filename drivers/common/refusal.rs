// SPDX-License-Identifier: GPL-2.0

//! What user space gets for a command that is wrong.

use crate::tokens::{
    ErrorKind,
    ParseError, //
};
use kernel::prelude::*;

/// Returns the error code for what is wrong with a command.
pub fn code(err: &ParseError<'_>) -> Error {
    match err.kind() {
        ErrorKind::Invalid => EINVAL,
        ErrorKind::Range => ERANGE,
        ErrorKind::TooBig => EFBIG,
    }
}

/// Says in the log of the driver what is wrong with what was written to a file, and makes the error
/// code for it: `refuse!(err, "the name of the file")`.
#[macro_export]
macro_rules! refuse {
    ($err:expr, $($file:tt)+) => {{
        let err: $crate::tokens::ParseError<'_> = $err;
        ::kernel::pr_err!(
            "{}: {}\n",
            ::kernel::prelude::fmt!($($file)+),
            ::core::format_args!("{}", err),
        );
        $crate::refusal::code(&err)
    }};
}
