// SPDX-License-Identifier: GPL-2.0

//! Looking at the pages of an array.

use super::{
    state::State,
    PageArray, //
};
use crate::page::PageRef;
use core::{
    ops::RangeInclusive,
    ptr::NonNull, //
};
use kernel::sync::rcu;

/// A look at pages of an array, which are there as long as it lasts.
///
/// RCU is locked meanwhile, so nothing may sleep. Pages next to each other are found with no more
/// than a few instructions.
///
/// # Examples
///
/// ```ignore
/// let mut cursor = pages.cursor();
/// for (index, segment) in segments {
///     match cursor.get(index) {
///         Some(stored) => segment.page().copy_from(at, stored, offset, len)?,
///         None => segment.page().zero(at, len)?,
///     }
/// }
/// ```
///
/// # Invariants
///
/// `state` is one of an array that is valid, and has not moved before RCU was locked.
pub struct Cursor<'a> {
    state: State<'a>,
    _rcu: rcu::Guard,
}

impl<'a> Cursor<'a> {
    #[inline(always)]
    pub(super) fn new(array: &'a PageArray) -> Self {
        let rcu = rcu::read_lock();

        // INVARIANT: By its type invariant, the array is valid. RCU is locked.
        Self {
            state: State::new(&array.xa, 0),
            _rcu: rcu,
        }
    }

    /// Returns the page at `index`, if there is one.
    ///
    /// A page that is removed meanwhile is still found, or is not; what is written to it is lost
    /// with it.
    #[inline(always)]
    pub fn get(&mut self, index: usize) -> Option<PageRef<'_>> {
        // SAFETY: By the type invariant.
        let page = match unsafe { self.state.step(index) } {
            Some(entry) => NonNull::new(entry.cast()),
            None => {
                self.state.set(index);
                // SAFETY: By the type invariant.
                unsafe { self.state.load() }
            }
        }?;
        // SAFETY: By the type invariant of the array, the entry is a page. It was there while RCU
        // was locked, and so is not freed before that is unlocked, which `self` does.
        Some(unsafe { PageRef::from_raw(page.as_ptr()) })
    }

    /// Returns the first index of a range that has no page.
    pub fn first_missing(&mut self, range: RangeInclusive<usize>) -> Option<usize> {
        let (mut index, last) = range.into_inner();

        while index <= last {
            if self.get(index).is_none() {
                return Some(index);
            }
            let most = (last - index).saturating_add(1);
            // SAFETY: By the type invariant. The page is there.
            let pages = unsafe { self.state.count_pages(most) };
            index = index.checked_add(pages)?;
        }
        None
    }
}
