// SPDX-License-Identifier: GPL-2.0

//! A sparse array of pages.
//!
//! C header: [`include/linux/xarray.h`](srctree/include/linux/xarray.h)
//!
//! Look-ups take no lock and no reference: they find pages under RCU, and pages that are removed are
//! freed when everybody is done who may have found them. So pages can be removed while others copy
//! from and to them.
//!
//! Not supported: pages of a higher order, marks.

mod cursor;
mod state;

pub use cursor::Cursor;

use self::state::State;
use crate::{
    bindings,
    mm::{
        self,
        Gfp, //
    },
    page::SafePage,
};
use core::{
    ops::RangeInclusive,
    ptr::{
        self,
        NonNull, //
    }, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        }, //
    },
    types::Opaque, //
};

/// Pages that are removed under one hold of the lock.
const BATCH: usize = 64;

type Batch = [Option<NonNull<bindings::page>>; BATCH];

/// The owner of an array, which is told when pages become free, some time after they were removed.
///
/// Pages that are there when the array is dropped are not told of.
pub trait Owner: Send + Sync + 'static {
    /// `pages` pages are removed, and will be freed. May be called several at a time.
    fn removed(&self, _pages: usize) {}

    /// A page that was removed is free. Called in any context; must not sleep.
    fn freed(&self) {}
}

/// Nobody is told.
impl Owner for () {}

/// A sparse array of pages, indexed by page number, that belongs to an `O`.
///
/// # Examples
///
/// ```
/// # use rb::{
/// #     block::bio::{Segment, Source},
/// #     mm::Gfp,
/// #     page::SafePage,
/// #     page_array::{Inserted, PageArray},
/// # };
/// # fn example(pages: &PageArray, index: usize, segment: Segment<'_, Source>) -> Result {
/// # let mut count = 0;
/// if pages.insert(index, SafePage::alloc_zeroed(Gfp::GROW)?, Gfp::GROW)? == Inserted::Stored {
///     count += 1;
/// }
/// if let Some(stored) = pages.cursor().get(index) {
///     stored.destination().copy_from(0, segment.page(), segment.offset(), segment.len())?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// `xa` is a valid `struct xarray`. Its entries are pages that came from `SafePage::into_raw`;
/// the array owns each until a grace period of RCU after it was removed. `deferred` is set if that
/// has happened. Until a page that was removed is free, and `owner` knows it, the array lives.
#[pin_data(PinnedDrop)]
pub struct PageArray<O: Owner = ()> {
    #[pin]
    xa: Opaque<bindings::xarray>,
    /// Number of entries; written under the lock of `xa`.
    len: Atomic<usize>,
    /// Whether pages were left to RCU.
    deferred: Atomic<bool>,
    owner: O,
}

// SAFETY: The array has no thread affinity, nor has the owner.
unsafe impl<O: Owner> Send for PageArray<O> {}

// SAFETY: All access through `&self` is synchronized by the lock of `xa`, or by RCU; the owner is
// `Sync`.
unsafe impl<O: Owner> Sync for PageArray<O> {}

/// What became of a page that was to be inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The array has it.
    Stored,
    /// There was a page already; the new one is freed.
    Occupied,
}

