// SPDX-License-Identifier: GPL-2.0

//! The decisions of the copy-on-write driver, without side effects.
//!
//! The code here works on plain numbers, on bytes of images, and on bitmaps and tables that its
//! users own. It uses no type of the kernel, allocates nothing and cannot panic, so the same files
//! are tested on the host and are part of the command `ubd`.

pub mod bitmap;
pub mod flush;
pub mod format;
pub mod layout;
pub mod line;
pub mod malformed;
pub mod names;
pub mod options;
pub mod order;
pub mod path;
pub mod transfer;
