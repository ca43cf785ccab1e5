// SPDX-License-Identifier: GPL-2.0

//! Bios with pages of their own, for I/O that a driver starts by itself.
//!
//! C header: [`include/linux/bio.h`](srctree/include/linux/bio.h)

mod flight;

use self::flight::Flight;
use super::{
    bdev::BdevFile,
    bio::{
        Bio,
        Command,
        Direction,
        Flags,
        Segment,
        SegmentIter, //
    },
    error::{
        to_result,
        BlkResult, //
    },
    inflight::{
        Inflight,
        InflightGuard, //
    },
    SECTOR_SIZE, //
};
use crate::{
    bindings,
    page::SafePageRef, //
};
use core::{
    cell::UnsafeCell,
    ptr::NonNull, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
    types::Opaque, //
};

/// What happens when a [`PageBio`] completes.
pub trait Completion: Send + Sync + 'static {
    /// Called when [`PageBio::take_result`] has something to take.
    ///
    /// Any context, interrupts included: wakes someone. What is dropped here must not sleep.
    fn completed(&self);
}

/// A bio and the pages of its data, submitted again and again.
///
/// Everything is allocated at creation, so that I/O through it makes progress without memory.
/// Dropping this waits until the bio is not in flight, so it must not happen in atomic context; nor
/// does the [`BdevFile`] close before. A completion, which may be an interrupt, drops nothing.
///
/// One thread submits and takes results. Others that try meanwhile get [`EBUSY`], or its result.
///
/// The pages can be read and written any time. If a device and a processor use the same page at once, the
/// driver has to order that. It is never unsound, as no reference to the bytes exists.
///
/// # Examples
///
/// ```
/// # use kernel::sync::Arc;
/// # use rb::block::{bdev::BdevFile, bio::{Command, Flags}, page_bio::{Completion, PageBio}};
/// # fn example<C: Completion>(done: C, lower: BdevFile, zone: u64) -> Result {
/// let bio = Arc::pin_init(PageBio::new(64 << 10, done), GFP_KERNEL)?;
/// bio.as_arc_borrow().submit(&lower, Command::Read, Flags::empty(), zone, 0..64 << 10)?;
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// - `pages` are owned; `bvecs` has capacity for as many entries.
/// - During a flight, `bio`, `bvecs` and `inflight` belong to the task that began it, until `end_io` ends
///   it.
/// - From before a bio is submitted until `end_io` is done with `self`, `flights` counts it.
#[pin_data(PinnedDrop)]
pub struct PageBio<C: Completion> {
    #[pin]
    bio: Opaque<bindings::bio>,
    bvecs: UnsafeCell<KVec<bindings::bio_vec>>,
    /// What the lower device and `flights` wait for.
    inflight: UnsafeCell<Option<[InflightGuard; 2]>>,
    flights: Arc<Inflight>,
    pages: KVec<NonNull<bindings::page>>,
    flight: Flight,
    completion: C,
}

// SAFETY: Nothing in a `PageBio` has a thread affinity.
unsafe impl<C: Completion> Send for PageBio<C> {}

// SAFETY: By the type invariant, `flight` guards what is not synchronized by itself.
unsafe impl<C: Completion> Sync for PageBio<C> {}

impl<C: Completion> PageBio<C> {
    /// Returns an initializer for a bio of `bytes` bytes, rounded up to whole pages.
    ///
    /// The initializer fails with [`EINVAL`] if a bio cannot have as many pages, and with
    /// [`ENOMEM`]; it may sleep.
    pub fn new(bytes: usize, completion: C) -> impl PinInit<Self, Error> {
        let nr = bytes.div_ceil(PAGE_SIZE);

        try_pin_init!(Self {
            bio <- Opaque::ffi_init(|bio: *mut bindings::bio| {
                // SAFETY: `bio` is valid for writes. It is initialized anew at each submission.
                unsafe { bio.write(pin_init::zeroed()) };
            }),
            bvecs: UnsafeCell::new(KVec::with_capacity(nr, GFP_KERNEL)?),
            inflight: UnsafeCell::new(None),
            flights: Inflight::new()?,
            flight: Flight::new(),
            completion,
            // Last, since nothing frees the pages if a later field fails.
            pages: alloc_pages(nr)?,
        }? Error)
    }

    /// Returns what was passed to [`PageBio::new`].
    pub fn completion(&self) -> &C {
        &self.completion
    }

    /// Takes the result of the last submission, once it has completed; then it can be submitted
    /// again.
    pub fn take_result(&self) -> Option<BlkResult> {
        self.flight.take_status().map(to_result)
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
    #[inline]
    pub fn page(&self, index: usize) -> Option<SafePageRef<'_>> {
        let page = self.pages.get(index)?;
        // SAFETY: By the type invariant, `self` owns the page, which was zeroed at first.
        Some(unsafe { SafePageRef::from_raw(page.as_ptr()) })
    }

    /// Copies the data of `bio` to the pages, from `offset` bytes on.
    ///
    /// Fails with [`EINVAL`] if it does not fit, or `bio` is no write. Does not sleep.
    pub fn copy_from_bio(&self, bio: &Bio, offset: usize) -> Result {
        self.for_each_part(bio.source(), offset, |segment, page, offset| {
            segment.copy_to_page(page.destination(), offset)
        })
    }

