// SPDX-License-Identifier: GPL-2.0

//! Judges. They know nothing of the drivers.

pub mod blocks;
pub mod flushed;
pub mod packets;
pub mod progress;
