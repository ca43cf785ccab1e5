// SPDX-License-Identifier: GPL-2.0

//! The data of a disk, in pages that exist where something was written.
//!
//! The I/O path allocates with [`Gfp::GROW`] or [`Gfp::NOWAIT`] only, and holds no lock meanwhile.
//! Operations that overlap are not ordered: a reader may see parts of a write that runs at the same
//! time, at the granularity of a byte. Operations that do not overlap never disturb each other,
//! even within a page; so a page is removed only when all of it is discarded.

mod budget;

pub(crate) use budget::Budget;

use crate::logic::limits::{
    extend_to_page,
    split_range,
    PartialPage, //
};
use budget::Account;
use core::ops::Range;
use kernel::{
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::Arc, //
};
use rb::{
    block::{
        bio::{
            Destination,
            SegmentIter,
            Source, //
        },
        error::{
            BlkError,
            BlkResult, //
        }, //
    },
    mm::{
        self,
        Gfp, //
    },
    page::{
        PageRef,
        SafePage,
        UninitPage, //
    },
    page_array::{
        Inserted,
        Owner,
        PageArray, //
    }, //
};

/// New pages between two checks of how much memory is left.
const CHECK_EVERY: usize = 64;

/// Bytes of a bio that are copied between two offers to reschedule; a power of two.
const REST_EVERY: u64 = 1 << 20;

/// Steps between two offers to reschedule.
const RESCHED_EVERY: u64 = 256;

/// The pages of a disk.
#[pin_data]
pub(crate) struct Store {
    #[pin]
    pages: PageArray<Account>,
    /// Whether pages are there from the beginning, and stay.
    prealloc: bool,
}

impl Store {
    /// Returns an initializer for an empty store that may use `limit` pages, within `shared`.
    ///
    /// With `prealloc`, discarding zeroes pages in place of freeing them; they are to be allocated
    /// with [`Store::allocate`] before the disk appears.
    pub(crate) fn new(limit: usize, shared: Arc<Budget>, prealloc: bool) -> impl PinInit<Self> {
        pin_init!(Self {
            pages <- PageArray::new(Account::new(limit, shared)),
            prealloc,
        })
    }

    /// Returns the number of pages that exist.
    pub(crate) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Returns the budget of this disk.
    pub(crate) fn budget(&self) -> &Budget {
        self.account().own()
    }

    /// Returns what the disk has taken, which includes pages that are discarded but not free yet.
    fn account(&self) -> &Account {
        self.pages.owner()
    }

    /// Returns whether pages are there from the beginning, and stay.
    pub(crate) fn is_preallocated(&self) -> bool {
        self.prealloc
    }

    /// Fills the segments of a bio from byte `pos` on. Waits for nothing.
    ///
    /// Returns where the next bio of a request goes on.
    #[inline(always)]
    pub(crate) fn read(
        &self,
        mut pos: u64,
        mut segments: SegmentIter<'_, Destination>,
    ) -> BlkResult<u64> {
        let mut cursor = self.pages.cursor();
        loop {
            let (index, offset) = locate(pos);
            let Some(segment) = segments.next_up_to(PAGE_SIZE - offset) else {
                return Ok(pos);
            };
            let (page, at, len) = (segment.page(), segment.offset(), segment.len());

            match cursor.get(index) {
                Some(stored) => page.copy_from(at, stored.source(), offset, len)?,
                None => page.zero(at, len)?,
            }
            page.flush_dcache();
            // This cannot wrap: no disk is that large.
            pos = pos.wrapping_add(len as u64);
            if is_time_to_rest(pos, len) {
                drop(cursor);
                mm::cond_resched();
                cursor = self.pages.cursor();
            }
        }
    }

