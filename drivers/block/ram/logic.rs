// SPDX-License-Identifier: GPL-2.0

//! What the RAM disk decides, free of any effect.
//!
//! Everything here works on plain numbers: it knows no kernel type, allocates nothing and cannot
//! panic, so that the same files are tested on any machine.

pub mod limits;
pub mod minors;
pub mod names;
pub mod options;
