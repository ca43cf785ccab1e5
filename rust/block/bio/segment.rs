// SPDX-License-Identifier: GPL-2.0

//! The data of a bio, page by page.
//!
//! C header: [`include/linux/bvec.h`](srctree/include/linux/bvec.h)

use crate::{
    bindings,
    page::PageRef, //
};
use core::marker::PhantomData;
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// A part of a bio's data that lies within one page.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    page: PageRef<'a>,
    offset: usize,
    len: usize,
}

impl<'a> Segment<'a> {
    /// Returns the page the data lies in.
    #[inline]
    pub fn page(&self) -> PageRef<'a> {
        self.page
    }

    /// Returns where in its page the data starts, in bytes.
    #[inline]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the number of bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether nothing is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies from `src`, starting at `src_offset`, until the segment or the page ends, and moves
    /// on by as much.
    ///
    /// Returns the number of bytes copied. Fails with [`EINVAL`] if `src_offset` exceeds a page.
    #[inline]
    pub fn copy_from_page(&mut self, src: PageRef<'_>, src_offset: usize) -> Result<usize> {
        let len = self.len.min(PAGE_SIZE.saturating_sub(src_offset));
        self.page.copy_from(self.offset, src, src_offset, len)?;
        self.advance(len);
        Ok(len)
    }

    /// Copies to `dst`, starting at `dst_offset`, until the segment or the page ends, and moves on
    /// by as much.
    ///
    /// Returns the number of bytes copied. Fails with [`EINVAL`] if `dst_offset` exceeds a page.
    #[inline]
    pub fn copy_to_page(&mut self, dst: PageRef<'_>, dst_offset: usize) -> Result<usize> {
        let len = self.len.min(PAGE_SIZE.saturating_sub(dst_offset));
        dst.copy_from(dst_offset, self.page, self.offset, len)?;
        self.advance(len);
        Ok(len)
    }

    /// Moves the start of the segment on by `len` bytes, at most to its end.
    #[inline]
    pub fn advance(&mut self, len: usize) {
        let len = len.min(self.len);
        self.offset += len;
        self.len -= len;
    }
}

/// An iterator over the [`Segment`]s of a bio.
///
/// This is `bio_for_each_segment()`.
///
/// # Invariants
///
/// If `iter.bi_size` is not zero, `iter.bi_idx` indexes into `bvecs`, which hold at least
/// `bi_size` bytes from there on, and are valid for `'a`.
pub struct SegmentIter<'a> {
    bvecs: *const bindings::bio_vec,
    iter: bindings::bvec_iter,
    _p: PhantomData<&'a bindings::bio_vec>,
}

impl SegmentIter<'_> {
    /// Creates an iterator.
    ///
    /// # Safety
    ///
    /// `bvecs` and `iter` must satisfy the type invariants of [`SegmentIter`].
    #[inline]
    pub(super) unsafe fn new(bvecs: *const bindings::bio_vec, iter: bindings::bvec_iter) -> Self {
        // INVARIANT: By the safety requirements of this function.
        Self {
            bvecs,
            iter,
            _p: PhantomData,
        }
    }
}

impl<'a> SegmentIter<'a> {
    /// Returns the next segment, or as much of it as `limit` bytes.
    ///
    /// The rest comes next. For a driver that keeps data in pieces of its own, this saves the loop
    /// over the pieces of a segment.
    #[inline]
    pub fn next_up_to(&mut self, limit: usize) -> Option<Segment<'a>> {
        if self.iter.bi_size == 0 {
            return None;
        }

        // SAFETY: By the type invariant, the index is in bounds.
        let bvec = unsafe { &*self.bvecs.add(self.iter.bi_idx as usize) };
        // None of this wraps: by the type invariant, what is done of the entry, and what is left
        // of all, lie within it. So it is not checked either, for each page of each bio.
        let start = bvec.bv_offset.wrapping_add(self.iter.bi_bvec_done) as usize;
        let offset = start % PAGE_SIZE;
        let left = bvec.bv_len.wrapping_sub(self.iter.bi_bvec_done);
        let len = (self.iter.bi_size.min(left) as usize)
            .min(PAGE_SIZE - offset)
            .min(limit);

        // SAFETY: A `bio_vec` describes contiguous pages, and `start` is within it.
        let page = unsafe { bvec.bv_page.add(start / PAGE_SIZE) };

        // INVARIANT: As in `bvec_iter_advance_single()`, the index moves on when the entry is used
        // up.
        self.iter.bi_size = self.iter.bi_size.wrapping_sub(len as u32);
        self.iter.bi_bvec_done = self.iter.bi_bvec_done.wrapping_add(len as u32);
        if self.iter.bi_bvec_done == bvec.bv_len {
            self.iter.bi_bvec_done = 0;
            self.iter.bi_idx = self.iter.bi_idx.wrapping_add(1);
        }

        Some(Segment {
            // SAFETY: The pages of a bio outlive it.
            page: unsafe { PageRef::from_raw(page) },
            offset,
            len,
        })
    }
}

impl<'a> Iterator for SegmentIter<'a> {
    type Item = Segment<'a>;

    #[inline]
    fn next(&mut self) -> Option<Segment<'a>> {
        self.next_up_to(PAGE_SIZE)
    }
}