    /// Stores the segments of a bio from byte `pos` on.
    ///
    /// Fails with [`BlkError::NOSPC`] when a limit is reached or memory is short. Sleeps only if
    /// `gfp` allows it. If it does not, and there is no memory, fails with [`BlkError::AGAIN`]. For
    /// more than one page the caller uses [`Store::reserve`] first, so that nothing was written
    /// when this fails. Only if the range is discarded at the same time may a part have been
    /// written.
    ///
    /// Returns where the next bio of a request goes on.
    #[inline(always)]
    pub(crate) fn write(
        &self,
        mut pos: u64,
        mut segments: SegmentIter<'_, Source>,
        gfp: Gfp,
    ) -> BlkResult<u64> {
        let mut cursor = self.pages.cursor();
        loop {
            let (index, offset) = locate(pos);
            let Some(segment) = segments.next_up_to(PAGE_SIZE - offset) else {
                return Ok(pos);
            };
            let (page, at, len) = (segment.page(), segment.offset(), segment.len());

            match cursor.get(index) {
                Some(stored) => stored.destination().copy_from(offset, page, at, len)?,
                None => {
                    // Which may sleep.
                    drop(cursor);
                    self.write_new(pos, page, at, len, gfp)?;
                    cursor = self.pages.cursor();
                }
            }
            // As above.
            pos = pos.wrapping_add(len as u64);
            if is_time_to_rest(pos, len) {
                drop(cursor);
                mm::cond_resched();
                cursor = self.pages.cursor();
            }
        }
    }

    /// Stores `len` bytes from `at` of `src` at byte `pos`, in a page that is new.
    ///
    /// The page gets its data before it is inserted. So no reader sees it without the data, and the
    /// part that is written need not be zeroed.
    #[cold]
    fn write_new(&self, pos: u64, src: PageRef<'_>, at: usize, len: usize, gfp: Gfp) -> BlkResult {
        let (index, offset) = locate(pos);
        let filled = |gfp| UninitPage::alloc(gfp)?.fill_from(offset, src, at, len);

        if self.add_page(index, gfp, filled)? == Inserted::Occupied {
            // If the page is gone again, it was discarded after this write.
            if let Some(stored) = self.pages.cursor().get(index) {
                stored.destination().copy_from(offset, src, at, len)?;
            }
        }
        Ok(())
    }

    /// Makes sure that there is a page for each byte of a range, without a visible change.
    ///
    /// Errors as [`Store::write`].
    pub(crate) fn reserve(&self, pos: u64, bytes: u32, gfp: Gfp) -> BlkResult {
        let (first, _) = locate(pos);
        let (last, _) = locate(pos.saturating_add(u64::from(bytes)).saturating_sub(1));

        let mut index = first;
        loop {
            // The cursor, which holds the RCU read lock, is dropped in this statement: adding a
            // page may sleep.
            let missing = self.pages.cursor().first_missing(index..=last);
            let Some(missing) = missing else {
                return Ok(());
            };
            self.add_page(missing, gfp, SafePage::alloc_zeroed)?;
            index = missing.saturating_add(1);
        }
    }

    /// Adds a page at `index`, accounted for, unless there is one by now.
    fn add_page(
        &self,
        index: usize,
        gfp: Gfp,
        make: impl FnOnce(Gfp) -> Result<SafePage>,
    ) -> BlkResult<Inserted> {
        self.take_page(gfp)?;
        let inserted = make(gfp).and_then(|page| self.pages.insert(index, page, gfp));

        if inserted != Ok(Inserted::Stored) {
            self.account().give(1);
        }
        inserted.map_err(|err| match (err == ENOMEM, gfp == Gfp::NOWAIT) {
            (true, true) => BlkError::AGAIN,
            (true, false) => BlkError::NOSPC,
            _ => err.into(),
        })
    }

    /// Makes a range read as zeroes, and frees the pages that lie in it as a whole.
    ///
    /// A range that ends at `disk_size`, the size of the disk, includes all of the last page. Takes
    /// time in proportion to the pages that exist. May sleep.
    pub(crate) fn discard(&self, pos: u64, bytes: u32, disk_size: u64) -> BlkResult {
        let len = extend_to_page(pos, u64::from(bytes), disk_size, PAGE_SIZE);
        let split = split_range(pos, len, PAGE_SIZE).ok_or(BlkError::INVAL)?;

        for part in [&split.head, &split.tail].into_iter().flatten() {
            self.zero(part)?;
        }
        if self.prealloc {
            self.zero_pages(split.pages)
        } else {
            self.remove(split.pages);
            Ok(())
        }
    }

    /// Zeroes a part of a page, if the page exists.
    fn zero(&self, part: &PartialPage) -> BlkResult {
        let index = part.page.try_into().map_err(|_| BlkError::INVAL)?;

        if let Some(stored) = self.pages.cursor().get(index) {
            stored.destination().zero(part.offset, part.len)?;
        }
        Ok(())
    }

