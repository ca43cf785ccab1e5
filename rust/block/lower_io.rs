// SPDX-License-Identifier: GPL-2.0

//! I/O to files and block devices below, that needs no memory once it was prepared.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/bio.h`](srctree/include/linux/bio.h)

mod buffer;

pub use buffer::IoBuffer;

use super::{
    bio::BioIter,
    inflight::{
        Inflight,
        InflightGuard, //
    },
    lower::Lower,
    submission,
    SECTOR_SHIFT,
    SECTOR_SIZE, //
};
use crate::{
    bindings,
    new_wait_queue,
    wait::WaitQueue, //
};
use core::{
    cell::UnsafeCell,
    ops::Range,
    ptr::{
        self,
        NonNull, //
    }, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc, //
    },
    types::Opaque, //
};

/// Nobody has it.
const IDLE: u32 = 0;

/// Somebody has begun, and it has not completed.
const BUSY: u32 = 1;

/// What somebody waits for has completed.
const DONE: u32 = 2;

/// Which way data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the lower file or device.
    Read,
    /// To the lower file or device.
    Write,
}

/// What is told of a completion.
pub(in crate::block) enum Owner {
    /// The task in [`LowerIo::read`] or one of its sisters.
    Waiter,
    /// The owner of this request, from `.1` on, which is called with it.
    Request(
        NonNull<bindings::request>,
        unsafe fn(NonNull<bindings::request>, Result<u32>),
    ),
}

impl Owner {
    /// The request that the I/O is for, or null.
    fn request(&self) -> *mut bindings::request {
        match self {
            Self::Waiter => ptr::null_mut(),
            Self::Request(rq, _) => rq.as_ptr(),
        }
    }
}

/// One I/O to a file or block device below, again and again.
///
/// Everything is allocated at creation, so that I/O makes progress without memory, as far as this is
/// up to us: what is below a file allocates as it likes. Dropping this waits until all has completed,
/// so it must not happen in atomic context. What waits for I/O fails with `EDEADLK` while the task
/// submits I/O to a disk itself, as in [`bio_disk::Operations::submit_bio`].
///
/// [`bio_disk::Operations::submit_bio`]: super::bio_disk::Operations::submit_bio
///
/// One I/O is in flight at a time; beginning another one meanwhile fails with [`EBUSY`]. While it is in
/// flight, C owns the memory and the request that it was begun with. They come back when it completes,
/// exactly once. An I/O may be shorter than what was asked for.
///
/// # Examples
///
/// ```no_run
/// # use rb::block::{lower::Lower, lower_io::{IoBuffer, LowerIo}};
/// # fn example(image: &Lower) -> Result {
/// let io = KBox::pin_init(LowerIo::new(16), GFP_KERNEL)?;
/// let mut header = IoBuffer::new(4096)?;
/// let bytes = io.read(image, 0, &mut header, 0..4096)?;
/// pr_info!("{:x?}\n", header.get(..bytes));
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// - While `state` is `BUSY`, what is in cells and `iocb` belong to whoever has set it, until he has
///   launched the I/O, and then to C, until `finish` has been called. At other times nobody uses it.
/// - `bvecs` and `bios` have their capacity from the beginning on, and `bios` its length.
/// - From before it is launched until `finish` is done with `self`, `flights` counts an I/O.
#[pin_data(PinnedDrop)]
pub struct LowerIo {
    #[pin]
    iocb: Opaque<bindings::kiocb>,
    bvecs: UnsafeCell<KVec<bindings::bio_vec>>,
    /// One for each piece that goes to a block device; they share the vector.
    bios: KVec<Opaque<bindings::bio>>,
    owner: UnsafeCell<Owner>,
    /// What `flights` and the lower files or devices wait for.
    inflight: UnsafeCell<[Option<InflightGuard>; 3]>,
    flights: Arc<Inflight>,
    /// The users of the I/O that are left: who has launched it, and who completes it, or a part of it.
    pending: Atomic<u32>,
    /// Bytes, or an error.
    result: Atomic<i64>,
    state: Atomic<u32>,
    #[pin]
    done: WaitQueue,
}

// SAFETY: Nothing in it has a thread affinity.
unsafe impl Send for LowerIo {}

