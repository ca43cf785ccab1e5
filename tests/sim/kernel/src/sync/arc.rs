// SPDX-License-Identifier: GPL-2.0

//! Shared data.

use crate::{
    alloc::{
        charge,
        AllocError,
        Flags, //
    },
    init::InPlaceInit,
};
use core::{
    marker::Unsize,
    mem::MaybeUninit,
    ops::{
        CoerceUnsized,
        Deref,
        LegacyReceiver, //
    },
};
use pinned_init::PinInit;

/// Shared data, which never moves.
#[derive(Debug)]
pub struct Arc<T: ?Sized>(std::sync::Arc<T>);

impl<T> Arc<T> {
    /// Allocates memory for a value.
    pub fn new(value: T, flags: Flags) -> Result<Self, AllocError> {
        charge(flags)?;
        Ok(Self(std::sync::Arc::new(value)))
    }
}

impl<T: ?Sized> Arc<T> {
    /// Returns whether both share the same data.
    pub fn ptr_eq(a: &Self, b: &Self) -> bool {
        std::sync::Arc::ptr_eq(&a.0, &b.0)
    }

    /// Borrows it.
    pub fn as_arc_borrow(&self) -> ArcBorrow<'_, T> {
        ArcBorrow(self)
    }

    /// Returns what the host has of it.
    pub fn as_std(&self) -> &std::sync::Arc<T> {
        &self.0
    }
}

impl<T> InPlaceInit<T> for Arc<T> {
    type PinnedSelf = Self;

    #[allow(unsafe_code)]
    fn try_pin_init<E>(init: impl PinInit<T, E>, flags: Flags) -> Result<Self, E>
    where
        E: From<AllocError>,
    {
        charge(flags)?;
        let mut place = std::sync::Arc::new(MaybeUninit::<T>::uninit());
        if let Some(slot) = std::sync::Arc::get_mut(&mut place) {
            // SAFETY: The slot is valid for writes, and stays where it is. If this fails, nothing
            // looks at it, and nothing drops what is in it.
            unsafe { init.__pinned_init(slot.as_mut_ptr()) }?;
        }
        // SAFETY: It has been initialized, as there is no other reference yet. The two types have
        // the same layout.
        Ok(Self(unsafe {
            std::sync::Arc::from_raw(std::sync::Arc::into_raw(place).cast::<T>())
        }))
    }
}

// Methods may take it for `self`.
impl<T: ?Sized> LegacyReceiver for Arc<T> {}

// It becomes one of a trait object by itself.
impl<T: ?Sized + Unsize<U>, U: ?Sized> CoerceUnsized<Arc<U>> for Arc<T> {}

impl<T: ?Sized> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: ?Sized> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> AsRef<T> for Arc<T> {
    fn as_ref(&self) -> &T {
        &self.0
    }
}

/// A borrowed [`Arc`].
#[derive(Debug)]
pub struct ArcBorrow<'a, T: ?Sized>(&'a Arc<T>);

impl<T: ?Sized> Clone for ArcBorrow<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for ArcBorrow<'_, T> {}

impl<T: ?Sized> Deref for ArcBorrow<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}

impl<'a, T: ?Sized> ArcBorrow<'a, T> {
    /// Returns the [`Arc`] that is borrowed.
    #[doc(hidden)]
    pub fn as_arc(self) -> &'a Arc<T> {
        self.0
    }
}

impl<T: ?Sized> From<ArcBorrow<'_, T>> for Arc<T> {
    fn from(borrow: ArcBorrow<'_, T>) -> Self {
        borrow.0.clone()
    }
}

/// What a shared device of the layer does, which has to keep itself meanwhile.
///
/// In the layer, it is a method that takes an [`ArcBorrow`] for `self`.
#[doc(hidden)]
pub trait Submit {
    type Lower;
    type Command;
    type Flags;

    fn submit(
        this: &Arc<Self>,
        lower: &Self::Lower,
        command: Self::Command,
        flags: Self::Flags,
        sector: u64,
        bytes: core::ops::Range<usize>,
    ) -> crate::error::Result;
}

impl<T: Submit> ArcBorrow<'_, T> {
    /// Submits what it is; see the layer.
    pub fn submit(
        self,
        lower: &T::Lower,
        command: T::Command,
        flags: T::Flags,
        sector: u64,
        bytes: core::ops::Range<usize>,
    ) -> crate::error::Result {
        T::submit(self.0, lower, command, flags, sector, bytes)
    }
}
