// SPDX-License-Identifier: GPL-2.0

//! The size of a page.

/// Binary logarithm of [`PAGE_SIZE`].
pub const PAGE_SHIFT: usize = 12;

/// Bytes of a page.
pub const PAGE_SIZE: usize = 1 << PAGE_SHIFT;
