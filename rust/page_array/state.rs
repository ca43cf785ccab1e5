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

    /// Returns the entry at this position, or null.
    ///
    /// # Safety
    ///
    /// The array must be valid, and RCU be locked, or the array.
    #[inline]
    pub(super) unsafe fn load(&mut self) -> *mut c_void {
        loop {
            // SAFETY: By the type invariant and the safety requirements of this function.
            let entry = unsafe { bindings::xas_load(&mut self.xas) };

            // As in `xas_retry()`: the walk met a node that is being freed.
            if !is_internal(entry) {
                return entry;
            }
            self.set(self.index());
        }
    }

    /// Returns the leaf that the position is in, if it is in one.
    ///
    /// # Safety
    ///
    /// RCU, or the array, must have been locked since the state was made, or since [`State::set`].
    #[inline]
    pub(super) unsafe fn leaf(&self) -> Option<Leaf> {
        let node = NonNull::new(self.xas.xa_node).filter(|&node| !is_state(node))?;

        // SAFETY: `load()` has got to the node, and RCU, or the lock, keeps it; its shift does not
        // change.
        if unsafe { (*node.as_ptr()).shift } != 0 {
            return None;
        }
        // INVARIANT: A node of shift 0 has the entries whose indices differ in the lowest bits only.
        Some(Leaf {
            // SAFETY: As above; what is in a node is not at null.
            slots: unsafe { NonNull::new_unchecked(&raw mut (*node.as_ptr()).slots) }.cast(),
            first: self.index() & !(SLOTS - 1),
        })
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

/// A node that has entries, not more nodes.
///
/// # Invariants
///
/// `slots` are the [`SLOTS`] entries of a node, of which the first has index `first`, a multiple of
/// their number.
#[derive(Clone, Copy)]
pub(super) struct Leaf {
    slots: NonNull<*mut c_void>,
    first: usize,
}

impl Leaf {
    /// Returns the entry at `index`, or null.
    ///
    /// [`None`] means that the array is to be asked: the index belongs to another node, or this one
    /// is being freed.
    ///
    /// # Safety
    ///
    /// RCU, or the array, must be locked since the leaf was found.
    #[inline]
    pub(super) unsafe fn get(&self, index: usize) -> Option<*mut c_void> {
        if index ^ self.first >= SLOTS {
            return None;
        }
        // SAFETY: By the type invariant; RCU, or the lock, keeps the node.
        let entry = unsafe { self.slots.add(index % SLOTS).read_volatile() };
        (!is_internal(entry)).then_some(entry)
    }

    /// Returns the last index of the run of pages that begins at `index`, at most `last`, as far as this
    /// node shows it.
    ///
    /// # Safety
    ///
    /// As for [`Leaf::get`]. There must be a page at `index`.
    #[inline]
    pub(super) unsafe fn skip_pages(&self, index: usize, last: usize) -> usize {
        // SAFETY: By the safety requirements of this function.
        let is_page = |at| unsafe { self.get(at) }.is_some_and(|entry| !entry.is_null());
        let mut at = index;

        while at < last && is_page(at + 1) {
            at += 1;
        }
        at
    }
}

/// Returns whether an entry is one of the array's own, `xa_is_internal()`.
#[inline]
fn is_internal(entry: *mut c_void) -> bool {
    entry.addr() & 3 == 2
}

/// Returns whether what stands for a node is a state of the walk, `xas_invalid()` and restart.
#[inline]
fn is_state(node: NonNull<bindings::xa_node>) -> bool {
    node.addr().get() & 3 != 0
}
