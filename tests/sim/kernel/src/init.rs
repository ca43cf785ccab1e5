// SPDX-License-Identifier: GPL-2.0

//! Initializing in place.

use crate::{
    alloc::{
        AllocError,
        Flags, //
    },
    error::{
        Error,
        Result, //
    },
};
use pinned_init::PinInit;

/// Smart pointers that initialize what they point to.
pub trait InPlaceInit<T>: Sized {
    /// The pointer, pinned.
    type PinnedSelf;

    /// Allocates, and initializes.
    fn try_pin_init<E>(init: impl PinInit<T, E>, flags: Flags) -> Result<Self::PinnedSelf, E>
    where
        E: From<AllocError>;

    /// Allocates, and initializes.
    #[allow(unsafe_code)]
    fn pin_init<E>(init: impl PinInit<T, E>, flags: Flags) -> Result<Self::PinnedSelf>
    where
        Error: From<E>,
    {
        let init = move |slot: *mut T| {
            // SAFETY: Whoever calls this keeps the promises that the initializer asks for.
            unsafe { init.__pinned_init(slot) }.map_err(Error::from)
        };
        // SAFETY: As the initializer does.
        Self::try_pin_init(unsafe { pinned_init::pin_init_from_closure(init) }, flags)
    }
}

/// Initializes a field.
///
/// # Safety
///
/// As for `PinInit::__pinned_init`.
#[doc(hidden)]
#[allow(unsafe_code)]
pub unsafe fn make<T, E>(init: impl PinInit<T, E>, slot: *mut T) -> Result<(), E> {
    // SAFETY: By the requirements of this function.
    unsafe { init.__pinned_init(slot) }
}

/// Drops a field that is initialized, unless all others are in the end.
#[doc(hidden)]
pub struct DropGuard<T>(*mut T);

#[allow(unsafe_code)]
impl<T> DropGuard<T> {
    /// # Safety
    ///
    /// The pointer is valid, and what it points to is not used once this is dropped.
    pub unsafe fn new(field: *mut T) -> Self {
        Self(field)
    }
}

#[allow(unsafe_code)]
impl<T> Drop for DropGuard<T> {
    fn drop(&mut self) {
        // SAFETY: By the requirements of `new`.
        unsafe { core::ptr::drop_in_place(self.0) };
    }
}

/// As in the kernel: the error is [`Error`], if none is named.
#[macro_export]
macro_rules! try_init {
    ($t:ident { $($fields:tt)* }? $err:ty) => {
        $crate::pinned_init::try_init!($t { $($fields)* }? $err)
    };
    ($t:ident { $($fields:tt)* }) => {
        $crate::pinned_init::try_init!($t { $($fields)* }? $crate::error::Error)
    };
}
