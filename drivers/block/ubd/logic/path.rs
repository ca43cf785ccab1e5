// SPDX-License-Identifier: GPL-2.0

//! How paths are shown.

use core::{
    fmt,
    str, //
};

/// A path as users know it: as it is, if it is text on one line, and else with what is not escaped.
#[derive(Debug, Clone, Copy)]
pub struct PathText<'a>(pub &'a [u8]);

impl fmt::Display for PathText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match str::from_utf8(self.0) {
            Ok(text) if !text.chars().any(char::is_control) => f.write_str(text),
            _ => write!(f, "{}", self.0.escape_ascii()),
        }
    }
}
