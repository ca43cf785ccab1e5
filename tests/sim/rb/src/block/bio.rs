// SPDX-License-Identifier: GPL-2.0

//! Block I/O descriptors.

#[allow(dead_code, reason = "others use the rest in the kernel")]
#[path = "../../../../../rust/block/bio/command.rs"]
mod command;
mod segment;

pub use command::{
    Command,
    Flag,
    Flags, //
};
pub use segment::{
    Destination,
    Direction,
    Piece,
    Segment,
    SegmentIter,
    Source, //
};

/// A block I/O descriptor.
#[derive(Clone)]
pub struct Bio {
    pub(crate) command: Command,
    pub(crate) flags: Flags,
    pub(crate) sector: u64,
    pub(crate) bytes: u32,
    pub(crate) pieces: Vec<Piece>,
    /// Most sectors of a request.
    pub(crate) most: u32,
}

impl Bio {
    /// Makes a bio.
    pub fn new(
        command: Command,
        flags: Flags,
        sector: u64,
        bytes: u32,
        pieces: Vec<Piece>,
    ) -> Self {
        Self {
            command,
            flags,
            sector,
            bytes,
            pieces,
            most: u32::MAX,
        }
    }

    /// Returns the first sector, in units of 512 bytes.
    pub fn sector(&self) -> u64 {
        self.sector
    }

    /// Returns the number of bytes.
    pub fn bytes(&self) -> u32 {
        self.bytes
    }

    /// Returns the operation.
    pub fn command(&self) -> Command {
        self.command
    }

    /// Returns the flags of the operation.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// Returns the data of a write, segment by segment.
    pub fn source(&self) -> Option<SegmentIter<'_, Source>> {
        (self.command == Command::Write).then(|| SegmentIter::new(&self.pieces))
    }

    /// Returns where the data of a read goes, segment by segment.
    pub fn destination(&self) -> Option<SegmentIter<'_, Destination>> {
        (self.command == Command::Read).then(|| SegmentIter::new(&self.pieces))
    }

    /// Cuts off the first sectors.
    pub(crate) fn split(&mut self, sectors: u32) -> Self {
        let bytes = sectors << super::SECTOR_SHIFT;
        let mut head = self.clone();
        head.bytes = bytes;
        self.sector += u64::from(sectors);
        self.bytes -= bytes;
        if !self.pieces.is_empty() {
            head.pieces = cut(&mut self.pieces, bytes as usize);
        }
        head
    }
}

/// Takes the first bytes.
fn cut(pieces: &mut Vec<Piece>, mut bytes: usize) -> Vec<Piece> {
    let mut head = Vec::new();
    while bytes != 0 && !pieces.is_empty() {
        let piece = pieces.remove(0);
        if piece.len > bytes {
            let mut rest = piece.clone();
            rest.offset += bytes;
            rest.len -= bytes;
            pieces.insert(0, rest);
        }
        let len = piece.len.min(bytes);
        bytes -= len;
        head.push(Piece { len, ..piece });
    }
    head
}

/// An iterator over a chain of bios, such as those of a request.
pub struct BioIter<'a>(pub(crate) core::slice::Iter<'a, Bio>);

impl<'a> Iterator for BioIter<'a> {
    type Item = &'a Bio;

    fn next(&mut self) -> Option<&'a Bio> {
        self.0.next()
    }
}
