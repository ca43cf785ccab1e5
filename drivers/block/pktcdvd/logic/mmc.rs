// SPDX-License-Identifier: GPL-2.0

//! Optical drives: the commands of MMC, their replies, and what follows from them.
//!
//! A drive may be old, broken or hostile: nothing here trusts a length or a number that it sends.
//! [`probe::Probe`] finds out, command by command, what is in a drive and readies it;
//! [`finish::Finish`] closes what was written. Who owns them only carries the commands out. The rest
//! of the modules is what they are made of.
//!
//! All numbers in commands and replies are big-endian. A *block* is 2048 bytes, and is addressed
//! by its number on the medium, the LBA.

pub mod capacity;
pub mod cdb;
pub mod configuration;
pub mod disc;
pub mod events;
pub mod finish;
pub mod formats;
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

/// Bytes in a block of every medium that is dealt with.
pub const BLOCK_SIZE: u32 = 2048;

/// Sectors of 512 bytes in a block.
pub const BLOCK_SECTORS: u64 = 4;
