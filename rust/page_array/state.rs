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

    /// Starts over at the root; as `xas_reset()`.
    #[inline]
    pub(super) fn reset(&mut self) {
        // INVARIANT: A state in restart is valid.
        self.xas.xa_node = ptr::without_provenance_mut(XAS_RESTART);
    }

    /// Returns the page at this position.
    ///
    /// # Safety
    ///
    /// The array must be valid, and RCU be locked or the array.
    #[inline]
    pub(super) unsafe fn load(&mut self) -> Option<NonNull<bindings::page>> {
        loop {
            // SAFETY: By the type invariant and the safety requirements of this function.
            let entry = NonNull::new(unsafe { bindings::xas_load(&mut self.xas) })?;

            // As in `xas_retry()`: the walk met a node that is being freed.
            if !is_internal(entry) {
                return Some(entry.cast());
            }
            self.reset();
        }
    }

    /// Returns whether `page`, which [`State::load`] returned, is still at this position.
    ///
    /// # Safety
    ///
    /// RCU must have been locked without a break since then.
    #[inline]
    pub(super) unsafe fn still_has(&self, page: NonNull<bindings::page>) -> bool {
        let node = self.xas.xa_node;
        // The place of the entry, as in `xas_reload()`; an array of pages has no siblings.
        let entry = if node.is_null() {
            // SAFETY: By the type invariant, the array is valid.
            unsafe { &raw const (*self.xas.xa).xa_head }
        } else {
            // SAFETY: RCU keeps the node, to which `load()` got; `xa_offset` is a slot of it.
            unsafe {
                (&raw const (*node).slots)
                    .cast::<*mut c_void>()
                    .add(self.xas.xa_offset.into())
            }
        };

        // SAFETY: The place is valid, and written to by whole words only.
        ptr::eq(unsafe { entry.read_volatile() }, page.as_ptr().cast())
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
fn is_internal(entry: NonNull<c_void>) -> bool {
    entry.as_ptr().addr() & 3 == 2
}
