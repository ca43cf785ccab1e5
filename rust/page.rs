// SPDX-License-Identifier: GPL-2.0

//! Borrowed pages.
//!
//! C header: [`include/linux/highmem.h`](srctree/include/linux/highmem.h)

mod safe;

pub use safe::{
    SafePage,
    SafePageRef,
    UninitPage, //
};

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// A page to read from, that something else keeps alive for `'a`.
///
/// User space or a device may write to the page at any time, so no reference to its bytes is ever
/// handed out: data moves with `memcpy_page()`. Nothing can be written to the page through this:
/// the data of a write, for instance, may be the zero page of the whole system.
///
/// # Invariants
///
/// The pointer is a valid `struct page` for `'a`, whose bytes are initialized.
#[derive(Clone, Copy)]
pub struct PageRef<'a>(NonNull<bindings::page>, PhantomData<&'a ()>);

impl PageRef<'_> {
    /// Creates a [`PageRef`] from a raw pointer.
    ///
    /// # Safety
    ///
    /// `page` must be valid, and its bytes initialized, for the lifetime of the returned value.
    #[inline]
    pub(crate) unsafe fn from_raw(page: *mut bindings::page) -> Self {
        // INVARIANT: By the safety requirements of this function.
        // SAFETY: A valid pointer is not null.
        Self(unsafe { NonNull::new_unchecked(page) }, PhantomData)
    }
}

/// A page to write to, that something else keeps alive for `'a`.
///
/// There may be any number of these for a page: as with [`PageRef`], data only moves. Nothing can
/// be read through this, since the page may never have been written to.
///
/// # Examples
///
/// ```
/// # use rb::{block::bio::{Destination, Segment}, page::PageRef};
/// # fn example(segment: Segment<'_, Destination>, stored: PageRef<'_>) -> Result {
/// // Serves a read of one segment.
/// segment.page().copy_from(segment.offset(), stored, 0, segment.len())?;
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// The pointer is a valid `struct page` for `'a`, which it is allowed to write to: nobody relies on
/// its contents, and it is mapped writable.
#[derive(Clone, Copy)]
pub struct PageMut<'a>(NonNull<bindings::page>, PhantomData<&'a ()>);

impl PageMut<'_> {
    /// Creates a [`PageMut`] from a raw pointer.
    ///
    /// # Safety
    ///
    /// `page` must be valid, and it must be allowed to write to all of it that the caller hands
    /// out, for the lifetime of the returned value.
    #[inline]
    pub(crate) unsafe fn from_raw(page: *mut bindings::page) -> Self {
        // INVARIANT: By the safety requirements of this function.
        // SAFETY: A valid pointer is not null.
        Self(unsafe { NonNull::new_unchecked(page) }, PhantomData)
    }

    /// Copies `len` bytes from `src_offset` of `src` to `offset` of this page, as `memmove()`: the
    /// two may overlap.
    ///
    /// Fails with [`EINVAL`] if a range does not lie within its page. Does not sleep.
    #[inline]
    pub fn copy_from(
        self,
        offset: usize,
        src: PageRef<'_>,
        src_offset: usize,
        len: usize,
    ) -> Result {
        if !in_page(offset, len) || !in_page(src_offset, len) {
            return Err(EINVAL);
        }

        // SAFETY: Both pages are valid by the type invariants, this one may be written to, and
        // both ranges are within them. C looks whether the two are the same page.
        unsafe { bindings::memmove_page(self.0.as_ptr(), offset, src.0.as_ptr(), src_offset, len) };
        Ok(())
    }

    /// Zeroes `len` bytes at `offset`.
    ///
    /// Fails with [`EINVAL`] if the range does not lie within the page. Does not sleep.
    #[inline]
    pub fn zero(self, offset: usize, len: usize) -> Result {
        if !in_page(offset, len) {
            return Err(EINVAL);
        }

        // SAFETY: By the type invariant, the page is valid and may be written to; the range is
        // within it.
        unsafe { bindings::memzero_page(self.0.as_ptr(), offset, len) };
        Ok(())
    }

    /// Makes what was written through the kernel's mapping visible to other mappings of the page.
    ///
    /// To be called on the destination of a read.
    #[inline]
    pub fn flush_dcache(self) {
        // Spares the call where there is nothing to do, as on x86.
        if bindings::ARCH_IMPLEMENTS_FLUSH_DCACHE_PAGE != 0 {
            // SAFETY: The page is valid by the type invariant.
            unsafe { bindings::flush_dcache_page(self.0.as_ptr()) };
        }
    }
}

#[inline]
fn in_page(offset: usize, len: usize) -> bool {
    len <= PAGE_SIZE && offset <= PAGE_SIZE - len
}
