// SPDX-License-Identifier: GPL-2.0

//! The driver's rules, judged by the emulated drive: it follows the standard, refuses what drives
//! refuse, and keeps account; it knows nothing of the driver. Time is made up, so that what takes a
//! real drive an hour takes none.
//!
//! The drive's own files are used, without what shows it to a guest.

#[path = "../../../mmc-drive/src"]
#[allow(dead_code, unused_imports)]
mod model {
    pub mod cache;
    pub mod cdb;
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
}

use model::{
    cache, cdb, disc, drive, fault, format, journal, look, medium, modes, options, quirks, random,
    sense, stats,
};

mod bench;
mod media;
