// SPDX-License-Identifier: GPL-2.0

//! The data of a bio, page by page.

use crate::page::{
    Memory,
    PageMut,
    PageRef, //
};
use core::marker::PhantomData;
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};
use std::sync::Arc as Shared;

/// A part of the data of a bio, in one page.
#[derive(Clone)]
pub struct Piece {
    /// The page.
    pub page: Shared<Memory>,
    /// Where in the page it begins, in bytes.
    pub offset: usize,
    /// Its length in bytes.
    pub len: usize,
}

/// What the data of a bio is to its driver.
pub trait Direction {
    /// A page of such data.
    type Page<'a>: Copy;

    /// Wraps a page.
    #[doc(hidden)]
    fn page(memory: &Memory) -> Self::Page<'_>;
}

/// The data of a write: it can only be read.
pub enum Source {}

/// The data of a read: it can only be written.
pub enum Destination {}

impl Direction for Source {
    type Page<'a> = PageRef<'a>;

    fn page(memory: &Memory) -> PageRef<'_> {
        PageRef(memory)
    }
}

impl Direction for Destination {
    type Page<'a> = PageMut<'a>;

    fn page(memory: &Memory) -> PageMut<'_> {
        PageMut(memory)
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
    pub fn page(&self) -> D::Page<'a> {
        self.page
    }

    /// Returns where in its page the data starts, in bytes.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the length, in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Moves the start of the segment on, at most to its end.
    pub fn advance(&mut self, len: usize) {
        let len = len.min(self.len);
        self.offset += len;
        self.len -= len;
    }
}

impl Segment<'_, Destination> {
    /// Copies from `src`, until the segment or the page ends.
    pub fn copy_from_page(&mut self, src: PageRef<'_>, src_offset: usize) -> Result<usize> {
        let len = self.len.min(PAGE_SIZE.saturating_sub(src_offset));
        self.page.copy_from(self.offset, src, src_offset, len)?;
        self.advance(len);
        Ok(len)
    }
}

impl Segment<'_, Source> {
    /// Copies to `dst`, until the segment or the page ends.
    pub fn copy_to_page(&mut self, dst: PageMut<'_>, dst_offset: usize) -> Result<usize> {
        let len = self.len.min(PAGE_SIZE.saturating_sub(dst_offset));
        dst.copy_from(dst_offset, self.page, self.offset, len)?;
        self.advance(len);
        Ok(len)
    }
}

/// An iterator over the [`Segment`]s of a bio.
pub struct SegmentIter<'a, D: Direction> {
    pieces: &'a [Piece],
    done: usize,
    _p: PhantomData<D>,
}

impl<'a, D: Direction> SegmentIter<'a, D> {
    pub(super) fn new(pieces: &'a [Piece]) -> Self {
        Self {
            pieces,
            done: 0,
            _p: PhantomData,
        }
    }

    /// Returns the next segment, or as much of it as `limit` bytes.
    pub fn next_up_to(&mut self, limit: usize) -> Option<Segment<'a, D>> {
        let mut piece = self.pieces.first()?;
        while self.done == piece.len {
            self.pieces = self.pieces.get(1..)?;
            self.done = 0;
            piece = self.pieces.first()?;
        }
        let offset = piece.offset + self.done;
        let len = (piece.len - self.done).min(limit.max(1));
        self.done += len;
        Some(Segment {
            page: D::page(&piece.page),
            offset,
            len,
        })
    }
}

impl<'a, D: Direction> Iterator for SegmentIter<'a, D> {
    type Item = Segment<'a, D>;

    fn next(&mut self) -> Option<Segment<'a, D>> {
        self.next_up_to(PAGE_SIZE)
    }
}
