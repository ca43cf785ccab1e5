// SPDX-License-Identifier: GPL-2.0

//! JSON, as all commands print it: objects with the version of their form.

use crate::Error;
use serde::Serialize;

/// The version. It changes when a member is removed or means something else, not when one is added.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Versioned<'a, T: Serialize> {
    version: u32,
    #[serde(flatten)]
    value: &'a T,
}

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

/// As text of several lines.
pub fn document(value: &impl Serialize) -> String {
    let value = Versioned {
        version: VERSION,
        value,
    };
    // What is printed has strings for keys, which is all that could fail.
    serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
}

/// As one line.
pub fn line(value: &impl Serialize) -> String {
    let value = Versioned {
        version: VERSION,
        value,
    };
    serde_json::to_string(&value).unwrap_or_default() + "\n"
}
