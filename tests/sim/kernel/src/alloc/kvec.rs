// SPDX-License-Identifier: GPL-2.0

//! Vectors.

use super::{
    charge,
    AllocError,
    Flags, //
};
use crate::error::{
    code::EINVAL,
    Error, //
};
use core::ops::{
    Deref,
    DerefMut, //
};

/// A vector.
#[derive(Debug, PartialEq, Eq)]
pub struct KVec<T>(Vec<T>);

/// A vector whose memory need not be contiguous.
pub type KVVec<T> = KVec<T>;

impl<T> KVec<T> {
    /// Makes an empty vector, which allocates nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Allocates room for so many elements.
    pub fn with_capacity(capacity: usize, flags: Flags) -> Result<Self, AllocError> {
        if capacity != 0 {
            charge(flags)?;
        }
        Ok(Self(Vec::with_capacity(capacity)))
    }

    /// Allocates a vector of equal elements.
    pub fn from_elem(value: T, n: usize, flags: Flags) -> Result<Self, AllocError>
    where
        T: Clone,
    {
        if n != 0 {
            charge(flags)?;
        }
        Ok(Self(vec![value; n]))
    }

    /// Has room for more elements.
    pub fn reserve(&mut self, more: usize, flags: Flags) -> Result<(), AllocError> {
        if self.0.capacity() - self.0.len() < more {
            charge(flags)?;
            self.0.reserve(more);
        }
        Ok(())
    }

    /// Appends an element.
    pub fn push(&mut self, value: T, flags: Flags) -> Result<(), AllocError> {
        self.reserve(1, flags)?;
        self.0.push(value);
        Ok(())
    }

    /// Appends an element, if there is room.
    pub fn push_within_capacity(&mut self, value: T) -> Result<(), PushError<T>> {
        if self.0.len() == self.0.capacity() {
            return Err(PushError(value));
        }
        self.0.push(value);
        Ok(())
    }

    /// Appends elements.
    pub fn extend_from_slice(&mut self, more: &[T], flags: Flags) -> Result<(), AllocError>
    where
        T: Clone,
    {
        self.reserve(more.len(), flags)?;
        self.0.extend_from_slice(more);
        Ok(())
    }

    /// Makes it that long.
    pub fn resize(&mut self, len: usize, value: T, flags: Flags) -> Result<(), AllocError>
    where
        T: Clone,
    {
        self.reserve(len.saturating_sub(self.0.len()), flags)?;
        self.0.resize(len, value);
        Ok(())
    }

    /// Takes the last element.
    pub fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    /// Removes an element.
    pub fn remove(&mut self, index: usize) -> Result<T, RemoveError> {
        if index < self.0.len() {
            Ok(self.0.remove(index))
        } else {
            Err(RemoveError)
        }
    }

    /// Keeps the elements for which `f` holds.
    pub fn retain(&mut self, mut f: impl FnMut(&mut T) -> bool) {
        self.0.retain_mut(|value| f(value));
    }

    /// Takes all elements.
    pub fn drain_all(&mut self) -> std::vec::Drain<'_, T> {
        self.0.drain(..)
    }

    /// Keeps the first elements.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// Removes all elements.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns for how many elements there is room.
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

/// There was no room.
#[derive(Debug)]
pub struct PushError<T>(pub T);

/// There is no such element.
#[derive(Debug)]
pub struct RemoveError;

impl<T> From<PushError<T>> for Error {
    fn from(_: PushError<T>) -> Self {
        EINVAL
    }
}

impl From<RemoveError> for Error {
    fn from(_: RemoveError) -> Self {
        EINVAL
    }
}

impl<T> Default for KVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for KVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for KVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T> AsRef<[T]> for KVec<T> {
    fn as_ref(&self) -> &[T] {
        &self.0
    }
}

impl<T> AsMut<[T]> for KVec<T> {
    fn as_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T> IntoIterator for KVec<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a KVec<T> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut KVec<T> {
    type Item = &'a mut T;
    type IntoIter = core::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}
