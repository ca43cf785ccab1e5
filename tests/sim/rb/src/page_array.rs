// SPDX-License-Identifier: GPL-2.0

//! A sparse array of pages.

use crate::{
    mm::{
        self,
        Gfp, //
    },
    page::{
        Memory,
        SafePage,
        SafePageRef, //
    },
};
use core::{
    marker::PhantomData,
    ops::RangeInclusive, //
};
use kernel::{
    prelude::*,
    sim, //
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc as Shared,
        Mutex, //
    },
};

/// Pages that are removed under one hold of the lock.
const BATCH: usize = 64;

/// Who is told when pages of an array become free.
pub trait Owner: Send + Sync + 'static {
    /// `pages` pages are removed, and will be freed.
    fn removed(&self, _pages: usize) {}

    /// A page that was removed is free.
    fn freed(&self) {}
}

impl Owner for () {}

/// A sparse array of pages.
#[pin_data(PinnedDrop)]
pub struct PageArray<O: Owner = ()> {
    pages: Shared<Mutex<BTreeMap<usize, Shared<Memory>>>>,
    owner: Shared<O>,
}

/// What became of a page that was to be inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The array has it.
    Stored,
    /// There was a page already.
    Occupied,
}

impl<O: Owner> PageArray<O> {
    /// Returns an initializer for an empty array.
    pub fn new(owner: O) -> impl PinInit<Self> {
        pin_init!(Self {
            pages: Shared::default(),
            owner: Shared::new(owner),
        })
    }

    /// Returns the owner.
    pub fn owner(&self) -> &O {
        &self.owner
    }

    /// Begins to look at pages.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor {
            pages: self.pages.clone(),
            found: Vec::new(),
            _rcu: sim::rcu::read_lock(),
            _p: PhantomData,
        }
    }

    fn with<R>(&self, f: impl FnOnce(&mut BTreeMap<usize, Shared<Memory>>) -> R) -> R {
        sim::point();
        f(&mut self
            .pages
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// Returns whether there is a page at `index`.
    pub fn contains(&self, index: usize) -> bool {
        self.with(|pages| pages.contains_key(&index))
    }

    /// Inserts a page at `index`, unless there is one.
    pub fn insert(&self, index: usize, page: SafePage, gfp: Gfp) -> Result<Inserted> {
        if !sim::faults::allocate(gfp.0) {
            return Err(ENOMEM);
        }
        Ok(self.with(|pages| {
            if pages.contains_key(&index) {
                return Inserted::Occupied;
            }
            pages.insert(index, page.0);
            Inserted::Stored
        }))
    }

    /// Removes the pages in `range` and returns their number.
    pub fn remove(&self, range: RangeInclusive<usize>) -> usize {
        let mut removed = 0;
        loop {
            let batch = self.with(|pages| take(pages, &range));
            if batch.is_empty() {
                return removed;
            }
            removed += batch.len();
            self.owner.removed(batch.len());
            for page in batch {
                let owner = self.owner.clone();
                sim::rcu::call(move || {
                    // Poison, which a reader that comes too late finds.
                    page.with(0, kernel::page::PAGE_SIZE, |bytes| bytes.fill(0xdd));
                    drop(page);
                    owner.freed();
                });
            }
            mm::cond_resched();
        }
    }

    /// Returns the number of pages.
    pub fn len(&self) -> usize {
        self.with(|pages| pages.len())
    }

    /// Returns whether there are no pages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn take(
    pages: &mut BTreeMap<usize, Shared<Memory>>,
    range: &RangeInclusive<usize>,
) -> Vec<Shared<Memory>> {
    if range.is_empty() {
        return Vec::new();
    }
    let indices: Vec<usize> = pages
        .range(range.clone())
        .map(|page| *page.0)
        .take(BATCH)
        .collect();
    indices
        .iter()
        .filter_map(|index| pages.remove(index))
        .collect()
}

#[pinned_drop]
impl<O: Owner> PinnedDrop for PageArray<O> {
    fn drop(self: Pin<&mut Self>) {
        mm::rcu_barrier();
    }
}

/// A look at pages of an array, which are there as long as it lasts.
pub struct Cursor<'a> {
    pages: Shared<Mutex<BTreeMap<usize, Shared<Memory>>>>,
    /// The page that was found last, so that there is something to borrow.
    found: Vec<Shared<Memory>>,
    _rcu: sim::rcu::Guard,
    _p: PhantomData<&'a ()>,
}

impl Cursor<'_> {
    /// Returns the page at `index`, if there is one.
    pub fn get(&mut self, index: usize) -> Option<SafePageRef<'_>> {
        sim::point();
        let pages = self
            .pages
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        self.found.clear();
        self.found.extend(pages.get(&index).cloned());
        self.found.first().map(|page| SafePageRef(page))
    }

    /// Returns the first index of a range that has no page.
    pub fn first_missing(&mut self, range: RangeInclusive<usize>) -> Option<usize> {
        let (mut index, last) = range.into_inner();
        while index <= last {
            if self.get(index).is_none() {
                return Some(index);
            }
            index = index.checked_add(1)?;
        }
        None
    }
}
