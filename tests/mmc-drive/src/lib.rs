// SPDX-License-Identifier: GPL-2.0-or-later
//! A drive for rewritable optical discs, as MMC describes it, that judges who
//! writes to it: it keeps account of each command, refuses what real drives
//! refuse, loses what was not synchronised when its power is cut, and fails
//! when told so. It knows nothing of any driver.
//!
//! [`drive`] and what it uses is the model: commands in, answers out, no threads,
//! no guest. [`bay`] gives each drive a thread and time; [`control`] is the line
//! by which tests talk to it; [`vhost`] shows drives to a guest of QEMU.

pub mod bay;
pub mod cache;
pub mod cdb;
pub mod control;
pub mod disc;
pub mod drive;
pub mod fault;
pub mod format;
pub mod journal;
pub mod look;
pub mod medium;
pub mod modes;
pub mod options;
pub mod quirks;
pub mod random;
pub mod sense;
pub mod stats;
pub mod vhost;
