// SPDX-License-Identifier: GPL-2.0

//! Budgets: how many pages may be taken, and how many are.

use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
    Arc, //
};

/// A limit of pages, and how many of them are still left.
///
/// Pages are taken before they are allocated, and given back after they were freed. So the pages in
/// use never exceed the limit, not even for a moment. If the limit is lowered below what is taken,
/// nothing is freed, and no more can be taken.
pub(crate) struct Budget {
    limit: Atomic<isize>,
    /// The limit less what is taken; negative if the limit was lowered below that.
    left: Atomic<isize>,
    /// How many of the taken pages were discarded, and will be given back when they are free.
    leaving: Atomic<isize>,
}

impl Budget {
    /// A limit that no disk reaches.
    pub(crate) const UNLIMITED: usize = isize::MAX as usize;

    /// Creates a budget of `limit` pages, [`Budget::UNLIMITED`] at most.
    pub(crate) fn new(limit: usize) -> Self {
        let limit = signed(limit);

        Self {
            limit: Atomic::new(limit),
            left: Atomic::new(limit),
            leaving: Atomic::new(0),
        }
    }

    /// Returns the limit, in pages.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Relaxed).unsigned_abs()
    }

    /// Changes the limit, in pages; [`Budget::UNLIMITED`] at most.
    pub(crate) fn set_limit(&self, pages: usize) {
        let new = signed(pages);
        // An exchange: if several tasks change the limit, the differences that they add to `left`
        // sum up to the last limit.
        let old = self.limit.xchg(new, Relaxed);

        // Neither is negative, so the difference does not overflow.
        self.left.fetch_add(new.wrapping_sub(old), Relaxed);
    }

    /// Takes `pages`, all or none. Returns how many are left afterwards.
    pub(crate) fn take(&self, pages: usize) -> Option<usize> {
        let pages = isize::try_from(pages).ok()?;
        let mut left = self.left.load(Relaxed);

        loop {
            let rest = left.checked_sub(pages)?;
            // Fails if that is negative.
            let result = usize::try_from(rest).ok()?;
            match self.left.cmpxchg(left, rest, Relaxed) {
                Ok(_) => return Some(result),
                Err(now) => left = now,
            }
        }
    }

    /// Gives `pages` back that were taken before.
    pub(crate) fn give(&self, pages: usize) {
        self.left.fetch_add(signed(pages), Relaxed);
    }

    /// Announces that `pages` which are taken will be given back, by [`Budget::give_leaving`].
    fn leave(&self, pages: usize) {
        self.leaving.fetch_add(signed(pages), Relaxed);
    }

    /// Gives `pages` back that were announced.
    fn give_leaving(&self, pages: usize) {
        self.give(pages);
        // In this order: a task that sees no page leaving also sees that these were given back.
        self.leaving.fetch_sub(signed(pages), Release);
    }

    /// Returns the number of pages that are taken, while nobody changes the limit.
    pub(crate) fn taken(&self) -> usize {
        let taken = self
            .limit
            .load(Relaxed)
            .wrapping_sub(self.left.load(Relaxed));

        usize::try_from(taken).unwrap_or(0)
    }
}

/// Converts a number of pages into the type of what is left of a limit.
fn signed(pages: usize) -> isize {
    isize::try_from(pages).unwrap_or(isize::MAX)
}

/// The pages that a disk has taken, from its own budget and from that of all disks.
///
/// Dropping it gives pages that are still taken back to the budget of all disks.
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

    /// Takes `pages` of both budgets, or of none. Returns how many are left for all disks then.
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

    /// Announces that `pages` will be given back, by [`Account::give_leaving`].
    pub(crate) fn leave(&self, pages: usize) {
        self.shared.leave(pages);
    }

    /// Gives `pages` back to both that were announced.
    pub(crate) fn give_leaving(&self, pages: usize) {
        self.own.give(pages);
        self.shared.give_leaving(pages);
    }

    /// Returns whether a disk will give pages back soon.
    ///
    /// If this returns false, all pages that any disk has announced before were given back.
    pub(crate) fn is_any_leaving(&self) -> bool {
        self.shared.leaving.load(Acquire) > 0
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.shared.give(self.own.taken());
    }
}
