// SPDX-License-Identifier: GPL-2.0

//! What carries the requests of a disk: its connections, and the threads that send and receive on
//! them. Nothing here knows when a session begins or ends, or who asks for it.

pub(crate) mod io;
pub(crate) mod link;
pub(crate) mod request;
pub(crate) mod sleeper;
pub(crate) mod trace;
