// SPDX-License-Identifier: GPL-2.0

//! A message cannot be taken for another one.
//!
//! error: E0521 `second`

use kernel::prelude::*;
use rb::net::genl::Info;

/// Has the second message ended as the first.
pub fn swap(info: &Info<'_>) -> Result {
    info.reply(1, |first| {
        info.reply(1, |second| {
            core::mem::swap(first, second);
            Ok(())
        })
    })
}
