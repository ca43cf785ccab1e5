// SPDX-License-Identifier: GPL-2.0

//! Safe abstractions for block drivers that the `kernel` crate lacks.
//!
//! The paths mirror `rust/kernel/`, so that a file can move there with its `use crate::` lines
//! unchanged. All `unsafe` of this project lives here; drivers forbid it.
//!
//! This crate is linked into every module: it logs nothing by itself, returns errors, and knows
//! no driver.

#[doc(hidden)]
pub mod bindings;

pub mod block;
pub mod capability;
pub mod debugfs;
pub mod device;
pub mod kthread;
pub mod mempool;
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
pub mod tokens;
pub mod trace;
mod tracepoint;
pub mod wait;
pub mod workqueue;

/// The log prefix of messages from this crate.
const __LOG_PREFIX: &[u8] = b"rblk\0";

/// The module that this crate is linked into.
///
/// `__this_module` is resolved when a module is linked, so each module pins itself.
pub static THIS_MODULE: kernel::ThisModule =
    // SAFETY: The kernel constructs `__this_module` when it loads the module, and keeps it until
    // the module, and with it this code, is unloaded.
    unsafe {
        kernel::ThisModule::from_ptr((&raw const kernel::bindings::__this_module).cast_mut())
    };
