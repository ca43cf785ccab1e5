// SPDX-License-Identifier: GPL-2.0

//! The position of an operation on an array, `struct xa_state`.

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::{
        self,
        NonNull, //
    }, //
};
use kernel::{
    ffi::c_void,
    types::Opaque, //
};

/// `XAS_RESTART`: the walk starts at the root.
const XAS_RESTART: usize = 3;

/// How many entries a node has, `XA_CHUNK_SIZE`.
const SLOTS: usize = count(|node| &node.slots);

const fn count<const N: usize>(_: fn(&bindings::xa_node) -> &[*mut c_void; N]) -> usize {
    N
}

/// A position in an array of pages.
///
/// # Invariants
///
/// `xas` is a valid `struct xa_state` for an array that lives for `'a`.
pub(super) struct State<'a> {
    xas: bindings::xa_state,
    _p: PhantomData<&'a bindings::xarray>,
}

impl<'a> State<'a> {
    /// Returns the position `index` of `xa`; as `XA_STATE()`.
    #[inline]
    pub(super) fn new(xa: &'a Opaque<bindings::xarray>, index: usize) -> Self {
        // INVARIANT: These are the values that `XA_STATE()` sets.
        Self {
            xas: bindings::xa_state {
                xa: xa.get(),
                xa_index: index,
                xa_shift: 0,
                xa_sibs: 0,
                xa_offset: 0,
                xa_pad: 0,
                xa_node: ptr::without_provenance_mut(XAS_RESTART),
                xa_alloc: ptr::null_mut(),
                xa_update: None,
                xa_lru: ptr::null_mut(),
            },
            _p: PhantomData,
        }
    }

    /// Returns the index.
    #[inline]
    pub(super) fn index(&self) -> usize {
        self.xas.xa_index
    }

    /// Starts over at the root, for `index`; as `xas_set()`.
    #[inline]
    pub(super) fn set(&mut self, index: usize) {
        // INVARIANT: A state in restart is valid.
        self.xas.xa_index = index;
        self.xas.xa_node = ptr::without_provenance_mut(XAS_RESTART);
    }

    /// Moves to `index`, if that is next to the position, and returns the entry there, or null.
    ///
    /// [`None`] means that it takes [`State::set`] and [`State::load`]. As `xas_next()`, but moves by
    /// any distance within a node.
    ///
    /// # Safety
    ///
    /// The array must be valid, and RCU be locked, or the array, since [`State::set`].
    #[inline]
    pub(super) unsafe fn step(&mut self, index: usize) -> Option<*mut c_void> {
        let node = self.xas.xa_node;
        // As `xas_not_node()`.
        if node.is_null() || is_state(node) || (index ^ self.xas.xa_index) >= SLOTS {
            return None;
        }
        // SAFETY: `load()` has got to the node, and RCU, or the lock, keeps it; its shift does not
        // change.
        if unsafe { (*node).shift } != 0 {
            return None;
        }
        // INVARIANT: A node without a shift has all indices that differ in the lowest bits only.
        self.xas.xa_index = index;
        self.xas.xa_offset = (index % SLOTS) as u8;

        // SAFETY: As above, and `xa_offset` is a slot of the node.
        let entry = unsafe { self.slot(node).read_volatile() };
        // Of a node that is being freed.
        (!is_internal(entry)).then_some(entry)
    }

    /// Returns how many pages, at most `most`, are there from this position on, as far as its node
    /// tells.
    ///
    /// # Safety
    ///
    /// As for [`State::step`]; a page was found at this position.
    #[inline]
    pub(super) unsafe fn count_pages(&self, most: usize) -> usize {
        let node = self.xas.xa_node;
        if node.is_null() {
            // An array of one page has no node.
            return 1;
        }
        // SAFETY: RCU, or the lock, keeps the node that the page was found in.
        let slot = unsafe { self.slot(node) };
        let most = most.min(SLOTS - usize::from(self.xas.xa_offset));

        let is_page = |n: usize| {
            // SAFETY: That many slots follow in the node.
            let entry = unsafe { slot.add(n).read_volatile() };
            !entry.is_null() && !is_internal(entry)
        };
        (1..most).find(|&n| !is_page(n)).unwrap_or(most)
    }

    /// Returns where the entry at this position is in `node`.
    ///
    /// # Safety
    ///
    /// `node` must be valid.
    #[inline]
    unsafe fn slot(&self, node: *mut bindings::xa_node) -> *const *mut c_void {
        // SAFETY: By the type invariant, `xa_offset` is less than the number of slots.
        unsafe {
            (&raw const (*node).slots)
                .cast::<*mut c_void>()
                .add(self.xas.xa_offset.into())
        }
    }

    /// Returns the page at this position.
    ///
    /// # Safety
    ///
    /// As for [`State::step`].
    #[inline]
    pub(super) unsafe fn load(&mut self) -> Option<NonNull<bindings::page>> {
        loop {
            // SAFETY: By the type invariant and the safety requirements of this function.
            let entry = unsafe { bindings::xas_load(&mut self.xas) };

            // As in `xas_retry()`: the walk met a node that is being freed.
            if !is_internal(entry) {
                return NonNull::new(entry.cast());
            }
            self.set(self.index());
        }
    }

    /// Moves on to the next page up to index `last`, and returns it.
    ///
    /// The first call looks at the position the state was made with, too.
    ///
    /// # Safety
    ///
    /// The array must be valid and locked since the state was made.
    pub(super) unsafe fn find(&mut self, last: usize) -> Option<NonNull<bindings::page>> {
        // SAFETY: By the type invariant and the safety requirements of this function. With the
        // array locked there are no internal entries to meet.
        NonNull::new(unsafe { bindings::xas_find(&mut self.xas, last) }).map(NonNull::cast)
    }

    /// Clears the entry at this position, which takes no memory.
    ///
    /// # Safety
    ///
    /// As for [`State::find`], which must have found an entry here.
    pub(super) unsafe fn clear(&mut self) {
        // SAFETY: By the type invariant and the safety requirements of this function.
        unsafe { bindings::xas_store(&mut self.xas, ptr::null_mut()) };
    }
}

/// Returns whether an entry is one of the array's own, `xa_is_internal()`.
#[inline]
fn is_internal(entry: *mut c_void) -> bool {
    entry.addr() & 3 == 2
}

/// Returns whether what stands for a node is a state of the walk, `xas_invalid()` and restart.
#[inline]
fn is_state(node: *mut bindings::xa_node) -> bool {
    node.addr() & 3 != 0
}