impl<O: Owner> PageArray<O> {
    /// Returns an initializer for an empty array.
    pub fn new(owner: O) -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: `xa_init_flags()` makes a valid, empty array.
            xa <- Opaque::ffi_init(|xa| {
                // SAFETY: `xa` points to writable memory.
                unsafe { bindings::xa_init_flags(xa, 0) }
            }),
            len: Atomic::new(0),
            deferred: Atomic::new(false),
            owner,
        })
    }

    /// Returns the owner.
    #[inline]
    pub fn owner(&self) -> &O {
        &self.owner
    }

    /// Begins to look at pages.
    #[inline(always)]
    pub fn cursor(&self) -> Cursor<'_> {
        // SAFETY: By the type invariant, the array is valid, and its entries are pages that are freed
        // a grace period after they were removed.
        unsafe { Cursor::new(&self.xa) }
    }

    /// Returns whether there is a page at `index`. Does not sleep.
    pub fn contains(&self, index: usize) -> bool {
        // SAFETY: By the type invariant, `xa` is valid. The entry is not looked into.
        !unsafe { bindings::xa_load(self.xa.get(), index) }.is_null()
    }

    /// Inserts a page at `index`, unless there is one.
    ///
    /// Fails with [`ENOMEM`] if the array itself cannot grow with what `gfp` allows; `page` is
    /// then freed. Sleeps if `gfp` allows it.
    pub fn insert(&self, index: usize, page: SafePage, gfp: Gfp) -> Result<Inserted> {
        let new = page.into_raw();

        self.lock();
        // SAFETY: By the type invariant, `xa` is valid; it is locked.
        let old = unsafe {
            bindings::__xa_cmpxchg(
                self.xa.get(),
                index,
                ptr::null_mut(),
                new.as_ptr().cast(),
                gfp.as_raw(),
            )
        };
        // SAFETY: `old` is what `__xa_cmpxchg()` returned.
        let result = match unsafe { (NonNull::new(old), bindings::xa_err(old)) } {
            (None, _) => {
                // INVARIANT: The array now owns `new` and its reference.
                self.add_len(1);
                Ok(Inserted::Stored)
            }
            (Some(_), 0) => Ok(Inserted::Occupied),
            (_, errno) => Err(Error::from_errno(errno)),
        };
        self.unlock();

        if !matches!(result, Ok(Inserted::Stored)) {
            // SAFETY: `new` comes from `into_raw()`, and the array did not take it.
            drop(unsafe { SafePage::from_raw(new) });
        }
        result
    }

    /// Removes the pages in `range` and returns their number.
    ///
    /// Takes time for the pages that are there, not for the range. They are freed after a grace
    /// period of RCU, which is not waited for: the [`Owner`] is notified, and [`mm::rcu_barrier`] waits
    /// for it. May sleep.
    pub fn remove(&self, range: RangeInclusive<usize>) -> usize {
        self.take_all(range, |batch, taken| {
            self.deferred.store(true, Relaxed);
            self.owner.removed(taken);
            for page in batch.iter().flatten() {
                // SAFETY: The array owned the page, and gives it away; nobody finds it any more, and
                // a task that has found it has locked RCU. By the type invariant, the owner, which is
                // pinned, is there until then.
                unsafe {
                    bindings::call_rcu_page(
                        page.as_ptr(),
                        ptr::from_ref(&self.owner).cast(),
                        Some(Self::free),
                    )
                };
            }
        })
    }

    /// Frees a page that was removed, and notifies the owner.
    ///
    /// # Safety
    ///
    /// Only RCU may call this, for a page that [`PageArray::remove`] has left to it.
    unsafe extern "C" fn free(head: *mut bindings::callback_head) {
        // SAFETY: By the requirements of this function. Nobody has the page any more.
        let owner: *const O = unsafe { bindings::free_called_page(head) }.cast();

        // SAFETY: By the invariant of the array, it lives, and with it the owner.
        unsafe { &*owner }.freed();
    }

    /// Takes all pages of a range out of the array and hands them to `free`, some at a time, with how
    /// many these are; returns their number.
    fn take_all(&self, range: RangeInclusive<usize>, free: impl Fn(&Batch, usize)) -> usize {
        let (first, last) = range.into_inner();
        let mut next = Some(first);
        let mut removed = 0;

        while let Some(first) = next.filter(|&first| first <= last) {
            let mut batch = [None; BATCH];
            let taken;
            (taken, next) = self.take_batch(first, last, &mut batch);

            if taken != 0 {
                free(&batch, taken);
            }
            removed += taken;
            mm::cond_resched();
        }
        removed
    }

    /// Takes pages out of the array, from `first` to `last`, until `batch` is full.
    ///
    /// The array gives them away. Returns their number, and where to go on, if there may be more.
    fn take_batch(&self, first: usize, last: usize, batch: &mut Batch) -> (usize, Option<usize>) {
        let mut state = State::new(&self.xa, first);
        let mut next = None;
        let mut taken = 0;

        self.lock();
        for slot in batch {
            // SAFETY: By the type invariant, the array is valid; it is locked.
            let page = unsafe { state.find(last) };
            next = page.and_then(|_| state.index().checked_add(1));
            let Some(page) = page else { break };

            // INVARIANT: The page moves to `slot`.
            // SAFETY: The array is locked, and `find()` found an entry.
            unsafe { state.clear() };
            *slot = Some(page);
            taken += 1;
        }
        self.sub_len(taken);
        self.unlock();
        (taken, next)
    }

    /// Returns the number of pages.
    pub fn len(&self) -> usize {
        self.len.load(Relaxed)
    }

    /// Returns whether there are no pages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn lock(&self) {
        // SAFETY: By the type invariant, `xa` is valid.
        unsafe { bindings::xa_lock(self.xa.get()) };
    }

    #[inline]
    fn unlock(&self) {
        // SAFETY: By the type invariant, `xa` is valid; callers have locked it.
        unsafe { bindings::xa_unlock(self.xa.get()) };
    }

    /// Counts entries that came. The lock must be held, so there is one writer.
    fn add_len(&self, pages: usize) {
        self.len.store(self.len().wrapping_add(pages), Relaxed);
    }

    /// Counts entries that went, as [`PageArray::add_len`].
    fn sub_len(&self, pages: usize) {
        self.len.store(self.len().wrapping_sub(pages), Relaxed);
    }
}

#[pinned_drop]
impl<O: Owner> PinnedDrop for PageArray<O> {
    fn drop(self: Pin<&mut Self>) {
        self.take_all(0..=usize::MAX, |batch, _| {
            for &page in batch.iter().flatten() {
                // SAFETY: The page comes from `into_raw()`, and there is nobody who looks at it.
                drop(unsafe { SafePage::from_raw(page) });
            }
        });
        if self.deferred.load(Relaxed) {
            // What frees pages needs the owner, and is part of this module, which may be gone soon.
            mm::rcu_barrier();
        }

        // SAFETY: By the type invariant, `xa` is valid; it holds no page any more.
        unsafe { bindings::xa_destroy(self.xa.get()) };
    }
}
