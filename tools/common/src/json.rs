// SPDX-License-Identifier: GPL-2.0

//! JSON, as all commands print it: objects with the version of their form.

use serde::Serialize;

/// The version. It changes when a member is removed or means something else, not when one is added.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Versioned<'a, T: Serialize> {
    version: u32,
    #[serde(flatten)]
    value: &'a T,
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