// SAFETY: By the type invariant, `state` guards what is not synchronized by itself.
unsafe impl Sync for LowerIo {}

impl LowerIo {
    /// Returns an initializer for an I/O of up to `entries` pieces of memory, at least one and at most
    /// 256, to one place.
    ///
    /// The initializer fails with [`EINVAL`] if they are more or none, and with [`ENOMEM`]; may sleep.
    pub fn new(entries: usize) -> impl PinInit<Self, Error> {
        Self::with_places(entries, 1)
    }

    /// As [`LowerIo::new`], to up to `places` places of block devices at a time, see
    /// [`Request::submit_pieces`](super::mq::Request::submit_pieces).
    pub fn with_places(entries: usize, places: usize) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            iocb <- Opaque::ffi_init(|iocb: *mut bindings::kiocb| {
                // SAFETY: `iocb` is valid for writes. It is initialized anew at each submission.
                unsafe { iocb.write(pin_init::zeroed()) };
            }),
            bvecs: UnsafeCell::new(room_for(entries)?),
            bios: bios_for(places)?,
            owner: UnsafeCell::new(Owner::Waiter),
            inflight: UnsafeCell::new([const { None }; 3]),
            flights: Inflight::new()?,
            pending: Atomic::new(0),
            result: Atomic::new(0),
            state: Atomic::new(IDLE),
            done <- new_wait_queue!("rb::LowerIo::done"),
        }? Error)
    }

    /// Reads into a part of a buffer, and waits for it. Returns how many bytes were read, none at the
    /// end of a file.
    ///
    /// Fails with [`EBUSY`] if one is in flight, with [`EINVAL`] if the part is empty or not in the
    /// buffer, or, for a block device, not whole sectors, and with what the I/O fails with. Process
    /// context; sleeps.
    pub fn read(
        &self,
        lower: &Lower,
        pos: u64,
        buffer: &mut IoBuffer,
        part: Range<usize>,
    ) -> Result<usize> {
        let entry = buffer.entry(part)?;
        // SAFETY: The buffer is borrowed alone until the I/O has completed.
        unsafe { self.transfer(lower, Way::Read, pos, core::iter::once(entry)) }
    }

    /// Writes a part of a buffer, and waits for it. Returns how many bytes were written.
    ///
    /// As [`LowerIo::read`].
    pub fn write(
        &self,
        lower: &Lower,
        pos: u64,
        buffer: &IoBuffer,
        part: Range<usize>,
    ) -> Result<usize> {
        let entry = buffer.entry(part)?;
        // SAFETY: The buffer is borrowed until the I/O has completed, so that nobody writes to it.
        unsafe { self.transfer(lower, Way::Write, pos, core::iter::once(entry)) }
    }

    /// # Safety
    ///
    /// The memory of the entries must be valid until this returns; for a read, nobody else may use
    /// it, and for a write, nobody may write to it.
    unsafe fn transfer(
        &self,
        lower: &Lower,
        way: Way,
        pos: u64,
        entries: impl Iterator<Item = bindings::bio_vec>,
    ) -> Result<usize> {
        submission::may_wait()?;
        if !self.begin() {
            return Err(EBUSY);
        }
        // SAFETY: We have begun; the memory is valid until it has completed, and `lower` is there, since we
        // wait here.
        unsafe {
            let bytes = self.fill(entries, 0, u32::MAX);
            self.launch(NonNull::from(lower), way, pos, bytes, Owner::Waiter);
        }
        self.done.wait_event(|| self.state.load(Acquire) == DONE);
        let result = self.result.load(Relaxed);
        // INVARIANT: It has completed, and nobody else waits.
        self.state.store(IDLE, Release);
        from_raw(result).map(|bytes| bytes as usize)
    }

    /// Begins an I/O; returns whether that was possible.
    pub(in crate::block) fn begin(&self) -> bool {
        // INVARIANT: The caller has set it.
        self.state.cmpxchg(IDLE, BUSY, Acquire).is_ok()
    }

    /// Fills the vector with data of the bios, up to `bytes` from `skip` on. Returns how many bytes
    /// there was room for.
    ///
    /// # Safety
    ///
    /// Only who has begun may call this, and not after [`launch`](Self::launch).
    pub(in crate::block) unsafe fn fill_from_bios(
        &self,
        bios: BioIter<'_>,
        skip: u32,
        bytes: u32,
    ) -> u32 {
        let entries = bios.filter_map(|bio| bio.entries()).flatten();
        // SAFETY: By the safety requirements of this function.
        unsafe { self.fill(entries, skip, bytes) }
    }

    /// Fills the vector with zeroes, up to `bytes`.
    ///
    /// # Safety
    ///
    /// As of [`fill_from_bios`](Self::fill_from_bios).
    pub(in crate::block) unsafe fn fill_with_zeroes(&self, bytes: u32) -> u32 {
        let zeroes = bindings::bio_vec {
            // SAFETY: FFI call without preconditions. The page is there forever.
            bv_page: unsafe { bindings::zero_page() },
            bv_len: PAGE_SIZE as u32,
            bv_offset: 0,
        };
        // SAFETY: By the safety requirements of this function.
        unsafe { self.fill(core::iter::repeat(zeroes), 0, bytes) }
    }

    /// Fills the vector with entries, but for the first `skip` bytes, up to `bytes`.
    ///
    /// # Safety
    ///
    /// As of [`fill_from_bios`](Self::fill_from_bios).
    unsafe fn fill(
        &self,
        entries: impl Iterator<Item = bindings::bio_vec>,
        mut skip: u32,
        bytes: u32,
    ) -> u32 {
        // SAFETY: By the type invariant, as we have begun, the vector is ours.
        let bvecs = unsafe { &mut *self.bvecs.get() };
        let mut filled = 0;

        bvecs.clear();
        for mut entry in entries {
            let skipped = skip.min(entry.bv_len);
            skip -= skipped;
            entry.bv_offset = entry.bv_offset.wrapping_add(skipped);
            entry.bv_len = (entry.bv_len - skipped).min(bytes - filled);
            if entry.bv_len == 0 {
                if filled == bytes {
                    break;
                }
                continue;
            }
            let len = entry.bv_len;
            if bvecs.push_within_capacity(entry).is_err() {
                break;
            }
            filled += len;
        }
        filled
    }

    /// Starts the I/O of `bytes` bytes in the vector at `pos`, which must not be called twice.
    ///
    /// The owner hears of it exactly once, maybe before this returns.
    ///
    /// # Safety
    ///
    /// Only who has begun may call this, which ends that. The memory in the vector must be valid until
    /// the owner hears of the completion, and must be lent for that way of I/O. If the owner is a
    /// request, its function must be callable with it then. `lower` must be valid until the flight is
    /// counted; from then on it waits for the flight when it is dropped, which may be before this
    /// returns.
    pub(in crate::block) unsafe fn launch(
        &self,
        lower: NonNull<Lower>,
        way: Way,
        pos: u64,
        bytes: u32,
        owner: Owner,
    ) {
        let rq = owner.request();
        // INVARIANT: The flight is counted until the end of `finish`.
        // SAFETY: By the type invariant, as we have begun, the cells are ours. `lower` is valid, and the
        // references to it end here: afterwards only what it has open is used.
        let (bdev, file, direct) = unsafe {
            let lower = lower.as_ref();
            self.count_flight(owner, [Some(lower), None]);
            let bdev = lower.bdev().map(|bdev| bdev.as_raw());
            (bdev, lower.file().as_raw(), lower.is_direct())
        };
        if bytes == 0 {
            return self.finish(minus(EINVAL));
        }
        match bdev {
            // SAFETY: The block device is open until the flight has ended, and the vector has `bytes`. The
            // request is ours until the owner hears of the completion, which is not before it is launched.
            Some(bdev) => unsafe {
                self.launch_bios(way, core::iter::once((bdev, pos, bytes)), bytes, false, rq);
            },
            // SAFETY: As above; the file is open until the flight has ended.
            None => unsafe { self.launch_kiocb(file, direct, way, pos, bytes, rq) },
        }
    }

    /// Starts the I/O of pieces, one behind the other in the vector, which together are `bytes` bytes.
    ///
    /// If `at_once` is set, this does not wait for other I/O: if that is not possible, the result is
    /// [`EAGAIN`].
    ///
    /// # Safety
    ///
    /// As of [`launch`](Self::launch), for both lower devices.
    pub(in crate::block) unsafe fn launch_pieces(
        &self,
        lowers: [NonNull<Lower>; 2],
        way: Way,
        pieces: &[Piece],
        bytes: u32,
        at_once: bool,
        owner: Owner,
    ) {
        let rq = owner.request();
        let uses = |number| pieces.iter().any(|piece| piece.lower == number);
        // INVARIANT: The flight is counted until the end of `finish`.
        // SAFETY: By the type invariant, as we have begun, the cells are ours. The lower devices are
        // valid, and the references to them end here: afterwards only what they have open is used.
        let bdevs = unsafe {
            let lowers = lowers.map(|lower| lower.as_ref());
            self.count_flight(
                owner,
                [0, 1].map(|number| uses(number).then_some(lowers[number])),
            );
            lowers.map(|lower| lower.bdev().map(|bdev| bdev.as_raw()))
        };
        let bdev_of = |piece: &Piece| bdevs.get(piece.lower).copied().flatten();
        let sum: u64 = pieces.iter().map(|piece| u64::from(piece.bytes)).sum();
        if sum != bytes.into()
            || pieces.len() > self.bios.len()
            || pieces
                .iter()
                .any(|piece| piece.bytes == 0 || bdev_of(piece).is_none())
        {
            return self.finish(minus(EINVAL));
        }
        let places = pieces
            .iter()
            .filter_map(|piece| Some((bdev_of(piece)?, piece.pos, piece.bytes)));
        // SAFETY: The block devices are open until the flight has ended, and the vector has `bytes`. The
        // request is ours until the owner hears of the completion.
        unsafe { self.launch_bios(way, places, bytes, at_once, rq) };
    }

    /// Notes who hears of the completion, and who waits for it.
    ///
    /// # Safety
    ///
    /// Only who has begun may call this, and not after [`launch`](Self::launch).
    unsafe fn count_flight(&self, owner: Owner, lowers: [Option<&Lower>; 2]) {
        let [first, second] = lowers.map(|lower| lower.map(Lower::begin_io));
        // SAFETY: By the type invariant, as we have begun, the cells are ours.
        unsafe {
            *self.inflight.get() = [first, second, Some(Inflight::begin(&self.flights))];
            *self.owner.get() = owner;
        }
    }

    /// # Safety
    ///
    /// As of [`launch`](Self::launch), and the block devices of `places` must be open until the flight
    /// has ended. There are no more places than bios, and together they have `bytes`, as the vector has.
    /// `rq` must be null, or a request that does not end before all is submitted.
    unsafe fn launch_bios(
        &self,
        way: Way,
        places: impl Iterator<Item = (*mut bindings::block_device, u64, u32)> + Clone,
        bytes: u32,
        at_once: bool,
        rq: *mut bindings::request,
    ) {
        let sector_mask = SECTOR_SIZE - 1;
        let whole =
            |pos: u64, bytes: u32| pos % u64::from(SECTOR_SIZE) == 0 && bytes & sector_mask == 0;
        if places.clone().any(|(_, pos, bytes)| !whole(pos, bytes)) {
            return self.finish(minus(EINVAL));
        }
        let op = match way {
            Way::Read => bindings::req_op_REQ_OP_READ,
            Way::Write => bindings::req_op_REQ_OP_WRITE,
        };
        // As direct I/O: blk-wbt does not hold that up, which a submission at once relies on.
        let op = op | bindings::REQ_SYNC | bindings::REQ_IDLE;
        let op = op | if at_once { bindings::REQ_NOWAIT } else { 0 };
        // A bio is done as a whole, or fails.
        self.result.store(bytes.into(), Relaxed);
        // One for us, so that it cannot complete before all is submitted.
        self.pending.store(1, Relaxed);

        // SAFETY: By the type invariant, the vector is ours, as we have begun; it stays as it is until
        // `finish` is called.
        let bvecs = unsafe { &*self.bvecs.get() };
        let mut at = VectorPlace::default();
        for (bio, (bdev, pos, bytes)) in self.bios.iter().zip(places) {
            self.pending.fetch_add(1, Relaxed);
            // SAFETY: By the type invariant, the bio is ours, as we have begun. It does not move, and is
            // there until `finish` is done, as `self` is. The vector has that many bytes from there on. The
            // request, if any, has not ended: a part in `pending` is ours.
            let submitted = unsafe {
                let this = ptr::from_ref(self).cast_mut().cast();
                let bio = bio.get();
                bindings::bio_init_part(bio, bdev, op, bvecs.as_ptr(), at.entry, at.done, bytes);
                if !rq.is_null() {
                    bindings::bio_inherit(bio, rq);
                }
                (*bio).bi_iter.bi_sector = pos >> SECTOR_SHIFT;
                (*bio).bi_end_io = Some(Self::end_bio);
                (*bio).bi_private = this;
                Self::submit_bio(bio, at_once)
            };
            at.advance(bvecs, bytes);
            if !submitted {
                // SAFETY: The bio is valid, and still ours. Its control group is given back.
                unsafe { bindings::bio_uninit(bio.get()) };
                self.note_error(minus(EAGAIN));
                self.put();
                break;
            }
        }
        self.put();
    }

    /// Submits a bio, unless that is to be at once and is not possible: then it stays the caller's.
    ///
    /// # Safety
    ///
    /// The bio must be ready to be submitted, and its device open. The context must be one that may sleep;
    /// unless it is to be at once, also wait for I/O.
    unsafe fn submit_bio(bio: *mut bindings::bio, at_once: bool) -> bool {
        // SAFETY: By the safety requirements of this function.
        unsafe {
            if at_once {
                return bindings::submit_bio_at_once(bio);
            }
            bindings::submit_bio(bio);
        }
        true
    }

    /// # Safety
    ///
    /// Only the block layer may call this, for a bio that `launch_bios` has submitted.
    unsafe extern "C" fn end_bio(bio: *mut bindings::bio) {
        // SAFETY: `launch_bios` has put it there. It is not dropped before `finish` is done.
        let this = unsafe { &*(*bio).bi_private.cast::<Self>() };
        // SAFETY: The bio is valid. What `bio_init()` and the block layer have attached is given back,
        // as the next `bio_init()` forgets it.
        let status = unsafe {
            let status = (*bio).bi_status;
            bindings::bio_uninit(bio);
            status
        };
        if status != 0 {
            // SAFETY: The function has no preconditions.
            this.note_error(unsafe { bindings::blk_status_to_errno(status) }.into());
        }
        this.put();
    }

    /// Has the I/O fail, if it has not yet.
    fn note_error(&self, error: i64) {
        let all = self.result.load(Relaxed);
        if all >= 0 {
            // Of several errors, any one will do.
            let _ = self.result.cmpxchg(all, error, Relaxed);
        }
    }

    /// # Safety
    ///
    /// As of [`launch`](Self::launch), and the file must be open until the flight has ended. `rq` must
    /// be null, or a request that does not end before the I/O is submitted.
    unsafe fn launch_kiocb(
        &self,
        file: *mut bindings::file,
        direct: bool,
        way: Way,
        pos: u64,
        bytes: u32,
        rq: *mut bindings::request,
    ) {
        let Ok(pos) = i64::try_from(pos) else {
            return self.finish(minus(EINVAL));
        };
        let done = match (direct, way) {
            (false, _) => None,
            (true, Way::Read) => Some(Self::read_done as KiocbDone),
            (true, Way::Write) => Some(Self::write_done as KiocbDone),
        };
        // One for us, and one for who completes it.
        self.pending.store(2, Relaxed);
        // SAFETY: By the type invariant, the control block and the vector are ours, as we have begun;
        // both stay until both have given up their part in `pending`. The request, if any, is looked at
        // before that.
        let ret = unsafe {
            let bvecs = &*self.bvecs.get();
            bindings::kiocb_rw(
                self.iocb.get(),
                file,
                way == Way::Write,
                pos,
                bvecs.as_ptr(),
                bvecs.len(),
                bytes as usize,
                done,
                rq,
            )
        };
        if ret != -(bindings::EIOCBQUEUED as isize) {
            // Nobody else completes it.
            self.result.store(ret as i64, Relaxed);
            self.put();
        }
        self.put();
    }

    /// # Safety
    ///
    /// Only C may call this, for a read that `launch_kiocb` has launched, and that was queued.
    unsafe extern "C" fn read_done(iocb: *mut bindings::kiocb, ret: c_long) {
        // SAFETY: The control block is that of a `LowerIo`, which is there until `finish` is done.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(iocb), Self, iocb) };
        this.result.store(ret as i64, Relaxed);
        this.put();
    }

    /// # Safety
    ///
    /// As of [`read_done`](Self::read_done), for a write.
    unsafe extern "C" fn write_done(iocb: *mut bindings::kiocb, ret: c_long) {
        // SAFETY: The control block is valid, and that of a write that was queued.
        unsafe { bindings::kiocb_end_write(iocb) };
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::read_done(iocb, ret) };
    }

    /// Gives up a part in the I/O; the last one finishes it.
    fn put(&self) {
        if self.pending.fetch_sub(1, Full) == 1 {
            self.finish(self.result.load(Relaxed));
        }
    }

    /// Ends the flight, and tells its owner. Any context.
    fn finish(&self, result: i64) {
        // SAFETY: By the type invariant, the cells are ours until `state` says otherwise.
        let (owner, inflight) = unsafe {
            let owner = core::mem::replace(&mut *self.owner.get(), Owner::Waiter);
            (owner, core::mem::take(&mut *self.inflight.get()))
        };
        match owner {
            Owner::Waiter => {
                self.result.store(result, Relaxed);
                // INVARIANT: Nothing below touches what `state` guards.
                self.state.store(DONE, Release);
                self.done.wake_up_all();
            }
            Owner::Request(rq, done) => {
                // INVARIANT: As above.
                self.state.store(IDLE, Release);
                // SAFETY: By the safety requirements of `launch`.
                unsafe { done(rq, from_raw(result)) };
            }
        }
        // Last: now the driver may close what is below, and drop `self`.
        drop(inflight);
    }
}

