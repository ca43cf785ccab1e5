// SPDX-License-Identifier: GPL-2.0

//! Copy-on-write disks: images, bitmaps, the order of requests, flushes, and a whole disk with power
//! cuts.
//!
//! Tests that begin with `u` and a number are about a defect of the driver of User-Mode Linux.

mod bitmap;
mod flush;
mod format;
mod line;
mod names;
mod options;
mod order;
mod transfer;
mod words;
mod world;
