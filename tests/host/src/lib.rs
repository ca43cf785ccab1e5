// SPDX-License-Identifier: GPL-2.0

//! The pure logic of the drivers, built for the host.
//!
//! These are the very files that the module is built from. In a driver crate `crate::tokens` and
//! `crate::disk_names` are what the drivers have in common; here they are the files themselves.

#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

#[path = "../../../rust/net/attr.rs"]
pub mod net_attr;

#[path = "../../../drivers/common/disk_names.rs"]
pub mod disk_names;

#[path = "../../../drivers/common/tokens.rs"]
pub mod tokens;

/// Network block devices.
#[path = "../../../drivers/block/nbd"]
pub mod nbd {
    pub mod logic;
}

/// The packet driver.
#[path = "../../../drivers/block/pktcdvd"]
pub mod pktcdvd {
    pub mod logic;
}

/// The RAM disk.
#[path = "../../../drivers/block/ram"]
pub mod ram {
    pub mod logic;
}

/// Copy-on-write disks.
#[path = "../../../drivers/block/ubd"]
pub mod ubd {
    pub mod logic;
}
