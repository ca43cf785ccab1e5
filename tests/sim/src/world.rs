// SPDX-License-Identifier: GPL-2.0

//! What is around the drivers.

pub mod disk;
pub mod drive;
pub mod export;
pub mod server;
pub mod store;
