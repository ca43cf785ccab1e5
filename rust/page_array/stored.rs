// SPDX-License-Identifier: GPL-2.0

//! References to pages of an array.

use crate::{
    bindings,
    page::PageRef, //
};
use core::ptr::NonNull;

/// A counted reference to a page of a [`PageArray`](super::PageArray).
///
/// The page stays valid when it is removed from the array meanwhile; what is then written to it
/// is lost with it.
///
/// # Invariants
///
/// `self` owns a reference on a page of order 0 that is never mapped to user space.
pub struct StoredPage(NonNull<bindings::page>);

// SAFETY: A page reference has no thread affinity.
unsafe impl Send for StoredPage {}

// SAFETY: Nothing but copying to and from the page is possible through a shared reference.
unsafe impl Sync for StoredPage {}

impl StoredPage {
    /// Takes over a reference.
    ///
    /// # Safety
    ///
    /// The caller must own a reference on `page`, which it gives away, and `page` must be a page
    /// of an array.
    #[inline]
    pub(super) unsafe fn from_raw(page: NonNull<bindings::page>) -> Self {
        // INVARIANT: By the safety requirements of this function.
        Self(page)
    }

    /// Borrows the page.
    #[inline]
    pub fn page(&self) -> PageRef<'_> {
        // SAFETY: By the type invariant, the page lives as long as `self`.
        unsafe { PageRef::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for StoredPage {
    #[inline]
    fn drop(&mut self) {
        // CAST: By the type invariant, the page is of order 0, and so a folio.
        // SAFETY: By the type invariant, `self` owns a reference.
        unsafe { bindings::folio_put(self.0.as_ptr().cast()) };
    }
}
