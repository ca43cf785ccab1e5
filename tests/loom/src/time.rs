// SPDX-License-Identifier: GPL-2.0

//! What the files use of `kernel::time`.

/// A span of time, which has passed when it is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Delta;
