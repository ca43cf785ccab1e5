// SPDX-License-Identifier: GPL-2.0

//! The text of an attribute that is being read.

use kernel::{
    fmt,
    page::PAGE_SIZE,
    prelude::*, //
};

/// The text of an attribute that is being read: at most one page less one byte.
///
/// What does not fit is an error, never a silent cut: once a write has failed, the whole read
/// fails with `EOVERFLOW`, even if the writer ignores it.
///
/// # Examples
///
/// ```
/// # use rb::sysfs::Output;
/// # struct Disk(u32, u32);
/// fn show(disk: &Disk, out: &mut Output<'_>) -> Result {
///     out.print(fmt!("{} of {}\n", disk.0, disk.1))
/// }
/// ```
pub struct Output<'a> {
    page: &'a mut [u8],
    len: usize,
    overflow: bool,
}

impl<'a> Output<'a> {
    /// The most bytes that an attribute can hold; sysfs keeps the last one of the page.
    pub const CAPACITY: usize = PAGE_SIZE - 1;

    /// Writes to `page`, of which no more than [`Output::CAPACITY`] bytes are used.
    pub fn new(page: &'a mut [u8]) -> Self {
        let capacity = page.len().min(Self::CAPACITY);
        let page = page.get_mut(..capacity).unwrap_or_default();
        Self {
            page,
            len: 0,
            overflow: false,
        }
    }

    /// Appends bytes, or fails with `EOVERFLOW` and appends nothing.
    pub fn write_bytes(&mut self, bytes: &[u8]) -> Result {
        let rest = self.page.get_mut(self.len..).unwrap_or_default();
        let Some(room) = rest.get_mut(..bytes.len()) else {
            self.overflow = true;
            return Err(EOVERFLOW);
        };
        room.copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }

    /// Appends formatted text: `out.print(fmt!("{} {}\n", a, b))`.
    pub fn print(&mut self, args: fmt::Arguments<'_>) -> Result {
        fmt::Write::write_fmt(self, args).map_err(|_| EOVERFLOW)
    }

    /// Appends a value and a new line: all there is to do in most attributes.
    pub fn line<T: fmt::Display>(&mut self, value: T) -> Result {
        self.print(fmt!("{value}\n"))
    }

    /// Returns how many bytes were written, given the result of the one who wrote them.
    pub fn finish(self, result: Result) -> Result<usize> {
        if self.overflow {
            return Err(EOVERFLOW);
        }
        result.map(|()| self.len)
    }
}

impl fmt::Write for Output<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.write_bytes(s.as_bytes()).map_err(|_| fmt::Error)
    }
}
