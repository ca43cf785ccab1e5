// SPDX-License-Identifier: GPL-2.0

//! Boxes.

use super::{
    charge,
    AllocError,
    Flags, //
};
use crate::init::InPlaceInit;
use core::{
    mem::MaybeUninit,
    ops::{
        Deref,
        DerefMut, //
    },
    pin::Pin,
};
use pinned_init::PinInit;

/// A box.
#[derive(Debug)]
pub struct KBox<T: ?Sized>(Box<T>);

impl<T> KBox<T> {
    /// Allocates a box for a value.
    pub fn new(value: T, flags: Flags) -> Result<Self, AllocError> {
        charge(flags)?;
        Ok(Self(Box::new(value)))
    }

    /// Pins a value in a box.
    pub fn pin(value: T, flags: Flags) -> Result<Pin<Self>, AllocError> {
        Ok(Self::into_pin(Self::new(value, flags)?))
    }

    /// Pins the box.
    #[allow(unsafe_code)]
    pub fn into_pin(this: Self) -> Pin<Self> {
        // SAFETY: What a box points to stays where it is when the box moves, and nothing takes it
        // out of a pinned box.
        unsafe { Pin::new_unchecked(this) }
    }

    /// Takes the value out.
    pub fn into_inner(this: Self) -> T {
        *this.0
    }
}

impl<T> InPlaceInit<T> for KBox<T> {
    type PinnedSelf = Pin<Self>;

    #[allow(unsafe_code)]
    fn try_pin_init<E>(init: impl PinInit<T, E>, flags: Flags) -> Result<Pin<Self>, E>
    where
        E: From<AllocError>,
    {
        charge(flags)?;
        let mut place = Box::new(MaybeUninit::<T>::uninit());
        // SAFETY: The place is valid for writes, and stays where it is. If it fails, nothing looks
        // at it, and nothing drops what is in it.
        unsafe { init.__pinned_init(place.as_mut_ptr()) }?;
        // SAFETY: It has been initialized.
        let value = unsafe { Box::from_raw(Box::into_raw(place).cast::<T>()) };
        Ok(Self::into_pin(Self(value)))
    }
}

impl<T: ?Sized> Deref for KBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for KBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
