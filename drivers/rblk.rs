// SPDX-License-Identifier: GPL-2.0

//! rblk: block drivers in Rust.

#![forbid(unsafe_code)]

use kernel::prelude::*;

module! {
    type: Rblk,
    name: "rblk",
    authors: ["The rblk developers"],
    description: "Block drivers in Rust: RAM disks and packet writing",
    license: "GPL",
}

struct Rblk;

impl kernel::Module for Rblk {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
