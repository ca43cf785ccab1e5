// SPDX-License-Identifier: GPL-2.0

//! What the packet driver decides, free of any effect.
//!
//! Everything here works on plain numbers, and on requests and sessions of any type: it knows none
//! of the kernel's, allocates nothing and cannot panic, so that the same files are tested on any
//! machine. What acts on the decisions is outside.

pub mod buffer;
pub mod contents;
pub mod control;
pub mod coverage;
pub mod flusher;
pub mod frames;
pub mod marks;
pub mod mmc;
pub mod options;
pub mod pieces;
pub mod queue;
pub mod schedule;
pub mod state;
pub mod users;
pub mod void_map;
pub mod zone;
