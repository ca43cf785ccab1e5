// SPDX-License-Identifier: GPL-2.0

//! Bios with pages of their own.

#[path = "../../../../../rust/block/page_bio/flight.rs"]
mod flight;

use self::flight::Flight;
use super::{
    bdev::BdevFile,
    bio::{
        Bio,
        Command,
        Direction,
        Flags,
        Piece,
        Segment,
        SegmentIter, //
    },
    error::{
        to_result,
        to_status,
        BlkResult, //
    },
    inflight::Inflight,
    SECTOR_SIZE, //
};
use crate::{
    page::{
        Memory,
        SafePageRef, //
    },
    sim::lower, //
};
use core::ops::Range;
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sim,
    sync::{
        Arc,
        Submit, //
    },
};
use std::sync::Arc as Shared;

/// Most pages of a bio.
const BIO_MAX_VECS: usize = 256;

/// What happens when a [`PageBio`] completes.
pub trait Completion: Send + Sync + 'static {
    /// Tells that [`PageBio::take_result`] has something to take.
    fn completed(&self);
}

/// A bio and the pages of its data.
#[pin_data(PinnedDrop)]
pub struct PageBio<C: Completion> {
    flights: Arc<Inflight>,
    pages: Vec<Shared<Memory>>,
    /// What the end of a flight touches; `flights` has the drop of this wait for it.
    end: Shared<End<C>>,
}

struct End<C> {
    flight: Flight,
    completion: C,
}

impl<C: Completion> PageBio<C> {
    /// Returns an initializer for a bio of `bytes` bytes.
    pub fn new(bytes: usize, completion: C) -> impl PinInit<Self, Error> {
        let nr = bytes.div_ceil(PAGE_SIZE);

        try_pin_init!(Self {
            flights: Inflight::new()?,
            end: Shared::new(End {
                flight: Flight::new(),
                completion,
            }),
            pages: alloc_pages(nr)?,
        }? Error)
    }

    /// Returns what was passed to [`PageBio::new`].
    pub fn completion(&self) -> &C {
        &self.end.completion
    }

    /// Takes the result of the last submission, once it has completed.
    pub fn take_result(&self) -> Option<BlkResult> {
        self.end.flight.take_status().map(to_result)
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> usize {
        self.pages.len() * PAGE_SIZE
    }

    /// Returns whether there are no pages.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Returns the page at `index`.
    pub fn page(&self, index: usize) -> Option<SafePageRef<'_>> {
        self.pages.get(index).map(|page| SafePageRef(page))
    }

    /// Copies the data of `bio` to the pages, from `offset` bytes on.
    pub fn copy_from_bio(&self, bio: &Bio, offset: usize) -> Result {
        self.for_each_part(bio.source(), offset, |segment, page, offset| {
            segment.copy_to_page(page.destination(), offset)
        })
    }

    /// Copies the pages, from `offset` bytes on, to the data of `bio`.
    pub fn copy_to_bio(&self, bio: &Bio, offset: usize) -> Result {
        self.for_each_part(bio.destination(), offset, |segment, page, offset| {
            segment.copy_from_page(page.source(), offset)
        })
    }

    fn for_each_part<D: Direction>(
        &self,
        segments: Option<SegmentIter<'_, D>>,
        mut offset: usize,
        mut copy: impl FnMut(&mut Segment<'_, D>, SafePageRef<'_>, usize) -> Result<usize>,
    ) -> Result {
        for mut segment in segments.ok_or(EINVAL)? {
            while !segment.is_empty() {
                let page = self.page(offset / PAGE_SIZE).ok_or(EINVAL)?;
                offset += copy(&mut segment, page, offset % PAGE_SIZE)?;
            }
        }
        Ok(())
    }

    /// Zeroes the pages.
    pub fn zero(&self) {
        for page in &self.pages {
            let _ = SafePageRef(page).destination().zero(0, PAGE_SIZE);
        }
    }

    fn pieces(&self, bytes: Range<usize>) -> Vec<Piece> {
        let (mut at, mut pieces) = (bytes.start, Vec::new());
        while at < bytes.end {
            let offset = at % PAGE_SIZE;
            let len = (bytes.end - at).min(PAGE_SIZE - offset);
            let page = self
                .pages
                .get(at / PAGE_SIZE)
                .expect("it is no more than all")
                .clone();
            pieces.push(Piece { page, offset, len });
            at += len;
        }
        pieces
    }
}

impl<C: Completion> Submit for PageBio<C> {
    type Lower = BdevFile;
    type Command = Command;
    type Flags = Flags;

    fn submit(
        this: &Arc<Self>,
        lower: &BdevFile,
        command: Command,
        flags: Flags,
        sector: u64,
        bytes: Range<usize>,
    ) -> Result {
        const SECTOR: usize = SECTOR_SIZE as usize;
        sim::might_sleep("submitting a bio");
        if !matches!(command, Command::Read | Command::Write)
            || bytes.is_empty()
            || bytes.end > this.len()
            || bytes.start % SECTOR != 0
            || bytes.end % SECTOR != 0
        {
            return Err(EINVAL);
        }
        if !this.end.flight.begin() {
            return Err(EBUSY);
        }
        let inflight = [lower.begin_io(), Inflight::begin(&this.flights)];
        let count = (bytes.end - bytes.start) as u32;
        let bio = Bio::new(command, flags, sector, count, this.pieces(bytes));
        let end = this.end.clone();
        lower::submit(
            lower.dev,
            bio,
            Box::new(move |result| {
                let _irq = sim::atomic("the end of a bio");
                end.flight.end(to_status(result));
                end.completion.completed();
                drop(end);
                // Last: now the driver may close the lower device, and free the bio.
                drop(inflight);
            }),
        );
        Ok(())
    }
}

#[pinned_drop]
impl<C: Completion> PinnedDrop for PageBio<C> {
    fn drop(self: Pin<&mut Self>) {
        sim::might_sleep("freeing a bio");
        self.flights.wait();
    }
}

fn alloc_pages(nr: usize) -> Result<Vec<Shared<Memory>>> {
    if nr > BIO_MAX_VECS {
        return Err(EINVAL);
    }
    (0..nr)
        .map(|_| {
            let allocated = sim::faults::allocate(sim::faults::Allocation::Kernel);
            allocated.then(|| Memory::filled(0)).ok_or(ENOMEM)
        })
        .collect()
}
