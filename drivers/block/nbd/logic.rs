// SPDX-License-Identifier: GPL-2.0

//! What the network block device says and decides, free of any effect.
//!
//! Everything here works on plain numbers: it knows no kernel type, allocates nothing and cannot
//! panic, so that the same files are tested on any machine.

pub mod fifo;
pub mod flags;
pub mod io;
pub mod links;
pub mod minors;
pub mod size;
pub mod slots;
pub mod wire;