    /// Zeroes the pages that exist, one index after the other.
    fn zero_pages(&self, pages: Range<u64>) -> BlkResult {
        for page in pages {
            self.zero(&PartialPage {
                page,
                offset: 0,
                len: PAGE_SIZE,
            })?;
            if page % RESCHED_EVERY == 0 {
                mm::cond_resched();
            }
        }
        Ok(())
    }

    /// Frees the pages of a range of indices.
    fn remove(&self, pages: Range<u64>) {
        let Some(last) = pages.end.checked_sub(1).filter(|&last| last >= pages.start) else {
            return;
        };
        // There are no pages behind the largest index.
        let Ok(first) = pages.start.try_into() else {
            return;
        };
        self.pages
            .remove(first..=last.try_into().unwrap_or(usize::MAX));
    }

    /// Makes all of a disk of `disk_size` bytes read as zeroes. May sleep.
    pub(crate) fn empty(&self, disk_size: u64) -> BlkResult {
        if self.prealloc {
            return self.zero_pages(0..disk_size.div_ceil(PAGE_SIZE as u64));
        }
        self.remove(0..u64::MAX);
        Ok(())
    }

    /// Frees what lies behind `size` bytes, and zeroes the rest of the last page that stays.
    ///
    /// So a disk that grows again reads as zeroes there. No I/O may be in flight. May sleep.
    pub(crate) fn truncate(&self, size: u64) -> BlkResult {
        let split = split_range(size, u64::MAX - size, PAGE_SIZE).ok_or(BlkError::INVAL)?;

        if let Some(part) = &split.head {
            self.zero(part)?;
        }
        self.remove(split.pages.start..u64::MAX);
        Ok(())
    }

    /// Allocates the pages of `range`, in bytes, that do not exist yet.
    ///
    /// Fails with [`ENOMEM`] if a limit is reached or memory is short, and with [`EINTR`] if the
    /// task is killed. Pages that were allocated stay. Not for the I/O path. May sleep.
    pub(crate) fn allocate(&self, range: Range<u64>) -> Result {
        let (first, _) = locate(range.start);
        let (last, _) = locate(range.end.saturating_sub(1));

        for index in first..=last {
            if self.pages.contains(index) {
                continue;
            }
            self.add_page(index, Gfp::KERNEL_GROW, SafePage::alloc_zeroed)
                .map_err(|_| ENOMEM)?;
            if mm::fatal_signal_pending() {
                return Err(EINTR);
            }
            mm::cond_resched();
        }
        Ok(())
    }

    /// Takes one more page from the budgets, if that leaves enough memory for the rest of the
    /// system.
    ///
    /// If a limit is reached, waits until pages that were discarded before are free.
    fn take_page(&self, gfp: Gfp) -> BlkResult {
        // Asked before the attempt: pages that are given back between its failure and this question
        // would go unnoticed.
        let leaving = self.account().is_any_leaving();

        match self.try_take_page() {
            Err(_) if leaving && gfp == Gfp::NOWAIT => Err(BlkError::AGAIN),
            Err(_) if leaving => {
                mm::rcu_barrier();
                self.try_take_page()
            }
            result => result,
        }
    }

    fn try_take_page(&self) -> BlkResult {
        let left = self.account().take(1).ok_or(BlkError::NOSPC)?;

        if left % CHECK_EVERY == 0 && mm::available_pages() < low_water() {
            self.account().give(1);
            return Err(BlkError::NOSPC);
        }
        Ok(())
    }
}

impl Owner for Account {
    fn removed(&self, pages: usize) {
        self.leave(pages);
    }

    fn freed(&self) {
        self.give_leaving(1);
    }
}

/// Returns how many pages have to stay free when disks grow, so that no process is killed for them.
fn low_water() -> usize {
    mm::total_pages() / 16
}

/// Returns whether to reschedule after `len` bytes up to `pos` were copied. A bio can have hundreds
/// of MiB, and pages that were removed cannot be freed while the RCU read lock is held.
#[inline]
fn is_time_to_rest(pos: u64, len: usize) -> bool {
    // The masks make it a comparison of what is left of the last step.
    pos & (REST_EVERY - 1) < len as u64
}

/// Returns the page that byte `pos` is in, and where in it.
///
/// A disk has no more pages than an index can name, see `MAX_BYTES` in `disk.rs`.
#[inline]
fn locate(pos: u64) -> (usize, usize) {
    ((pos >> PAGE_SHIFT) as usize, pos as usize % PAGE_SIZE)
}
