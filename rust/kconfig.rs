// SPDX-License-Identifier: GPL-2.0

//! Numbers of the kernel's configuration, which `cfg!` only compares.

use crate::bindings;
use kernel::prelude::*;

/// `CONFIG_BLK_DEV_RAM_COUNT`: how many RAM disks there are by default.
pub const BLK_DEV_RAM_COUNT: c_int = bindings::BLK_DEV_RAM_COUNT;

/// `CONFIG_BLK_DEV_RAM_SIZE`: the default size of these, in KiB.
pub const BLK_DEV_RAM_SIZE: c_ulong = bindings::BLK_DEV_RAM_SIZE;
