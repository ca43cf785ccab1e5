// SPDX-License-Identifier: GPL-2.0

//! What a read is to fill may never have been written to.
//!
//! error: E0308 `PageMut

use kernel::prelude::*;
use rb::page::PageMut;

/// Reads from a page to write to.
pub fn read(to: PageMut<'_>, from: PageMut<'_>) -> Result {
    to.copy_from(0, from, 0, 1)
}
