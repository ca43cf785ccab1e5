// SPDX-License-Identifier: GPL-2.0

//! Block I/O descriptors.
//!
//! C header: [`include/linux/bio.h`](srctree/include/linux/bio.h)

mod command;
mod segment;

pub(crate) use segment::EntryIter;

pub use command::{
    Command,
    Flag,
    Flags, //
};
pub use segment::{
    Destination,
    Direction,
    Segment,
    SegmentIter,
    Source, //
};

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::types::Opaque;

/// A block I/O descriptor that something else owns.
///
/// # Examples
///
/// ```
/// # use rb::{block::bio::Bio, page::PageMut};
/// # fn example(bio: &Bio, page: PageMut<'_>) -> Result {
/// for mut segment in bio.source().ok_or(EINVAL)? {
///     segment.copy_to_page(page, 0)?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// `self.0` is a valid `struct bio` whose `bi_iter` indexes into `bi_io_vec` if it is a read or a
/// write, and that nothing changes or ends while it is borrowed.
#[repr(transparent)]
pub struct Bio(Opaque<bindings::bio>);

impl Bio {
    /// Borrows a raw bio.
    ///
    /// # Safety
    ///
    /// `bio` must satisfy the invariants of [`Bio`] for `'a`.
    #[inline]
    pub unsafe fn from_raw<'a>(bio: NonNull<bindings::bio>) -> &'a Self {
        // SAFETY: By the safety requirements of this function; `Bio` is a transparent wrapper.
        unsafe { bio.cast::<Self>().as_ref() }
    }

    /// Returns the raw bio.
    #[inline]
    pub(crate) fn as_raw(&self) -> *mut bindings::bio {
        self.0.get()
    }

    #[inline]
    fn iter(&self) -> bindings::bvec_iter {
        // SAFETY: By the type invariant, `self.0` is valid.
        unsafe { (*self.0.get()).bi_iter }
    }

    #[inline]
    fn opf(&self) -> bindings::blk_opf_t {
        // SAFETY: By the type invariant, `self.0` is valid.
        unsafe { (*self.0.get()).bi_opf }
    }

    /// Returns the first sector, in units of 512 bytes.
    #[inline]
    pub fn sector(&self) -> u64 {
        self.iter().bi_sector
    }

    /// Returns the number of bytes.
    #[inline]
    pub fn bytes(&self) -> u32 {
        self.iter().bi_size
    }

    /// Returns the operation.
    #[inline]
    pub fn command(&self) -> Command {
        Command::from_raw(self.opf())
    }

    /// Returns the flags of the operation.
    #[inline]
    pub fn flags(&self) -> Flags {
        Flags::from_raw(self.opf())
    }

    /// Returns the data of a write, segment by segment, not following the chain of the bio.
    ///
    /// There is none unless the bio is a write: what others, such as a discard, have for a size is
    /// no data.
    #[inline]
    pub fn source(&self) -> Option<SegmentIter<'_, Source>> {
        if self.command() != Command::Write {
            return None;
        }
        // SAFETY: The bio is a write.
        Some(unsafe { self.segments() })
    }

    /// Returns where the data of a read goes, segment by segment, not following the chain of the
    /// bio.
    ///
    /// There is none unless the bio is a read.
    #[inline]
    pub fn destination(&self) -> Option<SegmentIter<'_, Destination>> {
        if self.command() != Command::Read {
            return None;
        }
        // SAFETY: The bio is a read.
        Some(unsafe { self.segments() })
    }

    /// Returns what is left of the entries of the vector of a bio that has data: reads and writes.
    pub(crate) fn entries(&self) -> Option<EntryIter<'_>> {
        if !matches!(self.command(), Command::Read | Command::Write) {
            return None;
        }
        // SAFETY: By the type invariant, `self.0` is valid, and `bi_iter` indexes into the vector.
        Some(unsafe { EntryIter::new((*self.0.get()).bi_io_vec, self.iter()) })
    }

    /// # Safety
    ///
    /// The bio must have data, of direction `D`.
    #[inline]
    unsafe fn segments<D: Direction>(&self) -> SegmentIter<'_, D> {
        // SAFETY: By the type invariant, `self.0` is valid.
        let bvecs = unsafe { (*self.0.get()).bi_io_vec };

        // SAFETY: By the type invariant, `bi_iter` indexes into the vector; the direction is right
        // by the requirements of this function.
        unsafe { SegmentIter::new(bvecs, self.iter()) }
    }
}

/// An iterator over a chain of bios, such as those of a request.
///
/// # Invariants
///
/// `next`, if any, is the head of a chain of bios that are valid for `'a`.
pub struct BioIter<'a> {
    next: Option<NonNull<bindings::bio>>,
    _p: PhantomData<&'a Bio>,
}

impl BioIter<'_> {
    /// Creates an iterator that starts at `bio`.
    ///
    /// # Safety
    ///
    /// `bio` must be null, or the head of a chain of valid bios that outlives the returned
    /// iterator.
    #[inline]
    pub unsafe fn from_raw(bio: *mut bindings::bio) -> Self {
        // INVARIANT: By the safety requirements of this function.
        Self {
            next: NonNull::new(bio),
            _p: PhantomData,
        }
    }

    /// Returns the raw bio that comes next, the head of a chain, or null.
    #[cfg(CONFIG_NET)]
    #[inline]
    pub(crate) fn as_raw(&self) -> *mut bindings::bio {
        self.next.map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }
}

impl<'a> Iterator for BioIter<'a> {
    type Item = &'a Bio;

    #[inline]
    fn next(&mut self) -> Option<&'a Bio> {
        let bio = self.next?;

        // INVARIANT: The next bio of a valid chain, if any, is the head of a valid chain.
        // SAFETY: By the type invariant, `bio` is valid.
        self.next = NonNull::new(unsafe { (*bio.as_ptr()).bi_next });

        // SAFETY: By the type invariant, `bio` is valid for `'a`.
        Some(unsafe { Bio::from_raw(bio) })
    }
}
