// SPDX-License-Identifier: GPL-2.0

//! The data of a write cannot be changed.
//!
//! error: E0599 `copy_from_page`

use kernel::prelude::*;
use rb::{
    block::bio::Bio,
    page::PageRef, //
};

/// Takes a write for a read.
pub fn fill(bio: &Bio, page: PageRef<'_>) -> Result {
    for mut segment in bio.source().ok_or(EINVAL)? {
        segment.copy_from_page(page, 0)?;
    }
    Ok(())
}
