// SPDX-License-Identifier: GPL-2.0

//! What carries the requests of a disk: its connections, the threads that send and receive on them,
//! and what these share with the disk.
//!
//! Nothing here knows when a session begins or ends, or which command asks for it.

pub(crate) mod io;
pub(crate) mod link;
pub(crate) mod request;
pub(crate) mod reserves;
pub(crate) mod shared;
pub(crate) mod threads;
mod trace;
pub(crate) mod traffic;
