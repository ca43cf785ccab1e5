// SPDX-License-Identifier: GPL-2.0

//! What the packet driver decides, free of any effect.
//!
//! Everything here works on plain numbers: it knows no kernel type, allocates nothing and cannot
//! panic, so that the same files are tested on any machine. What acts on the decisions is outside.

pub mod control;
pub mod coverage;
pub mod frames;
pub mod marks;
pub mod mmc;
pub mod options;
pub mod schedule;
pub mod state;
pub mod users;
pub mod zone;
