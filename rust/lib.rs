// SPDX-License-Identifier: GPL-2.0

//! Safe abstractions for block drivers that the `kernel` crate lacks.
//!
//! The paths are those that the parts would have in `rust/kernel/`. All `unsafe` of this project
//! lives here; drivers forbid it.
//!
//! This crate is linked into every module: it logs nothing by itself, returns errors, and knows
//! no driver.
//!
//! Where to look:
//!
//! - [`block`]: disks, requests, bios, lower devices, queue limits, optical drives.
//! - [`fs`], [`errno`]: files that a driver opens, and what comes of it.
//! - [`device`], [`sysfs`], [`debugfs`], [`miscdevice`]: classes, files and device nodes.
//! - [`kthread`], [`wait`], [`workqueue`], [`task`], [`irq_lock`]: threads, and waiting for something.
//! - [`page`], [`page_array`], [`mm`]: memory.
//! - `net`: sockets, and generic netlink; if the kernel has `CONFIG_NET`.
//! - `suspend`, [`reboot`]: notifications before the system sleeps or is turned off.
//! - [`mod@module_param`], [`module_ref`], [`kconfig`]: what a module is built and loaded with.
//!
//! `Documentation/design.rst` lists the steps to a new driver.

#[doc(hidden)]
pub mod bindings;

pub mod block;
pub mod capability;
mod compat;
pub mod debugfs;
pub mod device;
pub mod errno;
pub mod fs;
pub mod irq_lock;
pub mod kconfig;
pub mod kthread;
pub mod miscdevice;
pub mod mm;
pub mod module_param;
pub mod module_ref;
#[cfg(CONFIG_NET)]
pub mod net;
pub mod page;
pub mod page_array;
pub mod ratelimit;
pub mod reboot;
#[cfg(CONFIG_PM_SLEEP)]
pub mod suspend;
pub mod sysfs;
pub mod task;
pub mod tracepoint;
pub mod wait;
pub mod workqueue;

#[cfg(rb_has_owner_module)]
pub use compat::LocalModule;
pub use module_ref::THIS_MODULE;

/// Makes the root of a crate that of a driver: `driver!("name")`, with what its messages begin
/// with.
///
/// A driver is a crate of its own, which does not know the modules that it is linked into.
#[macro_export]
macro_rules! driver {
    ($prefix:literal) => {
        /// What messages of this driver begin with.
        const __LOG_PREFIX: &[u8] = ::core::concat!($prefix, "\0").as_bytes();

        $crate::__local_module!();
    };
}
