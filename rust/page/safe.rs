// SPDX-License-Identifier: GPL-2.0

//! Pages that user space never sees.
//!
//! C header: [`include/linux/gfp.h`](srctree/include/linux/gfp.h)

use super::{
    in_page,
    PageMut,
    PageRef, //
};
use crate::{
    bindings,
    mm::Gfp, //
};
use core::{
    marker::PhantomData,
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
/// ```
/// # use rb::{block::bio::{Segment, Source}, mm::Gfp, page::UninitPage, page_array::PageArray};
/// # fn example(pages: &PageArray, index: usize, offset: usize, segment: Segment<'_, Source>) -> Result {
/// let page = UninitPage::alloc(Gfp::GROW)?;
/// let page = page.fill_from(offset, segment.page(), segment.offset(), segment.len())?;
/// pages.insert(index, page, Gfp::GROW)?;
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// `self.0` is an allocated page of order 0, with one reference, which `self` owns. Its bytes are
/// initialized.
pub struct SafePage(NonNull<bindings::page>);

// SAFETY: A page has no thread affinity.
unsafe impl Send for SafePage {}

// SAFETY: There never is a reference to the bytes of the page. Through a shared one to `self` C copies
// from them and to them. Bytes that are written and read at a time are what they were or what is
// written, and any bytes are valid.
unsafe impl Sync for SafePage {}

impl SafePage {
    /// Allocates a page of zeroes. Fails with [`ENOMEM`].
    #[inline]
    pub fn alloc_zeroed(gfp: Gfp) -> Result<Self> {
        // INVARIANT: The bytes are zeroes.
        alloc(gfp.as_raw() | bindings::__GFP_ZERO).map(Self)
    }

    /// Borrows the page.
    #[inline]
    pub fn page(&self) -> SafePageRef<'_> {
        // SAFETY: By the type invariant, the page lives as long as `self`, and is a `SafePage`.
        unsafe { SafePageRef::from_raw(self.0.as_ptr()) }
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

/// A [`SafePage`], or another page that only this kernel module uses, and that lives for `'a`.
///
/// It can be read and written; there may be any number of these for a page.
///
/// # Invariants
///
/// The pointer is a valid `struct page` for `'a`. Its bytes are initialized, and may be written to.
#[derive(Clone, Copy)]
pub struct SafePageRef<'a>(NonNull<bindings::page>, PhantomData<&'a ()>);

impl<'a> SafePageRef<'a> {
    /// Creates a [`SafePageRef`] from a raw pointer.
    ///
    /// # Safety
    ///
    /// `page` must satisfy the type invariant for the lifetime of the returned value.
    #[inline]
    pub(crate) unsafe fn from_raw(page: *mut bindings::page) -> Self {
        // INVARIANT: By the safety requirements of this function.
        // SAFETY: A valid pointer is not null.
        Self(unsafe { NonNull::new_unchecked(page) }, PhantomData)
    }

    /// Returns the page as one to read from.
    #[inline]
    pub fn source(self) -> PageRef<'a> {
        // SAFETY: By the type invariant.
        unsafe { PageRef::from_raw(self.0.as_ptr()) }
    }

    /// Returns the page as one to write to.
    #[inline]
    pub fn destination(self) -> PageMut<'a> {
        // SAFETY: By the type invariant.
        unsafe { PageMut::from_raw(self.0.as_ptr()) }
    }
}

/// A page whose contents are what somebody else has left in memory.
///
/// All that can be done with it is to [fill](UninitPage::fill_from) it.
///
/// # Invariants
///
/// `self.0` is an allocated page of order 0, with one reference, which `self` owns.
pub struct UninitPage(NonNull<bindings::page>);

impl UninitPage {
    /// Allocates a page. Fails with [`ENOMEM`].
    #[inline]
    pub fn alloc(gfp: Gfp) -> Result<Self> {
        // INVARIANT: The page is new.
        alloc(gfp.as_raw()).map(Self)
    }

    /// Copies `len` bytes from `src_offset` of `src` to `offset`, and zeroes the rest of the page.
    ///
    /// Fails with [`EINVAL`] if a range does not lie within its page; then the page is freed. Does
    /// not sleep.
    #[inline]
    pub fn fill_from(
        self,
        offset: usize,
        src: PageRef<'_>,
        src_offset: usize,
        len: usize,
    ) -> Result<SafePage> {
        if !in_page(offset, len) {
            return Err(EINVAL);
        }
        let end = offset + len;
        // SAFETY: By the type invariant, the page is ours.
        let page = unsafe { PageMut::from_raw(self.0.as_ptr()) };

        if offset != 0 {
            page.zero(0, offset)?;
        }
        if end != PAGE_SIZE {
            page.zero(end, PAGE_SIZE - end)?;
        }
        page.copy_from(offset, src, src_offset, len)?;
        // INVARIANT: The page moves to the result. Bytes up to `offset`, from there to `end`, and
        // from `end` on were all written.
        Ok(SafePage(ManuallyDrop::new(self).0))
    }
}

impl Drop for UninitPage {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant, `self` owns the page and its only reference.
        unsafe { bindings::__free_pages(self.0.as_ptr(), 0) };
    }
}

#[inline]
fn alloc(gfp: bindings::gfp_t) -> Result<NonNull<bindings::page>> {
    // SAFETY: FFI call without preconditions; the caller's context is what `gfp` says.
    let page = unsafe { bindings::alloc_pages(gfp | bindings::__GFP_HIGHMEM, 0) };

    // A page of order 0 with one reference, or null.
    NonNull::new(page).ok_or(ENOMEM)
}

impl Drop for SafePage {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant, `self` owns the page and its only reference.
        unsafe { bindings::__free_pages(self.0.as_ptr(), 0) };
    }
}
