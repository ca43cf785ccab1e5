// SPDX-License-Identifier: GPL-2.0

use kernel::{
    fmt,
    prelude::*, //
};

/// A read-only file that has a line of text for each of many things.
pub trait Listing: 'static {
    /// What the file is about.
    type Data: Send + Sync + 'static;

    /// The name of the file.
    const NAME: &'static CStr;

    /// Writes the whole list.
    fn list(data: &Self::Data, out: &mut Window<'_>) -> Result;
}

/// The part of a list that one read gets.
pub struct Window<'a> {
    buffer: &'a mut [u8],
    /// Where in the list the next text comes.
    at: u64,
    /// Where the window begins.
    pos: u64,
    full: bool,
}

impl<'a> Window<'a> {
    /// A window on what begins at byte `pos` of the list, as large as the buffer.
    pub fn new(buffer: &'a mut [u8], pos: u64) -> Self {
        Self {
            buffer,
            at: 0,
            pos,
            full: false,
        }
    }

    /// Appends formatted text to the list.
    pub fn print(&mut self, args: fmt::Arguments<'_>) -> Result {
        let text = args.to_string();
        for byte in text.bytes() {
            if let Some(index) = self.at.checked_sub(self.pos) {
                match self.buffer.get_mut(index as usize) {
                    Some(place) => *place = byte,
                    None => {
                        self.full = true;
                        return Err(EOVERFLOW);
                    }
                }
            }
            self.at += 1;
        }
        Ok(())
    }

    /// Returns how many bytes were put in the buffer.
    pub fn finish(self, result: Result) -> Result<usize> {
        if !self.full {
            result?;
        }
        Ok(self
            .at
            .saturating_sub(self.pos)
            .min(self.buffer.len() as u64) as usize)
    }
}

/// Reads all of a list, a page at a time.
pub(crate) fn read<D: ?Sized>(
    data: &D,
    list: fn(&D, &mut Window<'_>) -> Result,
) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let mut page = vec![0; kernel::page::PAGE_SIZE];
        let mut window = Window::new(&mut page, all.len() as u64);
        let result = list(data, &mut window);
        let len = window.finish(result)?;
        all.extend(page.into_iter().take(len));
        if len == 0 {
            return Ok(all);
        }
    }
}
