// SPDX-License-Identifier: GPL-2.0

//! The command `pktcdvd`: maps block devices to packet devices, shows what these do, and prepares
//! discs for them.
//!
//! It talks to the driver by `/sys/class/pktcdvd` alone, and to drives by a [`mmc::Transport`]. What
//! is read from either, parsers take that know no files; what they make of it is printed, or drawn,
//! by functions that know no devices. So both can be tested without a driver and without a drive,
//! and [`paths::Paths`] puts a directory in place of `/`.

pub mod add;
pub mod class;
pub mod cli;
pub mod contents;
pub mod device_map;
pub mod device_number;
pub mod drive;
pub mod eject;
pub mod error;
pub mod format;
pub mod info;
pub mod inspect;
pub mod list;
pub mod mapped;
pub mod medium;
pub mod mkfs;
pub mod mmc;
pub mod mount;
pub mod mountinfo;
pub mod nodes;
pub mod output;
pub mod paths;
pub mod programs;
pub mod remove;
pub mod set;
pub mod setting;
pub mod status;
pub mod survey;
pub mod units;
pub mod users;
pub mod watch;

/// What the driver decides, the very files that the module is built from: here, which discs will
/// do. In the driver's crate `crate::tokens` is the one that the drivers have in common.
#[path = "../../../drivers/block/pktcdvd"]
pub mod driver {
    pub mod logic;
}

#[path = "../../../drivers/common/tokens.rs"]
pub mod tokens;

pub use error::{Error, Result};