    /// Copies the pages, from `offset` bytes on, to the data of `bio`.
    ///
    /// Fails with [`EINVAL`] if the pages end before, or `bio` is no read. Does not sleep.
    pub fn copy_to_bio(&self, bio: &Bio, offset: usize) -> Result {
        self.for_each_part(bio.destination(), offset, |segment, page, offset| {
            let copied = segment.copy_from_page(page.source(), offset);
            segment.page().flush_dcache();
            copied
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
        for index in 0..self.pages.len() {
            let _ = self
                .page(index)
                .map(|page| page.destination().zero(0, PAGE_SIZE));
        }
    }

    /// Submits the bio, to read or write `bytes` of the pages at `sector` of `lower`.
    ///
    /// [`Completion::completed`] is called exactly once if this returns [`Ok`], maybe before it
    /// returns. Fails with [`EBUSY`] if the bio is in flight, or its result was not taken, and
    /// with [`EINVAL`] if the command is neither a read nor a write, or the bytes are not sectors
    /// of the pages. Process context; may sleep, but allocates nothing.
    pub fn submit(
        self: ArcBorrow<'_, Self>,
        lower: &BdevFile,
        command: Command,
        flags: Flags,
        sector: u64,
        bytes: core::ops::Range<usize>,
    ) -> Result {
        let op = match command {
            Command::Read => bindings::req_op_REQ_OP_READ,
            Command::Write => bindings::req_op_REQ_OP_WRITE,
            _ => return Err(EINVAL),
        };
        const SECTOR: usize = SECTOR_SIZE as usize;
        if bytes.is_empty()
            || bytes.end > self.len()
            || bytes.start % SECTOR != 0
            || bytes.end % SECTOR != 0
        {
            return Err(EINVAL);
        }
        if !self.flight.begin() {
            return Err(EBUSY);
        }

        let bio = self.bio.get();
        // SAFETY: By the type invariant, bio and vector are ours, as we have begun the flight. The
        // vector has room for all pages.
        unsafe {
            bindings::bio_init(
                bio,
                lower.as_raw(),
                (*self.bvecs.get()).as_mut_ptr(),
                self.pages.len() as u16,
                op | u32::from(flags),
            );
        }
        self.add_pages(bytes);

        // INVARIANT: The flight is counted until the end of `end_io`.
        // SAFETY: By the type invariant, bio and `inflight` are ours. Because of `inflight`, the
        // lower device is open until `end_io` is done, and `self`, which does not move, is there.
        unsafe {
            *self.inflight.get() = Some([lower.begin_io(), Inflight::begin(&self.flights)]);
            (*bio).bi_iter.bi_sector = sector;
            (*bio).bi_end_io = Some(Self::end_io);
            (*bio).bi_private = core::ptr::from_ref::<Self>(&self).cast_mut().cast();
            bindings::submit_bio(bio);
        }
        Ok(())
    }

    /// Puts the pages of `bytes` into the bio. Called by the task that has begun the flight.
    fn add_pages(&self, bytes: core::ops::Range<usize>) {
        let mut at = bytes.start;

        while at < bytes.end {
            let offset = at % PAGE_SIZE;
            let len = (bytes.end - at).min(PAGE_SIZE - offset);
            let Some(page) = self.pages.get(at / PAGE_SIZE) else {
                break;
            };
            // SAFETY: The bio was initialized with room for all pages; each is added once.
            unsafe {
                bindings::__bio_add_page(self.bio.get(), page.as_ptr(), len as u32, offset as u32)
            };
            at += len;
        }
    }

    /// # Safety
    ///
    /// Only the block layer may call this, for a bio that `submit` has submitted.
    unsafe extern "C" fn end_io(bio: *mut bindings::bio) {
        // SAFETY: `submit` has put it there. It is not dropped before `inflight` is, below.
        let this = unsafe { &*(*bio).bi_private.cast::<Self>() };

        // SAFETY: The bio is valid, and the flight goes on, on behalf of this call. What
        // `bio_init()` and the block layer have attached is given back, as the next `bio_init()`
        // forgets it.
        let (status, inflight) = unsafe {
            let status = (*bio).bi_status;
            bindings::bio_uninit(bio);
            (status, (*this.inflight.get()).take())
        };

        // INVARIANT: Nothing below touches what `flight` guards.
        this.flight.end(status);
        this.completion.completed();
        // Last: now the driver may close the lower device, and drop `this`, which is not touched any
        // more. What is left of this function is text of the module. If this is an interrupt, the grace
        // period before a module is freed waits for it. If it is a task, `Disks` does, which each driver
        // with disks drops last.
        drop(inflight);
    }
}

#[pinned_drop]
impl<C: Completion> PinnedDrop for PageBio<C> {
    fn drop(self: Pin<&mut Self>) {
        self.flights.wait();
        free_pages(&self.pages);
    }
}

/// Allocates `nr` zeroed pages, at most as many as a bio can have.
fn alloc_pages(nr: usize) -> Result<KVec<NonNull<bindings::page>>> {
    if nr > bindings::BIO_MAX_VECS as usize {
        return Err(EINVAL);
    }
    let mut pages = KVec::with_capacity(nr, GFP_KERNEL)?;

    for _ in 0..nr {
        // SAFETY: FFI call without preconditions.
        let page = unsafe { bindings::alloc_pages(bindings::GFP_KERNEL | bindings::__GFP_ZERO, 0) };
        let pushed = NonNull::new(page)
            .ok_or(ENOMEM)
            .and_then(|page| Ok(pages.push(page, GFP_KERNEL)?));
        if let Err(err) = pushed {
            free_pages(&pages);
            return Err(err);
        }
    }
    Ok(pages)
}

/// Frees pages that [`alloc_pages`] has allocated; the caller forgets them.
fn free_pages(pages: &[NonNull<bindings::page>]) {
    for page in pages {
        // SAFETY: The page was allocated with order zero, and is forgotten.
        unsafe { bindings::__free_pages(page.as_ptr(), 0) };
    }
}
