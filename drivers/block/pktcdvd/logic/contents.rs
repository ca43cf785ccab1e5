// SPDX-License-Identifier: GPL-2.0

//! Where data lies in the buffer of a packet.

use super::{
    buffer::Buffer,
    pieces::{
        Pieces,
        Tree, //
    },
    zone::Geometry, //
};

/// A run of data.
pub trait Part {
    /// How long it is.
    fn bytes(&self) -> usize;
}

/// A read or write.
pub trait Transfer {
    /// What its data comes in.
    type Part: Part;

    /// The first sector.
    fn sector(&self) -> u64;

    /// The number of sectors.
    fn sectors(&self) -> u32;

    /// Whether its submitter waits for it.
    fn is_urgent(&self) -> bool;

    /// All of its data, in order.
    fn parts(&self) -> impl Iterator<Item = &Self::Part>;
}

/// The pages of a buffer.
pub trait Pages<P> {
    /// Why data cannot be put there.
    type Error;

    /// The error for data that lies outside the packet.
    const MISPLACED: Self::Error;

    /// Fills all with zeroes.
    fn zero(&mut self);

    /// Puts a part of a write there, from byte `offset` on.
    fn put(&mut self, offset: usize, part: &P) -> Result<(), Self::Error>;
}

/// Lets writes join the packet of `buffer` if it is open, and adds them to its `pieces`. Returns
/// whether there was one.
///
/// `next` takes the oldest write of a zone out of the queue, with the number that says when it
/// came. `joins` is called for each write that is about to join. A write that cannot join is
/// dropped.
pub fn join<T, E>(
    geometry: &Geometry,
    buffer: &mut Buffer<E>,
    pieces: &mut Pieces<T>,
    mut next: impl FnMut(u64) -> Option<(u64, T::Request)>,
    mut joins: impl FnMut(&T::Request),
) -> bool
where
    T: Tree,
    T::Request: Transfer,
    E: Copy,
{
    let Some(zone) = buffer.zone().filter(|_| buffer.is_open()) else {
        return false;
    };
    let before = pieces.len();

    while let Some((seq, rq)) = next(zone.sector()) {
        let Some(frames) = geometry.span(rq.sector(), rq.sectors()) else {
            continue;
        };
        if buffer.accepts(frames) {
            joins(&rq);
            // First, so that no frame counts as covered without its data.
            if pieces.insert(zone.sector(), seq, rq) {
                buffer.join(frames);
            }
        }
    }
    pieces.len() != before
}

/// Puts the data of `writes` into the pages of a buffer, in their order: the last one wins. If
/// what the packet held before is `void`, the rest is zeroes.
///
/// # Errors
///
/// [`Pages::MISPLACED`] if a write is not one of the packet, and what [`Pages::put`] returns.
pub fn assemble<'a, R, P>(
    geometry: &Geometry,
    writes: impl Iterator<Item = &'a R>,
    void: bool,
    pages: &mut P,
) -> Result<(), P::Error>
where
    R: Transfer + 'a,
    P: Pages<R::Part>,
{
    if void {
        pages.zero();
    }
    for rq in writes {
        for (offset, part) in placed(geometry, rq).ok_or(P::MISPLACED)? {
            pages.put(offset, part)?;
        }
    }
    Ok(())
}

/// The data of a read or write, and where each part of it is in the buffer of its packet, in bytes.
///
/// [`None`] unless it is whole frames of one packet.
pub fn placed<'a, R: Transfer>(
    geometry: &Geometry,
    rq: &'a R,
) -> Option<impl Iterator<Item = (usize, &'a R::Part)> + use<'a, R>> {
    let frames = geometry.span(rq.sector(), rq.sectors())?;

    Some(rq.parts().scan(frames.byte_offset(), |next, part| {
        let offset = *next;
        *next = offset.saturating_add(part.bytes());
        Some((offset, part))
    }))
}
