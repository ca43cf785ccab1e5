// SPDX-License-Identifier: GPL-2.0

//! What becomes of a read or a write of a lower file.
//!
//! It may do only a part of what it was asked for: then the rest is asked for, from where it has
//! stopped. A lack of memory passes, so whoever waits for the request never hears of it.

use super::layout::Part;

/// Why a read or a write of a lower file fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// For want of memory, or of something else that comes back: `ENOMEM`, `EAGAIN`, `EINTR`, `ERESTART…`.
    Passing,
    /// For want of space: `ENOSPC`, `EDQUOT`, `EFBIG`.
    NoSpace,
    /// The lower file cannot do this at all: `EOPNOTSUPP`.
    Unsupported,
    /// For any other reason.
    Io,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask for the rest.
    Again,
    /// Ask for the rest after a pause.
    Later,
    /// It is done; so many bytes at the end of the range are to be filled with zeros.
    Complete(u64),
    /// It has failed, never with [`Failure::Passing`].
    Fail(Failure),
}

/// A range of a lower file that is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    offset: u64,
    length: u64,
    done: u64,
    /// If the file ends behind so many bytes, the rest reads as zeros.
    must: u64,
    /// Behind the range, not to be asked for.
    zeros: u64,
}

impl Transfer {
    /// A write of all `length` bytes.
    pub const fn write(offset: u64, length: u64) -> Self {
        Self {
            offset,
            length,
            done: 0,
            must: length,
            zeros: 0,
        }
    }

    /// A read of sectors of the backing file. What is behind its end, in its last sector, reads as zeros,
    /// whatever is there now.
    pub const fn read_backing(part: Part) -> Self {
        Self {
            offset: part.offset,
            length: part.present,
            done: 0,
            must: part.present,
            zeros: part.zeros,
        }
    }

    /// A read of sectors of the image, at `offset` there. The image may end where the backing file does,
    /// in its last sector.
    pub const fn read_cow(offset: u64, part: Part) -> Self {
        Self {
            offset,
            length: part.present.saturating_add(part.zeros),
            done: 0,
            must: part.present,
            zeros: 0,
        }
    }

    /// Where to go on, in bytes from the start of the lower file.
    pub fn offset(&self) -> u64 {
        self.offset.saturating_add(self.done)
    }

    /// How many bytes are done, from the start of the range.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// How many bytes are to be asked for.
    pub fn rest(&self) -> u64 {
        self.length.saturating_sub(self.done)
    }

    /// Takes how many bytes were read or written, or why not.
    pub fn got(&mut self, result: Result<u64, Failure>) -> Next {
        match result {
            Err(Failure::Passing) => Next::Later,
            Err(failure) => Next::Fail(failure),
            Ok(bytes) if bytes > self.rest() => Next::Fail(Failure::Io),
            Ok(0) => self.ended(),
            Ok(bytes) => {
                self.done = self.done.saturating_add(bytes);
                match self.rest() {
                    0 => Next::Complete(self.zeros),
                    _ => Next::Again,
                }
            }
        }
    }

    /// Nothing more is there, or nothing more can be written.
    fn ended(&self) -> Next {
        if self.done < self.must {
            return Next::Fail(Failure::Io);
        }
        Next::Complete(self.rest().saturating_add(self.zeros))
    }
}
