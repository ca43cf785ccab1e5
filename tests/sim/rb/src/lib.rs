// SPDX-License-Identifier: GPL-2.0

//! The safe layer of this tree on the host, in a simulation: what the drivers use of it.
//!
//! Paths, types and behaviour are those of `rust/`. Files there that need no C are used as they are;
//! for some of them, [`bindings`] has what they take from C. The rest is written anew, over
//! [`kernel::sim`]. [`sim`] is what the world has of it: users, files, lower devices.

// What files of `rust/` call by the name of the crate that has it in the kernel.
extern crate self as pin_init;

#[doc(hidden)]
pub mod bindings;
pub mod block;
pub mod capability;
pub mod debugfs;
pub mod device;
#[path = "../../../../rust/errno.rs"]
pub mod errno;
pub mod fs;
pub mod irq_lock;
pub mod kthread;
pub mod miscdevice;
pub mod mm;
pub mod module_ref;
pub mod net;
pub mod page;
pub mod page_array;
pub mod ratelimit;
pub mod reboot;
pub mod sim;
pub mod sysfs;
pub mod task;
pub mod tracepoint;
pub mod wait;
pub mod workqueue;

/// As `pin_init::zeroed()`, for what [`bindings`] has.
#[doc(hidden)]
pub fn zeroed<T: Default>() -> T {
    T::default()
}

/// As in the layer: makes the root of a crate that of a driver.
#[macro_export]
macro_rules! driver {
    ($prefix:literal) => {
        const __LOG_PREFIX: &[u8] = ::core::concat!($prefix, "\0").as_bytes();
    };
}

const __LOG_PREFIX: &[u8] = b"rb\0";
