// SPDX-License-Identifier: GPL-2.0
//! The export's contents, in memory.

use crate::protocol::error;
use std::ops::Range;
use std::sync::RwLock;

/// Bytes that start as zeroes.
pub struct Store {
    bytes: RwLock<Vec<u8>>,
    read_only: bool,
}

impl Store {
    /// An export of `size` bytes.
    pub fn new(size: usize, read_only: bool) -> Self {
        Self {
            bytes: RwLock::new(vec![0; size]),
            read_only,
        }
    }

    fn range(len: usize, offset: u64, length: u32, error: u32) -> Result<Range<usize>, u32> {
        let end = offset.checked_add(u64::from(length)).ok_or(error)?;
        if end > len as u64 {
            return Err(error);
        }
        Ok(offset as usize..end as usize)
    }

    /// A copy of what is there.
    pub fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, u32> {
        let bytes = self.bytes.read().map_err(|_| error::EIO)?;
        let range = Self::range(bytes.len(), offset, length, error::EINVAL)?;
        Ok(bytes[range].to_vec())
    }

    /// If the client is still `there`. One that hung up has sent the request again over another
    /// connection, perhaps followed by others, which must not be undone by a late first one.
    fn change(
        &self,
        there: impl FnOnce() -> bool,
        offset: u64,
        length: u32,
        f: impl FnOnce(&mut [u8]),
    ) -> Result<(), u32> {
        if self.read_only {
            return Err(error::EPERM);
        }
        let mut bytes = self.bytes.write().map_err(|_| error::EIO)?;
        if !there() {
            return Err(error::EIO);
        }
        let range = Self::range(bytes.len(), offset, length, error::ENOSPC)?;
        f(&mut bytes[range]);
        Ok(())
    }

    /// Puts `data` there.
    pub fn write(&self, there: impl FnOnce() -> bool, offset: u64, data: &[u8]) -> Result<(), u32> {
        self.change(there, offset, data.len() as u32, |b| {
            b.copy_from_slice(data)
        })
    }

    /// Zeroes, which is what a trimmed range reads as, too.
    pub fn zero(&self, there: impl FnOnce() -> bool, offset: u64, length: u32) -> Result<(), u32> {
        self.change(there, offset, length, |b| b.fill(0))
    }
}
