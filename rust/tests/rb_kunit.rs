// SPDX-License-Identifier: GPL-2.0

//! KUnit tests of the safe layer. They run when the module is loaded.
//!
//! Here is what only a kernel can tell; logic that needs none is tested on the host.

use kernel::{
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    },
};

mod bio;
mod dev_t;
mod disk;
mod genl;
mod layout;
mod limits;
mod lower;
mod mq;
#[cfg(CONFIG_UNIX)]
mod net;
mod sysfs;
mod wait;
mod workqueue;

/// The examples in the documentation of the layer; `scripts/doc-examples.py` prints them.
#[allow(clippy::all, clippy::undocumented_unsafe_blocks, dead_code, unused)]
mod documentation {
    use kernel::prelude::*;

    include!(concat!(env!("RB_OBJ"), "/rust/tests/examples_generated.rs"));
}

module! {
    type: RbKunit,
    name: "rb_kunit",
    authors: ["The rblk developers"],
    description: "KUnit tests of the safe layer of rblk",
    license: "GPL",
}

/// Waits until `condition` holds, which on a slow machine can take long; if it never does, it says
/// so before the kernel takes the task that waits for the tests for one that hangs.
fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    for _ in 0..4000 {
        if condition() {
            return true;
        }
        fsleep(Delta::from_millis(10));
    }
    false
}

struct RbKunit;

impl kernel::Module for RbKunit {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
