// SPDX-License-Identifier: GPL-2.0

//! The part of the `kernel` crate that the drivers use, on the host, in a simulation.
//!
//! Drivers are built against this crate in place of the kernel's. All their tasks run on one thread
//! of the host, one at a time, and change only at the points that [`sim`] knows: locks, waits,
//! atomics, copies of pages. Which task goes on at a point is decided by a seed, so each run can be
//! repeated.
//!
//! What is here behaves as the kernel's documentation says, and not more kindly. Memory orders are
//! not simulated: all atomics are sequentially consistent. (`tests/loom` is about memory orders.)

#![feature(coerce_unsized, legacy_receiver_trait, unsize)]

pub mod alloc;
pub mod bitmap;
pub mod error;
pub mod ffi;
pub mod fmt;
mod impl_flags;
pub mod init;
pub mod ioctl;
pub mod kunit;
pub mod page;
pub mod prelude;
pub mod print;
pub mod rbtree;
pub mod seq_file;
pub mod sim;
pub mod str;
pub mod sync;
pub mod task;
pub mod time;
pub mod types;
pub mod uaccess;
pub mod workqueue;

#[doc(hidden)]
pub use pinned_init;
