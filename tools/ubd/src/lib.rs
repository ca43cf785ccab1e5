// SPDX-License-Identifier: GPL-2.0

//! The command `ubd`: makes, shows and merges the copy-on-write images of User-Mode Linux, and adds disks
//! of them to rblk's driver.
//!
//! What images look like, and what commands the driver takes, is in the driver's own files.

pub mod add;
pub mod bits;
pub mod check;
pub mod class;
pub mod cli;
pub mod copy;
pub mod create;
pub mod error;
pub mod file;
pub mod image;
pub mod info;
pub mod merge;
pub mod remove;
pub mod status;

pub use error::{Error, Result};

#[path = "../../../drivers/common/disk_names.rs"]
pub mod disk_names;

#[path = "../../../drivers/common/tokens.rs"]
pub mod tokens;

/// The driver.
#[path = "../../../drivers/block/ubd"]
pub mod driver {
    pub mod logic;
}

use driver::logic;
