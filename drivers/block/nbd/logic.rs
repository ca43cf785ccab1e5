// SPDX-License-Identifier: GPL-2.0

//! What the network block device says and decides, free of any effect.
//!
//! Everything here works on plain numbers, and on requests, connections and clocks of any type. It uses
//! no type of the kernel, allocates nothing and cannot panic. So the same files are tested on any
//! machine. What acts on the decisions is outside; only threads are woken from here, by
//! [`io::link::Connection`].

pub mod flags;
pub mod io;
pub mod minors;
pub mod size;
pub mod wire;
