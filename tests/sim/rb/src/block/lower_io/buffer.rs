// SPDX-License-Identifier: GPL-2.0

//! Memory that I/O is done with.

use crate::{
    block::bio::Piece,
    sim::lower, //
};
use core::ops::{
    Deref,
    DerefMut,
    Range, //
};
use kernel::prelude::*;

/// Contiguous pages, as bytes.
pub struct IoBuffer(KVec<u8>);

impl IoBuffer {
    /// Allocates `len` bytes of zeroes.
    pub fn new(len: usize) -> Result<Self> {
        if len == 0 {
            return Err(EINVAL);
        }
        Ok(Self(KVec::from_elem(0, len, GFP_KERNEL)?))
    }

    /// Returns a copy of a part as pages.
    pub(super) fn pages(&self, part: Range<usize>) -> Result<Vec<Piece>> {
        let mut bytes = self.get(part).filter(|bytes| !bytes.is_empty());
        let pieces = lower::pages(bytes.map_or(0, <[u8]>::len));
        for piece in &pieces {
            let (now, later) = bytes.ok_or(EINVAL)?.split_at(piece.len);
            let fill = |place: &mut [u8]| place.copy_from_slice(now);
            piece.page.with(piece.offset, piece.len, fill);
            bytes = Some(later);
        }
        bytes.ok_or(EINVAL)?;
        Ok(pieces)
    }

    /// Takes the first bytes of pages into a part.
    pub(super) fn take(&mut self, mut at: usize, mut bytes: usize, pages: &[Piece]) {
        for piece in pages {
            let len = piece.len.min(bytes);
            if let Some(place) = self.get_mut(at..at + len) {
                piece
                    .page
                    .with(piece.offset, len, |from| place.copy_from_slice(from));
            }
            at += len;
            bytes -= len;
        }
    }
}

impl Deref for IoBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for IoBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
