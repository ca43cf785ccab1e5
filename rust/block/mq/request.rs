// SPDX-License-Identifier: GPL-2.0

use crate::{
    bindings,
    block::{
        bio::{
            BioIter,
            Command,
            Flags, //
        },
        error::{
            to_status,
            BlkError,
            BlkResult, //
        },
        inflight::InflightGuard, //
    },
};
use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    mem::ManuallyDrop,
    pin::Pin,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    sync::atomic::Atomic,
    types::NotThreadSafe, //
};

/// What lies next to each request.
#[pin_data]
pub(super) struct Pdu<D> {
    /// How many bios that the request was forwarded with have not completed, and one more while
    /// more may come.
    pub(super) pending: Atomic<u32>,
    /// The first error of these bios.
    pub(super) status: Atomic<u32>,
    /// What the lower device and the pool of bios wait for. Belongs to the owner of the request.
    pub(super) inflight: UnsafeCell<Option<[InflightGuard; 2]>>,
    #[pin]
    data: D,
}

impl<D> Pdu<D> {
    pub(super) fn new(data: impl PinInit<D, Error>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            pending: Atomic::new(0),
            status: Atomic::new(0),
            inflight: UnsafeCell::new(None),
            data <- data,
        }? Error)
    }

    /// Returns the request that the data is next to.
    ///
    /// # Safety
    ///
    /// `data` must be that of a `Pdu` next to a request.
    pub(super) unsafe fn request_of(data: *mut D) -> NonNull<bindings::request> {
        // SAFETY: By the safety requirements of this function. The private area starts where the
        // request ends.
        unsafe {
            let pdu = kernel::container_of!(data, Self, data);
            NonNull::new_unchecked(pdu.cast::<bindings::request>().sub(1))
        }
    }
}

/// A request that the driver has not accepted yet, next to which there is a `D`.
///
/// # Examples
///
/// ```
/// # use rb::block::{error::BlkError, mq::{IdleRequest, Rejected, Request}};
/// # fn example<'a, D: Send + Sync>(
/// #     rq: IdleRequest<'a, D>,
/// #     is_full: bool,
/// #     queue: impl FnOnce(Request<D>),
/// # ) -> core::result::Result<(), Rejected<'a>> {
/// if is_full {
///     return Err(rq.reject(BlkError::DEV_RESOURCE));
/// }
/// queue(rq.start());
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// The pointer is a valid request of a [`TagSet`](super::TagSet) with data `D` that blk-mq has handed
/// to the driver, that was not started, and that only `self` may start or reject. `'a` is the call
/// that has handed it out, and no other.
pub struct IdleRequest<'a, D: Send + Sync>(NonNull<bindings::request>, PhantomData<D>, Call<'a>);

/// A call of [`Operations::queue_rq`](super::Operations::queue_rq); invariant, so that no other call
/// can be taken for it.
type Call<'a> = PhantomData<fn(&'a ()) -> &'a ()>;

impl<'a, D: Send + Sync> IdleRequest<'a, D> {
    /// # Safety
    ///
    /// `rq` must satisfy the type invariants; the caller chooses `'a` for this call alone.
    #[inline]
    pub(super) unsafe fn from_raw(rq: *mut bindings::request) -> Self {
        // SAFETY: A valid pointer is not null.
        let rq = unsafe { NonNull::new_unchecked(rq) };
        // INVARIANT: By the safety requirements of this function.
        Self(rq, PhantomData, PhantomData)
    }

    /// Returns the operation.
    #[inline]
    pub fn command(&self) -> Command {
        // SAFETY: By the type invariant, the request is valid.
        Command::from_raw(unsafe { (*self.0.as_ptr()).cmd_flags })
    }

    /// Returns the first sector, in units of 512 bytes.
    #[inline]
    pub fn sector(&self) -> u64 {
        // SAFETY: By the type invariant, the request is valid.
        unsafe { (*self.0.as_ptr()).__sector }
    }

