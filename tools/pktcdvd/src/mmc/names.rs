// SPDX-License-Identifier: GPL-2.0

//! How commands are called.

/// The name of a command, for people.
pub const fn name(opcode: u8) -> &'static str {
    match opcode {
        0x00 => "TEST UNIT READY",
        0x03 => "REQUEST SENSE",
        0x04 => "FORMAT UNIT",
        0x12 => "INQUIRY",
        0x1b => "START STOP UNIT",
        0x1e => "PREVENT ALLOW MEDIUM REMOVAL",
        0x23 => "READ FORMAT CAPACITIES",
        0x25 => "READ CAPACITY",
        0x28 => "READ",
        0x2a => "WRITE",
        0x35 => "SYNCHRONIZE CACHE",
        0x46 => "GET CONFIGURATION",
        0x51 => "READ DISC INFORMATION",
        0x55 => "MODE SELECT",
        0x5a => "MODE SENSE",
        0x5b => "CLOSE TRACK",
        0xa1 => "BLANK",
        0xac => "GET PERFORMANCE",
        _ => "a command",
    }
}
