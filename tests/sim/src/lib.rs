// SPDX-License-Identifier: GPL-2.0

//! Whole drivers on the host, under schedules and faults that a seed decides.
//!
//! A scenario loads a driver, has tasks use and change its disks in every way, and unloads it. The
//! judges see what users see, and know nothing of the driver.

pub mod judge;
pub mod play;
pub mod scenarios;
pub mod world;
