// SPDX-License-Identifier: GPL-2.0

//! KUnit tests of the safe layer. They run when the module is loaded.
//!
//! Here is what only a kernel can tell; logic that needs none is tested on the host.

use kernel::prelude::*;

mod bio;
mod dev_t;
mod disk;
mod layout;
mod limits;
mod mq;
#[cfg(CONFIG_UNIX)]
mod net;
mod sysfs;
mod wait;
mod workqueue;

module! {
    type: RbKunit,
    name: "rb_kunit",
    authors: ["The rblk developers"],
    description: "KUnit tests of the safe layer of rblk",
    license: "GPL",
}

struct RbKunit;

impl kernel::Module for RbKunit {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
