// SPDX-License-Identifier: GPL-2.0

//! What somebody has left in memory is not to be seen.
//!
//! error: E0599 `page`

use kernel::prelude::*;
use rb::{
    mm::Gfp,
    page::{
        PageMut,
        UninitPage, //
    },
};

/// Copies from a page that was not filled.
pub fn leak(to: PageMut<'_>) -> Result {
    let page = UninitPage::alloc(Gfp::KERNEL)?;
    to.copy_from(0, page.page().source(), 0, 1)
}