/// A part of an I/O to block devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Which one of the lower devices, 0 or 1.
    pub lower: usize,
    /// Where it starts there, in bytes.
    pub pos: u64,
    /// How many bytes it is.
    pub bytes: u32,
}

/// A place in a vector: an entry, and how many bytes of it are behind us.
#[derive(Default)]
struct VectorPlace {
    entry: u32,
    done: u32,
}

impl VectorPlace {
    fn advance(&mut self, bvecs: &[bindings::bio_vec], mut bytes: u32) {
        while let Some(entry) = bvecs.get(self.entry as usize) {
            let left = entry.bv_len.saturating_sub(self.done);
            if bytes < left {
                self.done += bytes;
                return;
            }
            bytes -= left;
            self.entry += 1;
            self.done = 0;
        }
    }
}

type KiocbDone = unsafe extern "C" fn(*mut bindings::kiocb, c_long);

#[pinned_drop]
impl PinnedDrop for LowerIo {
    fn drop(self: Pin<&mut Self>) {
        self.flights.wait();
    }
}

/// Makes a vector with room for so many entries.
fn room_for(entries: usize) -> Result<KVec<bindings::bio_vec>> {
    if entries == 0 || entries > bindings::BIO_MAX_VECS as usize {
        return Err(EINVAL);
    }
    Ok(KVec::with_capacity(entries, GFP_KERNEL)?)
}

/// Makes so many bios, at least one and at most 64.
fn bios_for(places: usize) -> Result<KVec<Opaque<bindings::bio>>> {
    if !(1..=64).contains(&places) {
        return Err(EINVAL);
    }
    let mut bios = KVec::with_capacity(places, GFP_KERNEL)?;
    for _ in 0..places {
        bios.push(Opaque::new(pin_init::zeroed()), GFP_KERNEL)?;
    }
    Ok(bios)
}

fn minus(err: Error) -> i64 {
    i64::from(err.to_errno())
}

/// Turns what C says about an I/O into a result.
fn from_raw(result: i64) -> Result<u32> {
    if result < 0 {
        // CAST: C has no errors that do not fit.
        return Err(Error::from_errno(result as c_int));
    }
    u32::try_from(result).map_err(|_| EIO)
}
