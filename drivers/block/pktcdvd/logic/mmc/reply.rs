// SPDX-License-Identifier: GPL-2.0

//! Replies of drives, which may be shorter than asked for.

use core::fmt;

/// Why a reply is unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyError {
    /// It ends before what has to be in it.
    Short {
        /// How many bytes are needed.
        needed: usize,
        /// How many came, or how many the reply says that it has.
        got: usize,
    },
    /// It is of another kind than was asked for.
    Other,
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { needed, got } => {
                write!(f, "a reply of {got} bytes is shorter than {needed}")
            }
            Self::Other => f.write_str("the reply is about something else"),
        }
    }
}

/// The bytes of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a>(&'a [u8]);

impl<'a> Reply<'a> {
    /// Takes the bytes that came.
    ///
    /// When it is not known how many came, these are all of the buffer, which was zeroed before.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Returns how many bytes there are.
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Returns whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Returns the reply up to `len` bytes.
    pub fn up_to(self, len: usize) -> Self {
        Self(self.0.get(..len).unwrap_or(self.0))
    }

    /// Returns what begins at `at`; nothing if the reply ends before.
    pub fn from(self, at: usize) -> Self {
        Self(self.0.get(at..).unwrap_or_default())
    }

    /// Returns the reply up to the length in its first two bytes, which do not include themselves.
    pub fn self_sized(self) -> Self {
        let rest = self.u16(0).map_or(0, usize::from);

        self.up_to(rest.saturating_add(2))
    }

    /// Checks that at least `needed` bytes came.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Short`] if not.
    pub fn require(self, needed: usize) -> Result<Self, ReplyError> {
        let got = self.len();

        if got < needed {
            return Err(ReplyError::Short { needed, got });
        }
        Ok(self)
    }

    /// Returns the byte at `at`, if it came.
    pub fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    /// Returns the 16-bit number at `at`, if all of it came.
    pub fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// Returns the 32-bit number at `at`, if all of it came.
    pub fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// Returns whether the byte at `at` came and has one of the bits of `mask` set.
    pub fn has(self, at: usize, mask: u8) -> bool {
        self.u8(at).is_some_and(|byte| byte & mask != 0)
    }

    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk().copied()
    }
}
