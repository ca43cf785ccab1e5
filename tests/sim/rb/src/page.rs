// SPDX-License-Identifier: GPL-2.0

//! Pages.

use crate::mm::Gfp;
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sim, //
};
use std::{
    cell::Cell,
    sync::{
        Arc as Shared,
        Mutex, //
    },
};

/// Bytes that are copied between two points at which another task may run.
const PIECE: usize = 512;

thread_local! {
    static IN_USE: Cell<usize> = const { Cell::new(0) };
}

/// Returns how many pages of this thread of the host are in use.
pub fn in_use() -> usize {
    IN_USE.with(Cell::get)
}

/// Begins to count anew.
pub(crate) fn reset() {
    IN_USE.with(|in_use| in_use.set(0));
}

/// The memory of a page.
#[doc(hidden)]
pub struct Memory(Mutex<Box<[u8]>>);

impl Drop for Memory {
    fn drop(&mut self) {
        IN_USE.with(|in_use| in_use.set(in_use.get().wrapping_sub(1)));
    }
}

impl Memory {
    /// Makes a page of a byte.
    pub fn filled(byte: u8) -> Shared<Self> {
        IN_USE.with(|in_use| in_use.set(in_use.get().wrapping_add(1)));
        Shared::new(Self(Mutex::new(vec![byte; PAGE_SIZE].into_boxed_slice())))
    }

    /// Calls `f` with some bytes of the page.
    pub fn with<R>(&self, offset: usize, len: usize, f: impl FnOnce(&mut [u8]) -> R) -> R {
        let mut bytes = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        f(bytes
            .get_mut(offset..offset + len)
            .expect("it was looked at before"))
    }

    /// Copies as two processors see it that touch the page at the same time.
    fn copy(&self, offset: usize, from: &Self, from_offset: usize, len: usize) {
        let mut buffer = [0; PIECE];
        let mut at = 0;

        while at < len {
            let step = (len - at).min(PIECE);
            let piece = buffer.get_mut(..step).expect("it is no more");
            sim::point();
            from.with(from_offset + at, step, |bytes| piece.copy_from_slice(bytes));
            self.with(offset + at, step, |bytes| bytes.copy_from_slice(piece));
            at += step;
        }
    }
}

/// A page to read from.
#[derive(Clone, Copy)]
pub struct PageRef<'a>(pub(crate) &'a Memory);

/// A page to write to.
#[derive(Clone, Copy)]
pub struct PageMut<'a>(pub(crate) &'a Memory);

impl PageMut<'_> {
    /// Copies from another page.
    pub fn copy_from(
        self,
        offset: usize,
        src: PageRef<'_>,
        src_offset: usize,
        len: usize,
    ) -> Result {
        if !in_page(offset, len) || !in_page(src_offset, len) {
            return Err(EINVAL);
        }
        self.0.copy(offset, src.0, src_offset, len);
        Ok(())
    }

    /// Zeroes a part.
    pub fn zero(self, offset: usize, len: usize) -> Result {
        if !in_page(offset, len) {
            return Err(EINVAL);
        }
        sim::point();
        self.0.with(offset, len, |bytes| bytes.fill(0));
        Ok(())
    }

    /// Does nothing here.
    pub fn flush_dcache(self) {}
}

fn in_page(offset: usize, len: usize) -> bool {
    len <= PAGE_SIZE && offset <= PAGE_SIZE - len
}

/// An owned page.
pub struct SafePage(pub(crate) Shared<Memory>);

impl SafePage {
    /// Allocates a page of zeroes.
    pub fn alloc_zeroed(gfp: Gfp) -> Result<Self> {
        allocate(gfp)?;
        Ok(Self(Memory::filled(0)))
    }

    /// Borrows the page.
    pub fn page(&self) -> SafePageRef<'_> {
        SafePageRef(&self.0)
    }
}

/// A page of the driver.
#[derive(Clone, Copy)]
pub struct SafePageRef<'a>(pub(crate) &'a Memory);

impl<'a> SafePageRef<'a> {
    /// Returns the page as one to read from.
    pub fn source(self) -> PageRef<'a> {
        PageRef(self.0)
    }

    /// Returns the page as one to write to.
    pub fn destination(self) -> PageMut<'a> {
        PageMut(self.0)
    }
}

/// A page whose contents are what somebody else has left in memory.
pub struct UninitPage(Shared<Memory>);

impl UninitPage {
    /// Allocates a page.
    pub fn alloc(gfp: Gfp) -> Result<Self> {
        allocate(gfp)?;
        Ok(Self(Memory::filled(0xa5)))
    }

    /// Copies to a part, and zeroes the rest.
    pub fn fill_from(
        self,
        offset: usize,
        src: PageRef<'_>,
        src_offset: usize,
        len: usize,
    ) -> Result<SafePage> {
        if !in_page(offset, len) {
            return Err(EINVAL);
        }
        let page = PageMut(&self.0);
        page.zero(0, offset)?;
        page.zero(offset + len, PAGE_SIZE - offset - len)?;
        page.copy_from(offset, src, src_offset, len)?;
        Ok(SafePage(self.0))
    }
}

fn allocate(gfp: Gfp) -> Result {
    sim::faults::allocate(gfp.0).then_some(()).ok_or(ENOMEM)
}
