// SPDX-License-Identifier: GPL-2.0

//! Why drives refuse commands.

/// Why a drive has refused a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sense {
    /// The response code.
    pub response: u8,
    /// The sense key.
    pub key: u8,
    /// The additional sense code.
    pub asc: u8,
    /// The qualifier of the additional sense code.
    pub ascq: u8,
}
