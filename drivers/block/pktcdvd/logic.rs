// SPDX-License-Identifier: GPL-2.0

//! The decisions of the packet driver, without side effects.
//!
//! The code here works on plain numbers, and on requests and sessions of any type. It uses no type
//! of the kernel, allocates nothing and cannot panic, so the same files are tested on the host. The
//! other modules of the driver carry the decisions out.

pub mod buffer;
pub mod command;
pub mod contents;
pub mod coverage;
pub mod flusher;
pub mod frames;
pub mod hold;
pub mod life;
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
