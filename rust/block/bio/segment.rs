// SPDX-License-Identifier: GPL-2.0

//! The data of a bio, page by page.
//!
//! C header: [`include/linux/bvec.h`](srctree/include/linux/bvec.h)

use crate::{
    bindings,
    compat::bvec_offset,
    page::{
        PageMut,
        PageRef, //
    }, //
};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// What the data of a bio is to its driver: [`Source`] or [`Destination`].
pub trait Direction: sealed::Sealed {
    /// A page of such data.
    type Page<'a>: Copy;

    /// # Safety
    ///
    /// `page` must be a page of the data of a bio that has this direction, which must not end in
    /// `'a`.
    #[doc(hidden)]
    unsafe fn page<'a>(page: *mut bindings::page) -> Self::Page<'a>;
}

/// The data of a write: it can only be read.
///
/// Writes may be of pages that nobody may write to, such as the page of zeroes that the whole
/// system shares.
pub enum Source {}

/// The data of a read: it can only be written.
pub enum Destination {}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Source {}
    impl Sealed for super::Destination {}
}

impl Direction for Source {
    type Page<'a> = PageRef<'a>;

    #[inline]
    unsafe fn page<'a>(page: *mut bindings::page) -> PageRef<'a> {
        // SAFETY: Whoever has submitted a write keeps its pages until it has ended. What is in them
        // is what he wants to be written.
        unsafe { PageRef::from_raw(page) }
    }
}

impl Direction for Destination {
    type Page<'a> = PageMut<'a>;

    #[inline]
    unsafe fn page<'a>(page: *mut bindings::page) -> PageMut<'a> {
        // SAFETY: Whoever has submitted a read keeps its pages until it has ended, and lends them
        // to be written; segments name no more of them than he does.
        unsafe { PageMut::from_raw(page) }
    }
}

/// A part of a bio's data that lies within one page.
pub struct Segment<'a, D: Direction> {
    page: D::Page<'a>,
    offset: usize,
    len: usize,
}

impl<'a, D: Direction> Segment<'a, D> {
    /// Returns the page the data lies in.
    #[inline]
    pub fn page(&self) -> D::Page<'a> {
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

    /// Moves the start of the segment on by `len` bytes, at most to its end.
    #[inline]
    pub fn advance(&mut self, len: usize) {
        let len = len.min(self.len);
        self.offset += len;
        self.len -= len;
    }
}

impl Segment<'_, Destination> {
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
}

impl Segment<'_, Source> {
    /// Copies to `dst`, starting at `dst_offset`, until the segment or the page ends, and moves on
    /// by as much.
    ///
    /// Returns the number of bytes copied. Fails with [`EINVAL`] if `dst_offset` exceeds a page.
    #[inline]
    pub fn copy_to_page(&mut self, dst: PageMut<'_>, dst_offset: usize) -> Result<usize> {
        let len = self.len.min(PAGE_SIZE.saturating_sub(dst_offset));
        dst.copy_from(dst_offset, self.page, self.offset, len)?;
        self.advance(len);
        Ok(len)
    }
}

/// An iterator over the [`Segment`]s of a bio.
///
/// This is `bio_for_each_segment()`.
///
/// # Invariants
///
/// `entry_left` bytes are left of an entry of a vector, from `start` on, which counts from `page`.
/// `left` bytes come behind them, in the entries from `next` on. All of that is valid for `'a`, and
/// data of a bio of direction `D`.
pub struct SegmentIter<'a, D: Direction> {
    page: *mut bindings::page,
    start: u32,
    entry_left: u32,
    left: u32,
    next: *const bindings::bio_vec,
    _p: PhantomData<(&'a bindings::bio_vec, D)>,
}

impl<'a, D: Direction> SegmentIter<'a, D> {
    /// Creates an iterator.
    ///
    /// # Safety
    ///
    /// If `iter.bi_size` is not zero, `iter.bi_idx` must index into `bvecs`, which hold at least
    /// `bi_size` bytes from `bvec_offset()` of that entry on, are valid for `'a`, and data of a bio
    /// of direction `D`.
    #[inline]
    pub(super) unsafe fn new(bvecs: *const bindings::bio_vec, iter: bindings::bvec_iter) -> Self {
        // INVARIANT: By the safety requirements of this function; nothing is left of any entry.
        let mut this = Self {
            page: ptr::null_mut(),
            start: 0,
            entry_left: 0,
            left: iter.bi_size,
            next: bvecs.wrapping_add(iter.bi_idx as usize),
            _p: PhantomData,
        };
        if this.left != 0 {
            // SAFETY: By the safety requirements of this function.
            unsafe { this.enter(bvec_offset(&iter)) };
        }
        this
    }

