// SPDX-License-Identifier: GPL-2.0

//! The command `pktcdvd`: maps block devices to packet devices, and shows what these do.
//!
//! It talks to the driver by `/sys/class/pktcdvd` alone. What is read there, parsers take that know
//! no files; what they make of it is printed, or drawn, by functions that know no devices. So both
//! can be tested without a driver, and [`paths::Paths`] puts a directory in place of `/`.

pub mod add;
pub mod class;
pub mod cli;
pub mod device_map;
pub mod device_number;
pub mod drive;
pub mod error;
pub mod info;
pub mod list;
pub mod medium;
pub mod nodes;
pub mod paths;
pub mod remove;
pub mod status;
pub mod units;
pub mod watch;

/// What the driver decides, the very files that the module is built from: here, which discs will
/// do. In the driver's crate `crate::tokens` is the one of the safe layer.
#[path = "../../../drivers/block/pktcdvd"]
pub mod driver {
    pub mod logic;
}

#[path = "../../../rust/tokens.rs"]
pub mod tokens;

pub use error::{Error, Result};
