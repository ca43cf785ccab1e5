// SPDX-License-Identifier: GPL-2.0

//! The data of a write may be in memory that nobody may write to.
//!
//! error: E0599 `zero`

use kernel::prelude::*;
use rb::page::PageRef;

/// Writes to a page to read from.
pub fn write(page: PageRef<'_>) -> Result {
    page.zero(0, 1)
}
