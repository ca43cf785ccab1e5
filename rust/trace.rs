// SPDX-License-Identifier: GPL-2.0

//! Events for `/sys/kernel/tracing`.
//!
//! They are defined in C, one file and one system for each driver that has events; the Rust side
//! wraps them in safe functions that may be called in every context.

pub mod pktcdvd;
