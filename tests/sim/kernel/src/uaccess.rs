// SPDX-License-Identifier: GPL-2.0

//! Memory of user space. In a simulation there is none: each access fails.

use crate::error::{
    code::*,
    Result, //
};

/// An address of user space.
#[derive(Clone, Copy)]
pub struct UserPtr(());

impl UserPtr {
    /// Takes a number for an address.
    pub fn from_addr(_addr: usize) -> Self {
        Self(())
    }
}

/// Some memory of user space.
pub struct UserSlice(());

/// Reads from it.
pub struct UserSliceReader(());

/// Writes to it.
pub struct UserSliceWriter(());

impl UserSlice {
    /// Takes some memory.
    pub fn new(_ptr: UserPtr, _len: usize) -> Self {
        Self(())
    }

    /// Reads from it.
    pub fn reader(self) -> UserSliceReader {
        UserSliceReader(())
    }

    /// Writes to it.
    pub fn writer(self) -> UserSliceWriter {
        UserSliceWriter(())
    }

    /// Reads from it and writes to it.
    pub fn reader_writer(self) -> (UserSliceReader, UserSliceWriter) {
        (UserSliceReader(()), UserSliceWriter(()))
    }
}

impl UserSliceReader {
    /// Reads a value.
    pub fn read<T>(&mut self) -> Result<T> {
        crate::sim::might_sleep("copy_from_user()");
        Err(EFAULT)
    }

    /// Reads bytes.
    pub fn read_slice(&mut self, _out: &mut [u8]) -> Result {
        crate::sim::might_sleep("copy_from_user()");
        Err(EFAULT)
    }
}

impl UserSliceWriter {
    /// Writes bytes.
    pub fn write_slice(&mut self, _bytes: &[u8]) -> Result {
        crate::sim::might_sleep("copy_to_user()");
        Err(EFAULT)
    }
}
