// SPDX-License-Identifier: GPL-2.0

//! The decisions of the RAM disk, without side effects.
//!
//! The code here works on plain numbers. It uses no type of the kernel, allocates nothing and
//! cannot panic, so the same files are tested on the host.

pub mod limits;
pub mod minors;
pub mod names;
pub mod options;
