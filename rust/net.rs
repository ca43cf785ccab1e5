// SPDX-License-Identifier: GPL-2.0

//! Networking: streams that carry block IO.

mod socket;

pub use socket::{
    Options,
    Socket, //
};
