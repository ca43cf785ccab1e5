// SPDX-License-Identifier: GPL-2.0

//! Networking: streams that carry block I/O, and generic netlink.

pub mod attr;
pub mod genl;
mod socket;

pub use socket::{
    not_plain,
    Options,
    Socket, //
};