    /// Goes to the next entry, of which `done` bytes are not wanted.
    ///
    /// # Safety
    ///
    /// There must be bytes left behind this entry, and the next one must have `done` bytes.
    #[inline]
    unsafe fn enter(&mut self, done: u32) {
        // SAFETY: By the type invariant, as there are bytes left.
        let bvec = unsafe { &*self.next };

        // None of this wraps, as by the safety requirements `done` is within the entry. So it is not
        // checked either, for each page of each bio.
        // INVARIANT: The bytes of this entry move from `left` to `entry_left`.
        self.next = self.next.wrapping_add(1);
        self.page = bvec.bv_page;
        self.start = bvec.bv_offset.wrapping_add(done);
        self.entry_left = bvec.bv_len.wrapping_sub(done).min(self.left);
        self.left = self.left.wrapping_sub(self.entry_left);
    }

    /// Returns the next segment, or as much of it as `limit` bytes, of which there is at least one.
    ///
    /// The rest comes next. For a driver that keeps data in pieces of its own, this saves the loop
    /// over the pieces of a segment.
    #[inline]
    pub fn next_up_to(&mut self, limit: usize) -> Option<Segment<'a, D>> {
        while self.entry_left == 0 {
            if self.left == 0 {
                return None;
            }
            // SAFETY: There are bytes left, and every entry has at least zero bytes.
            unsafe { self.enter(0) };
        }
        let start = self.start as usize;
        let offset = start % PAGE_SIZE;
        let len = (self.entry_left as usize)
            .min(PAGE_SIZE - offset)
            .min(limit.max(1));

        // SAFETY: By the type invariant, as an entry describes contiguous pages.
        let page = unsafe { self.page.add(start / PAGE_SIZE) };

        // INVARIANT: This many bytes are left of the entry, so this does not wrap.
        self.start = self.start.wrapping_add(len as u32);
        self.entry_left = self.entry_left.wrapping_sub(len as u32);

        Some(Segment {
            // SAFETY: By the type invariant.
            page: unsafe { D::page(page) },
            offset,
            len,
        })
    }
}

impl<'a, D: Direction> Iterator for SegmentIter<'a, D> {
    type Item = Segment<'a, D>;

    #[inline]
    fn next(&mut self) -> Option<Segment<'a, D>> {
        self.next_up_to(PAGE_SIZE)
    }
}

/// An iterator over what is left of the entries of a bio's vector.
///
/// # Invariants
///
/// As of [`SegmentIter`]: `left` bytes come, in the entries from `next` on, of whose first `done` are
/// not wanted.
pub(crate) struct EntryIter<'a> {
    next: *const bindings::bio_vec,
    done: u32,
    left: u32,
    _bio: PhantomData<&'a bindings::bio>,
}

impl<'a> EntryIter<'a> {
    /// Creates an iterator.
    ///
    /// # Safety
    ///
    /// As of [`SegmentIter::new`]; the caller chooses `'a`, for which that must hold.
    pub(super) unsafe fn new(bvecs: *const bindings::bio_vec, iter: bindings::bvec_iter) -> Self {
        // INVARIANT: By the safety requirements of this function.
        Self {
            next: bvecs.wrapping_add(iter.bi_idx as usize),
            done: if iter.bi_size == 0 {
                0
            } else {
                bvec_offset(&iter)
            },
            left: iter.bi_size,
            _bio: PhantomData,
        }
    }
}

impl Iterator for EntryIter<'_> {
    type Item = bindings::bio_vec;

    fn next(&mut self) -> Option<bindings::bio_vec> {
        if self.left == 0 {
            return None;
        }
        // SAFETY: By the type invariant, as there are bytes left.
        let bvec = unsafe { &*self.next };
        let len = bvec.bv_len.wrapping_sub(self.done).min(self.left);
        let entry = bindings::bio_vec {
            bv_page: bvec.bv_page,
            bv_len: len,
            bv_offset: bvec.bv_offset.wrapping_add(self.done),
        };

        // INVARIANT: This entry is done with; the next one is wanted as a whole.
        self.next = self.next.wrapping_add(1);
        self.done = 0;
        self.left = self.left.wrapping_sub(len);
        Some(entry)
    }
}
