// SPDX-License-Identifier: GPL-2.0

//! Errors.

use std::error::Error;

/// What a subcommand ends with.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;
