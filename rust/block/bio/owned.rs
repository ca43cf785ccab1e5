// SPDX-License-Identifier: GPL-2.0

//! Bios that a driver must end.

use super::Bio;
use crate::{
    bindings,
    block::error::{
        to_status,
        BlkError,
        BlkResult, //
    },
};
use core::{
    mem::ManuallyDrop,
    ops::Deref,
    ptr::NonNull, //
};

/// A bio that was handed to a bio-based driver.
///
/// The driver ends it; a bio that is dropped is ended with an error.
///
/// # Examples
///
/// ```ignore
/// fn submit_bio(disk: &GenDisk<Disk>, bio: OwnedBio) {
///     let result = disk.data().transfer(&bio);
///     bio.end(result);
/// }
/// ```
///
/// # Invariants
///
/// The pointer is a valid bio that was submitted, and that only `self` may end.
pub struct OwnedBio(NonNull<bindings::bio>);

// SAFETY: A bio may be ended on any thread.
unsafe impl Send for OwnedBio {}

impl OwnedBio {
    /// Takes ownership of a raw bio.
    ///
    /// # Safety
    ///
    /// `bio` must be a valid bio that the block layer has handed to the driver, and that nothing
    /// else ends.
    #[inline]
    pub(in crate::block) unsafe fn from_raw(bio: *mut bindings::bio) -> Self {
        // INVARIANT: By the safety requirements of this function.
        // SAFETY: A valid pointer is not null.
        Self(unsafe { NonNull::new_unchecked(bio) })
    }

    /// Splits off what exceeds the limits of the queue and submits it again.
    ///
    /// Returns what fits, or [`None`] if the bio was ended, with an error, in place of being
    /// split. May sleep, unless the bio has [`Flag::NoWait`](super::Flag::NoWait).
    #[inline]
    pub fn split_to_limits(self) -> Option<Self> {
        let bio = ManuallyDrop::new(self).0;

        // SAFETY: By the type invariant, the bio is valid, and ours to split.
        let bio = unsafe { bindings::bio_split_to_limits(bio.as_ptr()) };

        // INVARIANT: The block layer returns a bio that is ours to end, or has ended it.
        NonNull::new(bio).map(Self)
    }

    /// Ends the bio.
    #[inline]
    pub fn end(self, result: BlkResult) {
        let bio = ManuallyDrop::new(self).0.as_ptr();

        // SAFETY: By the type invariant, the bio is valid, and ours to end. Nothing uses it from
        // here on.
        unsafe {
            (*bio).bi_status = to_status(result);
            bindings::bio_endio(bio);
        }
    }
}

impl Deref for OwnedBio {
    type Target = Bio;

    #[inline]
    fn deref(&self) -> &Bio {
        // SAFETY: By the type invariant, the bio is valid, and nothing changes it while `self`
        // owns it.
        unsafe { Bio::from_raw(self.0) }
    }
}

impl Drop for OwnedBio {
    #[inline]
    fn drop(&mut self) {
        // INVARIANT: `self` goes away.
        Self(self.0).end(Err(BlkError::IOERR));
    }
}
