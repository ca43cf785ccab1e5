// SPDX-License-Identifier: GPL-2.0

//! Optical drives: the commands of MMC, and what follows from their replies.
//!
//! A drive may be old, broken or hostile, so nothing here trusts a length or a number that it
//! sends. [`probe::Probe`] examines the medium and prepares the drive for writing, command by
//! command. [`finish::Finish`] closes a medium that was written. Their owner only sends the
//! commands. The other modules are their parts.
//!
//! All numbers in commands and replies are big-endian. A *block* is 2048 bytes, and is addressed
//! by its number on the medium, the LBA.

pub mod capacity;
pub mod cdb;
mod check;
pub mod configuration;
pub mod disc;
pub mod events;
pub mod findings;
pub mod finish;
pub mod formats;
pub mod identity;
pub mod medium;
pub mod mode;
pub mod probe;
pub mod profile;
pub mod progress;
pub mod refusal;
pub mod reply;
pub mod sense;
pub mod speed;
pub mod track;
pub mod write_page;

/// Bytes in a block of every supported medium.
pub const BLOCK_SIZE: u32 = 2048;

/// Sectors of 512 bytes in a block.
pub const BLOCK_SECTORS: u64 = 4;
