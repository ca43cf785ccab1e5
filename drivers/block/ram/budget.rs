// SPDX-License-Identifier: GPL-2.0

//! How many pages may be used, and how many are.

use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

/// A number of pages that may be taken, and how many are taken now.
///
/// Pages are taken before they are allocated, so what is used never exceeds the limit, not even for
/// a moment. A limit that is lowered below what is taken frees nothing, but lets nothing be taken.
pub(crate) struct Budget {
    limit: Atomic<usize>,
    taken: Atomic<usize>,
}

impl Budget {
    /// A limit that no disk reaches.
    pub(crate) const UNLIMITED: usize = usize::MAX;

    /// Creates a budget of `limit` pages.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: Atomic::new(limit),
            taken: Atomic::new(0),
        }
    }

    /// Returns the limit, in pages.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// Changes the limit, in pages.
    pub(crate) fn set_limit(&self, pages: usize) {
        self.limit.store(pages, Relaxed);
    }

    /// Returns the number of pages that are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    /// Takes `pages`, all or none. Returns how many are taken then.
    pub(crate) fn take(&self, pages: usize) -> Option<usize> {
        let mut taken = self.taken();

        loop {
            let sum = taken.checked_add(pages)?;
            if sum > self.limit() {
                return None;
            }
            match self.taken.cmpxchg(taken, sum, Relaxed) {
                Ok(_) => return Some(sum),
                Err(now) => taken = now,
            }
        }
    }

    /// Gives `pages` back that were taken before.
    pub(crate) fn give(&self, pages: usize) {
        self.taken.fetch_sub(pages, Relaxed);
    }
}

/// What a disk has taken, both of its own budget and of that of all disks.
///
/// What is still taken when this is dropped goes back to the latter.
pub(crate) struct Account {
    own: Budget,
    shared: Arc<Budget>,
}

impl Account {
    /// Creates an account with a limit of its own, in pages, within `shared`.
    pub(crate) fn new(limit: usize, shared: Arc<Budget>) -> Self {
        Self {
            own: Budget::new(limit),
            shared,
        }
    }

    /// Returns the disk's own budget.
    pub(crate) fn own(&self) -> &Budget {
        &self.own
    }

    /// Takes `pages` of both budgets, or of none. Returns how many all disks have taken then.
    pub(crate) fn take(&self, pages: usize) -> Option<usize> {
        self.own.take(pages)?;

        let all = self.shared.take(pages);
        if all.is_none() {
            self.own.give(pages);
        }
        all
    }

    /// Gives `pages` back to both.
    pub(crate) fn give(&self, pages: usize) {
        self.own.give(pages);
        self.shared.give(pages);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.shared.give(self.own.taken());
    }
}
