// SPDX-License-Identifier: GPL-2.0

//! Pages that user space never sees.
//!
//! C header: [`include/linux/gfp.h`](srctree/include/linux/gfp.h)

use super::{
    in_page,
    PageRef, //
};
use crate::{
    bindings,
    mm::Gfp, //
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// An owned page that is never mapped to user space, and that nobody else knows of.
///
/// It may come from high memory, so its bytes are reached by copying only.
///
/// # Examples
///
/// ```ignore
/// let page = SafePage::alloc(Gfp::GROW)?;
/// page.fill_from(offset, segment.page(), segment.offset(), segment.len())?;
/// pages.insert(index, page, Gfp::GROW)?;
/// ```
///
/// # Invariants
///
/// `self.0` is an allocated page of order 0, with one reference, which `self` owns.
pub struct SafePage(NonNull<bindings::page>);

// SAFETY: A page has no thread affinity.
unsafe impl Send for SafePage {}

// SAFETY: Nothing but copying to and from the page is possible through a shared reference.
unsafe impl Sync for SafePage {}

impl SafePage {
    /// Allocates a page with unspecified contents.
    ///
    /// The contents may be what somebody else left in memory: fill the page as a whole, with
    /// [`SafePage::fill_from`], before anybody can read it. Fails with [`ENOMEM`].
    #[inline]
    pub fn alloc(gfp: Gfp) -> Result<Self> {
        Self::alloc_raw(gfp.as_raw())
    }

    /// Allocates a page of zeroes. Fails with [`ENOMEM`].
    #[inline]
    pub fn alloc_zeroed(gfp: Gfp) -> Result<Self> {
        Self::alloc_raw(gfp.as_raw() | bindings::__GFP_ZERO)
    }

    #[inline]
    fn alloc_raw(gfp: bindings::gfp_t) -> Result<Self> {
        // SAFETY: FFI call without preconditions; the caller's context is what `gfp` says.
        let page = unsafe { bindings::alloc_pages(gfp | bindings::__GFP_HIGHMEM, 0) };

        // INVARIANT: `alloc_pages()` returns a page of order 0 with one reference, or null.
        NonNull::new(page).map(Self).ok_or(ENOMEM)
    }

    /// Borrows the page.
    #[inline]
    pub fn page(&self) -> PageRef<'_> {
        // SAFETY: By the type invariant, the page lives as long as `self`.
        unsafe { PageRef::from_raw(self.0.as_ptr()) }
    }

    /// Copies `len` bytes from `src_offset` of `src` to `offset`, and zeroes the rest of the page.
    ///
    /// Fails with [`EINVAL`] if a range does not lie within its page. Does not sleep.
    #[inline]
    pub fn fill_from(
        &self,
        offset: usize,
        src: PageRef<'_>,
        src_offset: usize,
        len: usize,
    ) -> Result {
        if !in_page(offset, len) {
            return Err(EINVAL);
        }
        let end = offset + len;

        if offset != 0 {
            self.page().zero(0, offset)?;
        }
        if end != PAGE_SIZE {
            self.page().zero(end, PAGE_SIZE - end)?;
        }
        self.page().copy_from(offset, src, src_offset, len)
    }

    /// Gives the page away, with its reference.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<bindings::page> {
        ManuallyDrop::new(self).0
    }

    /// Takes a page back.
    ///
    /// # Safety
    ///
    /// `page` must come from [`SafePage::into_raw`], and nobody else may use it any more.
    #[inline]
    pub(crate) unsafe fn from_raw(page: NonNull<bindings::page>) -> Self {
        // INVARIANT: By the safety requirements of this function.
        Self(page)
    }
}

impl Drop for SafePage {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant, `self` owns the page and its only reference.
        unsafe { bindings::__free_pages(self.0.as_ptr(), 0) };
    }
}
