// SPDX-License-Identifier: GPL-2.0

//! Looking at the pages of an array.

use super::state::{
    Leaf,
    State, //
};
use crate::{
    bindings,
    page::SafePageRef, //
};
use core::{
    ops::RangeInclusive,
    ptr::NonNull, //
};
use kernel::{
    ffi::c_void,
    sync::rcu,
    types::Opaque, //
};

/// A look at pages of an array, which are there as long as it lasts.
///
/// RCU is locked meanwhile, so nothing may sleep. Pages next to each other are found with no more
/// than a few instructions.
///
/// # Examples
///
/// ```
/// # use rb::{block::bio::{Destination, Segment}, page_array::PageArray};
/// # fn example<'a>(
/// #     pages: &PageArray,
/// #     segments: impl Iterator<Item = (usize, Segment<'a, Destination>)>,
/// # ) -> Result {
/// let mut cursor = pages.cursor();
/// for (index, segment) in segments {
///     let (page, at, len) = (segment.page(), segment.offset(), segment.len());
///     match cursor.get(index) {
///         Some(stored) => page.copy_from(at, stored.source(), 0, len)?,
///         None => page.zero(at, len)?,
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// `state` is one of an array that is valid, and whose entries are pages that are freed not before a
/// grace period after they were removed. RCU has been locked since before `state` first moved, and
/// so since before `leaf` was found.
pub struct Cursor<'a> {
    state: State<'a>,
    /// The leaf of an earlier look-up, once there has been a second one.
    leaf: Option<Leaf>,
    _rcu: rcu::Guard,
}

impl<'a> Cursor<'a> {
    /// # Safety
    ///
    /// `xa` must be valid; its entries must be pages that are freed not before a grace period after
    /// they were removed.
    #[inline(always)]
    pub(super) unsafe fn new(xa: &'a Opaque<bindings::xarray>) -> Self {
        let rcu = rcu::read_lock();

        // INVARIANT: By the safety requirements of this function. RCU is locked.
        Self {
            state: State::new(xa, 0),
            leaf: None,
            _rcu: rcu,
        }
    }

    /// Returns the page at `index`, if there is one.
    ///
    /// A page that is removed meanwhile is still found, or is not; what is written to it is lost
    /// with it. A page that is inserted while the cursor lives may not be found:
    /// [`PageArray::insert`](super::PageArray::insert) reports that.
    #[inline(always)]
    pub fn get(&mut self, index: usize) -> Option<SafePageRef<'_>> {
        // SAFETY: By the type invariant.
        let entry = match self.leaf.and_then(|leaf| unsafe { leaf.get(index) }) {
            Some(entry) => entry,
            None => self.find(index),
        };
        let page = NonNull::new(entry.cast())?;

        // SAFETY: By the type invariant, the entry was a `SafePage`. It was there while
        // RCU was locked, and so is not freed before that is unlocked, which `self` does.
        Some(unsafe { SafePageRef::from_raw(page.as_ptr()) })
    }

    /// Returns the entry at `index`, or null, if the leaf does not tell.
    ///
    /// The leaf is found at the look-up after the walk: most bios have one page, and need none.
    #[inline(always)]
    fn find(&mut self, index: usize) -> *mut c_void {
        if self.leaf.is_none() {
            // INVARIANT: RCU has been locked since before `state` moved.
            // SAFETY: By the type invariant.
            self.leaf = unsafe { self.state.leaf() };

            // SAFETY: By the type invariant.
            if let Some(entry) = self.leaf.and_then(|leaf| unsafe { leaf.get(index) }) {
                return entry;
            }
        }
        self.leaf = None;
        self.state.set(index);
        // SAFETY: By the type invariant.
        unsafe { self.state.load() }
    }

    /// Returns the first index of a range that has no page.
    pub fn first_missing(&mut self, range: RangeInclusive<usize>) -> Option<usize> {
        let (mut index, last) = range.into_inner();

        while index <= last {
            if self.get(index).is_none() {
                return Some(index);
            }
            index = match self.leaf {
                // SAFETY: By the type invariant.
                Some(leaf) => unsafe { leaf.skip_pages(index, last) },
                None => index,
            }
            .checked_add(1)?;
        }
        None
    }
}
