// SPDX-License-Identifier: GPL-2.0

//! What is printed as JSON.

use crate::Error;
pub use rblk_common::json::{document, line, VERSION};
use serde::Serialize;

/// Several devices.
#[derive(Debug, Serialize)]
pub struct Devices<T> {
    /// In the order of the kernel.
    pub devices: Vec<T>,
    /// What went wrong with others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Failure>,
}

/// An error.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// The exit status that goes with it.
    pub status: u8,
    /// What went wrong, for people.
    pub message: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            status: error.exit_status(),
            message: error.to_string(),
        }
    }
}

/// What is printed when there is nothing else.
#[derive(Debug, Serialize)]
pub struct Failed {
    /// What kind of line it is, of a command that prints several kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<&'static str>,
    /// Why.
    pub error: Failure,
}
