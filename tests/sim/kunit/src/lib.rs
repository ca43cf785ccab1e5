// SPDX-License-Identifier: GPL-2.0

//! The KUnit tests of the safe layer on the simulator's stand-in for it: the same files, so that the
//! stand-in does what the layer does.
//!
//! The other files of `rust/tests` look at structures of C (`bio`, `layout`, `net`), or at disks and
//! work items that the stand-in does not have (`disk`, `mq`, `workqueue`).

#![cfg(test)]

#[path = "../../../../rust/tests/dev_t.rs"]
mod dev_t;
#[path = "../../../../rust/tests/limits.rs"]
mod limits;
#[path = "../../../../rust/tests/sysfs.rs"]
mod sysfs;
#[allow(unreachable_pub, reason = "it is a module of KUnit's")]
#[path = "../../../../rust/tests/wait.rs"]
mod wait;

use kernel::time::{
    delay::fsleep,
    Delta, //
};

/// Waits until `condition` holds.
fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    for _ in 0..4000 {
        if condition() {
            return true;
        }
        fsleep(Delta::from_millis(10));
    }
    false
}
