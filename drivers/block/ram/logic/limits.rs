// SPDX-License-Identifier: GPL-2.0

//! Byte ranges in terms of pages: what discard, zeroing and resizing do to each.

use core::ops::Range;

/// A part of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialPage {
    /// Index of the page in the disk.
    pub page: u64,
    /// Bytes from the start of the page to the part.
    pub offset: usize,
    /// Length of the part in bytes, at least 1 and less than a page.
    pub len: usize,
}

/// A byte range of a disk, cut at page borders: a partial page, whole pages, a partial page.
///
/// The pages of `head`, `pages` and `tail` are distinct and follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitRange {
    /// The part before the first whole page, or all of a range that lies inside one page.
    pub head: Option<PartialPage>,
    /// Indices of the pages that lie in the range as a whole; may be empty.
    pub pages: Range<u64>,
    /// The part behind the last whole page.
    pub tail: Option<PartialPage>,
}

/// Cuts the `byte_len` bytes from `byte_start` on at the borders of pages of `page_size` bytes.
///
/// [`None`] when the range goes beyond 64 bits, or for a page size of zero.
pub fn split_range(byte_start: u64, byte_len: u64, page_size: usize) -> Option<SplitRange> {
    let size = u64::try_from(page_size).ok()?;
    let end = byte_start.checked_add(byte_len)?;
    let first = byte_start.checked_div(size)?;
    let last = end.checked_div(size)?;
    let head = byte_start.checked_rem(size)?;
    let tail = end.checked_rem(size)?;

    if first == last {
        return Some(SplitRange {
            head: partial(first, head, byte_len),
            pages: first..first,
            tail: None,
        });
    }
    let head_len = if head == 0 {
        0
    } else {
        size.checked_sub(head)?
    };
    let whole = if head == 0 {
        first
    } else {
        first.checked_add(1)?
    };

    Some(SplitRange {
        head: partial(first, head, head_len),
        pages: whole..last,
        tail: partial(last, 0, tail),
    })
}

/// The length of a range that ends with the disk, drawn out to the end of the last page.
///
/// Behind the end of a disk there is nothing to keep, so a range up to there has its last page as
/// a whole. Any other range keeps its length. All arguments are in bytes.
pub fn extend_to_page(byte_start: u64, byte_len: u64, disk_size: u64, page_size: usize) -> u64 {
    let extended = || {
        let size = u64::try_from(page_size).ok()?;
        let end = byte_start.checked_add(byte_len)?;

        if end != disk_size {
            return None;
        }
        end.checked_next_multiple_of(size)?.checked_sub(byte_start)
    };

    extended().unwrap_or(byte_len)
}

/// A part of `page`, unless it is empty.
fn partial(page: u64, offset: u64, len: u64) -> Option<PartialPage> {
    if len == 0 {
        return None;
    }
    Some(PartialPage {
        page,
        offset: usize::try_from(offset).ok()?,
        len: usize::try_from(len).ok()?,
    })
}
