// SPDX-License-Identifier: GPL-2.0

//! The command `rblk-nbd`: connects network block devices of rblk's driver, and stays to replace the
//! connections that are lost.
//!
//! The machine may swap to such a device. So what runs after the device is connected
//! ([`keeper`]) needs no memory that is not there by then: addresses are resolved, buffers have their
//! size, and all memory is locked ([`guard`]).
//!
//! What reads a server's answers ([`negotiate`]), the kernel's ([`genl`], [`uses`]) or a user's words
//! ([`server`], [`config`], [`cli`]) is pure, and is tested on any bytes.

pub mod backoff;
pub mod cli;
pub mod config;
pub mod device;
pub mod disconnect;
pub mod error;
pub mod genl;
pub mod guard;
pub mod keeper;
pub mod lock;
pub mod nbd;
pub mod negotiate;
pub mod notify;
pub mod say;
pub mod server;
pub mod status;
pub mod stream;
pub mod swapon;
pub mod uses;

pub use error::{Error, Result};