    /// Returns the proof that this call may sleep, if the tag set is [`Flag::Blocking`](super::Flag).
    #[inline]
    pub fn may_sleep(&self) -> Option<MaySleep<'a>> {
        // SAFETY: By the type invariant, the request is valid.
        let may_sleep = unsafe { bindings::rq_may_sleep(self.0.as_ptr()) };
        may_sleep.then_some(MaySleep(PhantomData, NotThreadSafe))
    }

    /// Starts the request; from here on it must be ended.
    #[inline]
    pub fn start(self) -> Request<D> {
        let rq = ManuallyDrop::new(self).0;
        // SAFETY: By the type invariant, the request is valid, and ours to start.
        unsafe { bindings::blk_mq_start_request(rq.as_ptr()) };

        // INVARIANT: The request was started, and is ours to end.
        Request(rq, PhantomData)
    }

    /// Gives the request back to blk-mq, which tries again later for
    /// [`BlkError::DEV_RESOURCE`] and [`BlkError::RESOURCE`], and ends it otherwise.
    #[inline]
    pub fn reject(self, err: BlkError) -> Rejected<'a> {
        let _ = ManuallyDrop::new(self);
        Rejected(err, PhantomData)
    }
}

/// The proof that the call `'a` of [`Operations::queue_rq`](super::Operations::queue_rq) may sleep: it
/// cannot be kept for another one, nor be handed to another thread.
#[derive(Clone, Copy, Debug)]
pub struct MaySleep<'a>(Call<'a>, NotThreadSafe);

impl<D: Send + Sync> Drop for IdleRequest<'_, D> {
    fn drop(&mut self) {
        // INVARIANT: `self` goes away.
        drop(Self(self.0, PhantomData, PhantomData).start());
    }
}

/// The proof that the request of the call `'a` was given back: each call has one request, so it
/// cannot be kept as the proof for another.
pub struct Rejected<'a>(BlkError, Call<'a>);

impl Rejected<'_> {
    #[inline]
    pub(super) fn into_status(self) -> bindings::blk_status_t {
        self.0.as_raw()
    }
}

/// A started request that the driver owns, next to which there is a `D`:
/// [`Operations::RequestData`](super::Operations::RequestData).
///
/// # Examples
///
/// ```
/// # use rb::block::mq::Request;
/// # fn example<D: Send + Sync>(rq: Request<D>) {
/// for bio in rq.bios() {
///     pr_debug!("{} bytes at {}\n", bio.bytes(), bio.sector());
/// }
/// rq.end(Ok(()));
/// # }
/// ```
///
/// # Invariants
///
/// The pointer is a valid request of a [`TagSet`](super::TagSet) with data `D` that was started, and
/// that only `self` may end.
pub struct Request<D: Send + Sync>(pub(super) NonNull<bindings::request>, PhantomData<D>);

// SAFETY: A request may be ended on any thread, and `D` is `Send` and `Sync`.
unsafe impl<D: Send + Sync> Send for Request<D> {}

// SAFETY: What a `&Request` reads of the request and of its bios does not change before it ends, for
// which somebody has to own it. There never is a reference to the bytes of the pages that these lead to:
// C copies, from them or to them. Two threads that write to one page at a time leave there what either
// of them has written, byte for byte, as a device may that writes to it meanwhile. `D` is `Sync`.
unsafe impl<D: Send + Sync> Sync for Request<D> {}

impl<D: Send + Sync> Request<D> {
    /// # Safety
    ///
    /// `rq` must satisfy the type invariants.
    #[inline]
    pub(super) unsafe fn from_raw(rq: NonNull<bindings::request>) -> Self {
        // INVARIANT: By the safety requirements of this function.
        Self(rq, PhantomData)
    }

    /// Returns what C takes, a request that was started.
    #[inline]
    pub(crate) fn as_raw(&self) -> *mut bindings::request {
        self.0.as_ptr()
    }

    /// Returns the operation.
    #[inline]
    pub fn command(&self) -> Command {
        // SAFETY: By the type invariant, the request is valid.
        Command::from_raw(unsafe { (*self.0.as_ptr()).cmd_flags })
    }

    /// Returns the flags of the operation.
    #[inline]
    pub fn flags(&self) -> Flags {
        // SAFETY: By the type invariant, the request is valid.
        Flags::from_raw(unsafe { (*self.0.as_ptr()).cmd_flags })
    }

