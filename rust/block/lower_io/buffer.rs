// SPDX-License-Identifier: GPL-2.0

//! Memory that I/O is done with.

use crate::bindings;
use core::{
    ops::{
        Deref,
        DerefMut,
        Range, //
    },
    ptr::NonNull,
    slice, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// Contiguous pages, as bytes.
///
/// # Examples
///
/// ```
/// use rb::block::lower_io::IoBuffer;
/// let mut buffer = IoBuffer::new(8192)?;
/// buffer[0] = 1;
/// assert_eq!(buffer[8191], 0);
/// ```
///
/// # Invariants
///
/// `page` is the first of `1 << order` contiguous pages that are mapped, and that nobody else uses; all
/// their bytes are initialized. The first `len` bytes lie within them.
pub struct IoBuffer {
    page: NonNull<bindings::page>,
    bytes: NonNull<u8>,
    order: c_uint,
    len: usize,
}

// SAFETY: Memory has no thread affinity.
unsafe impl Send for IoBuffer {}

// SAFETY: Nothing can be changed through a shared reference.
unsafe impl Sync for IoBuffer {}

impl IoBuffer {
    /// Allocates `len` bytes of zeroes. Fails with [`ENOMEM`], and with [`EINVAL`] for none. May sleep.
    pub fn new(len: usize) -> Result<Self> {
        if len == 0 {
            return Err(EINVAL);
        }
        let order = len.div_ceil(PAGE_SIZE).next_power_of_two().ilog2();
        // One folio: a file system may take and give up references to each of its pages.
        let gfp = bindings::GFP_KERNEL
            | bindings::__GFP_ZERO
            | bindings::__GFP_NOWARN
            | bindings::__GFP_COMP;
        // SAFETY: FFI call without preconditions; C refuses an order that is too large, quietly.
        let page = unsafe { bindings::alloc_pages(gfp, order) };
        let page = NonNull::new(page).ok_or(ENOMEM)?;
        // SAFETY: The pages were allocated just now, and not from high memory.
        let bytes = unsafe { bindings::page_address(page.as_ptr()) };

        // INVARIANT: The pages are ours, and were zeroed.
        Ok(Self {
            page,
            bytes: NonNull::new(bytes.cast()).ok_or(ENOMEM)?,
            order,
            len,
        })
    }

    /// Returns a part of the buffer as an entry of a vector. Fails with [`EINVAL`] if it is empty, or
    /// reaches beyond the end.
    pub(super) fn entry(&self, part: Range<usize>) -> Result<bindings::bio_vec> {
        if part.is_empty() || part.end > self.len {
            return Err(EINVAL);
        }
        Ok(bindings::bio_vec {
            bv_page: self.page.as_ptr(),
            bv_len: part.len().try_into()?,
            bv_offset: part.start.try_into()?,
        })
    }
}

impl Deref for IoBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: By the type invariant, there are so many bytes, and nobody writes to them meanwhile.
        unsafe { slice::from_raw_parts(self.bytes.as_ptr(), self.len) }
    }
}

impl DerefMut for IoBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariant, there are so many bytes, and nobody else uses them meanwhile.
        unsafe { slice::from_raw_parts_mut(self.bytes.as_ptr(), self.len) }
    }
}

impl Drop for IoBuffer {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the pages are ours.
        unsafe { bindings::__free_pages(self.page.as_ptr(), self.order) };
    }
}