    /// Returns the first sector, in units of 512 bytes.
    #[inline]
    pub fn sector(&self) -> u64 {
        // SAFETY: By the type invariant, the request is valid.
        unsafe { (*self.0.as_ptr()).__sector }
    }

    /// Returns the capacity of the disk, as
    /// [`DiskView::capacity_sectors`](crate::block::gen_disk::DiskView::capacity_sectors).
    #[inline]
    pub fn disk_capacity_sectors(&self) -> u64 {
        // SAFETY: By the type invariant, the request is valid; its disk is there until it has ended.
        unsafe {
            let disk = (*(*self.0.as_ptr()).q).disk;
            (&raw const (*(*disk).part0).bd_nr_sectors).read_volatile()
        }
    }

    /// Returns the number of bytes.
    #[inline]
    pub fn bytes(&self) -> u32 {
        // SAFETY: By the type invariant, the request is valid.
        unsafe { (*self.0.as_ptr()).__data_len }
    }

    /// Returns the number of whole sectors of 512 bytes.
    #[inline]
    pub fn sectors(&self) -> u32 {
        self.bytes() >> crate::block::SECTOR_SHIFT
    }

    /// Returns the number of the hardware queue; with the [tag](Self::tag), it distinguishes the
    /// request from all others of the disk that are started.
    #[inline]
    pub fn hw_queue(&self) -> u32 {
        // SAFETY: By the type invariant, the request is valid; having been started, it has one.
        unsafe { (*(*self.0.as_ptr()).mq_hctx).queue_num }
    }

    /// Returns the tag, which no other started request of this hardware queue has.
    ///
    /// It is less than [`TagSet::queue_depth`](super::TagSet::queue_depth).
    #[inline]
    pub fn tag(&self) -> u32 {
        // SAFETY: By the type invariant, the request is valid; having been started, it has a tag.
        unsafe { (*self.0.as_ptr()).tag as u32 }
    }

    /// Gives the request back to blk-mq, which hands it to the driver again, soon and from a worker.
    ///
    /// Any context.
    pub fn requeue(self) {
        let rq = ManuallyDrop::new(self).0.as_ptr();
        // SAFETY: By the type invariant, the request was started, and is ours to give back. Nothing
        // uses it from here on.
        unsafe { bindings::blk_mq_requeue_request(rq, true) };
    }

    /// Returns an iterator over the bios.
    #[inline]
    pub fn bios(&self) -> BioIter<'_> {
        // SAFETY: By the type invariant, `self` owns the request, and with it its bios.
        unsafe { BioIter::from_raw((*self.0.as_ptr()).bio) }
    }

    #[inline]
    pub(super) fn pdu(&self) -> &Pdu<D> {
        // SAFETY: By the type invariant, the private area holds what `init_request` put there. It
        // lives as long as the tag set, which outlives the request.
        unsafe { &*bindings::blk_mq_rq_to_pdu(self.0.as_ptr()).cast() }
    }

    /// Returns the driver's data of this request.
    #[inline]
    pub fn data_ref(&self) -> &D {
        &self.pdu().data
    }

    /// Returns the driver's data of this request, to change it.
    #[inline]
    pub fn data_mut(&mut self) -> Pin<&mut D> {
        // SAFETY: As in `pdu()`; `self` owns the request, and with it this data alone. The data
        // never moves.
        unsafe {
            let pdu = bindings::blk_mq_rq_to_pdu(self.0.as_ptr()).cast::<Pdu<D>>();
            Pin::new_unchecked(&mut (*pdu).data)
        }
    }

    /// Ends the request.
    ///
    /// Any context.
    #[inline]
    pub fn end(self, result: BlkResult) {
        let rq = ManuallyDrop::new(self).0.as_ptr();
        // SAFETY: By the type invariant, the request is valid, and ours to end. Nothing uses it
        // from here on.
        unsafe { bindings::blk_mq_end_request(rq, to_status(result)) };
    }
}

impl<D: Send + Sync> Drop for Request<D> {
    fn drop(&mut self) {
        // INVARIANT: `self` goes away.
        Self(self.0, PhantomData).end(Err(BlkError::IOERR));
    }
}
