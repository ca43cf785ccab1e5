// SPDX-License-Identifier: GPL-2.0

//! What a request is carried out with, step by step.
//!
//! A request that touches sectors of one before it waits in the [`Table`]. When it may start, it goes to
//! the queue for I/O. There a worker hands a lower read or write down; when that has completed, the
//! request is queued again, and the worker decides what comes next. Only when all of a write is done,
//! bits are set; nothing else of it is changed before.

use super::{
    flusher::{
        failure,
        Flusher,
        MAX_PAUSES,
        PAUSE, //
    },
    image::Image, //
};
use crate::logic::{
    bitmap,
    order::{
        Access,
        Entered,
        Order,
        Slot, //
    },
    transfer::{
        Failure,
        Next,
        Transfer, //
    },
};
use kernel::{
    impl_has_work,
    new_spinlock,
    new_work,
    prelude::*,
    str::CString,
    sync::{
        Arc,
        SpinLock, //
    },
    time::delay::fsleep,
    workqueue::{
        Work,
        WorkItem, //
    }, //
};
use rb::{
    block::{
        bio::{
            Command,
            Flag, //
        },
        error::{
            BlkError,
            BlkResult, //
        },
        lower::Lower,
        lower_io::LowerIo,
        mq::{
            Action,
            LowerUser,
            Part,
            Request, //
        },
    },
    mm,
    ratelimit::RateLimit,
    workqueue::{
        self,
        OwnedQueue, //
    }, //
};

/// Requests of a disk that are in flight at a time.
pub(crate) const DEPTH: u16 = 128;

/// Pieces of memory of one request, and of one lower read or write.
pub(crate) const SEGMENTS: u16 = 128;

/// Bytes of a sector.
const SECTOR: u64 = 512;

/// What all requests of a disk share.
#[pin_data]
pub(crate) struct Engine {
    pub(crate) image: Image,
    #[pin]
    pub(crate) flusher: Flusher,
    /// Taken with interrupts on: no completion does.
    #[pin]
    table: SpinLock<Table>,
    #[pin]
    log_limit: RateLimit,
    name: CString,
    // Dropped last: workers have returned when these are gone.
    io_queue: OwnedQueue,
    flush_queue: OwnedQueue,
}

/// The requests with sectors, in the order in which they came.
struct Table {
    order: Order<KVec<Slot>>,
    /// By tag, those that wait.
    waiting: KVec<Option<Request<Job>>>,
}

impl Engine {
    /// Creates what carries out the requests of the disk `name`.
    ///
    /// Fails with [`ENOMEM`] and as [`Flusher::new`]; may sleep.
    pub(crate) fn new(name: &CStr, image: Image) -> Result<Arc<Self>> {
        let flags = workqueue::Flag::MemReclaim | workqueue::Flag::Unbound;
        let mut waiting = KVec::with_capacity(DEPTH.into(), GFP_KERNEL)?;
        for _ in 0..DEPTH {
            waiting.push(None, GFP_KERNEL)?;
        }
        let table = Table {
            order: Order::new(KVec::from_elem(Slot::FREE, DEPTH.into(), GFP_KERNEL)?),
            waiting,
        };
        let flusher = Flusher::new(&image)?;

        Arc::pin_init(
            try_pin_init!(Self {
                flusher <- flusher,
                image,
                table <- new_spinlock!(table),
                log_limit <- RateLimit::new(),
                name: CString::try_from_fmt(fmt!("{name}"))?,
                io_queue: OwnedQueue::new(c"ubd_io", flags, DEPTH.into())?,
                flush_queue: OwnedQueue::new(c"ubd_flush", flags, 1)?,
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Takes a request. Does not sleep.
    pub(crate) fn accept(&self, rq: Request<Job>) {
        let Some((first, count, access)) = self.sectors_of(&rq) else {
            return match rq.command() {
                Command::Flush => rq.enqueue(|job| &job.engine.flush_queue),
                _ => rq.end(Err(BlkError::IOERR)),
            };
        };
        // CAST: Tags are below the depth of the tag set; others have no slot.
        let tag = rq.tag() as u16;
        let mut table = self.table.lock();
        match table.order.enter(tag, first, count, access) {
            Entered::Start => {
                drop(table);
                rq.enqueue(|job| &job.engine.io_queue);
            }
            Entered::Wait => match table.waiting.get_mut(usize::from(tag)) {
                Some(place) => *place = Some(rq),
                None => drop(rq),
            },
            Entered::NoSlot => drop(rq),
        }
    }

    /// Returns the sectors of a request, and what it does to them, if it has any that the disk has.
    fn sectors_of(&self, rq: &Request<Job>) -> Option<(u64, u64, Access)> {
        let access = match rq.command() {
            Command::Read => Access::Read,
            Command::Write | Command::WriteZeroes | Command::Discard if !self.image.read_only => {
                Access::Change
            }
            _ => return None,
        };
        let (first, count) = (rq.sector(), u64::from(rq.sectors()));
        let end = first.checked_add(count)?;
        (end <= self.image.layout.sectors()).then_some((first, count, access))
    }

    /// Starts the requests that have waited for the one with this tag.
    fn leave(&self, tag: u32) {
        let mut table = self.table.lock();
        let Table { order, waiting } = &mut *table;

        order.leave(tag as u16, |next| {
            if let Some(rq) = waiting.get_mut(usize::from(next)).and_then(Option::take) {
                rq.enqueue(|job| &job.engine.io_queue);
            }
        });
    }

    fn log(&self, rq: &Request<Job>, failure: Failure) {
        if self.log_limit.allows() {
            pr_err!(
                "{}: {:?} at sector {} failed: {:?}\n",
                &*self.name,
                rq.command(),
                rq.sector(),
                failure
            );
        }
    }
}

/// The data next to each request.
#[pin_data]
pub(crate) struct Job {
    engine: Arc<Engine>,
    io: Pin<KBox<LowerIo>>,
    progress: Progress,
    #[pin]
    work: Work<Job>,
}

impl_has_work! {
    impl HasWork<Self> for Job { self.work }
}

/// How far a request has come.
#[derive(Default)]
struct Progress {
    /// Where in the request the current run of sectors starts, and how many there are.
    at: u64,
    sectors: u64,
    /// What is done for them, if something is.
    transfer: Option<Transfer>,
    /// Whether it is done with the image, or else with the backing file.
    in_cow: bool,
    /// What the last lower I/O came to.
    result: Option<Result<u32>>,
    pauses: u32,
}

impl Job {
    /// Returns an initializer for the data of a request. It fails with [`ENOMEM`]; may sleep.
    pub(crate) fn new(engine: &Arc<Engine>) -> impl PinInit<Self, Error> {
        let engine = engine.clone();
        try_pin_init!(Self {
            engine,
            io: KBox::pin_init(LowerIo::new(SEGMENTS.into()), GFP_KERNEL)?,
            progress: Progress::default(),
            work <- new_work!("ubd::Job::work"),
        }? Error)
    }

    /// Returns the lower file that the current run is in.
    fn lower(&self) -> &Lower {
        if self.progress.in_cow {
            &self.engine.image.cow
        } else {
            &self.engine.image.backing
        }
    }
}

impl LowerUser for Job {
    fn lower_io(&self) -> &LowerIo {
        &self.io
    }

    fn lower_done(mut rq: Request<Self>, result: Result<u32>) {
        rq.data_mut().project().progress.result = Some(result);
        rq.enqueue(|job| &job.engine.io_queue);
    }
}

impl WorkItem for Job {
    type Pointer = Request<Self>;

    fn run(rq: Request<Self>) {
        mm::with_noio(|| {
            mm::with_local_throttle(|| match rq.command() {
                Command::Flush => flush(rq),
                _ => advance(rq),
            });
        });
    }
}

fn flush(rq: Request<Job>) {
    let engine = &rq.data_ref().engine;
    let result = engine.flusher.flush(&engine.image, true);
    if let Err(err) = result {
        if engine.log_limit.allows() {
            pr_err!("{}: a flush failed: {:?}\n", &*engine.name, err);
        }
    }
    rq.end(result.map_err(BlkError::from));
}

/// Does the next step of a request.
fn advance(mut rq: Request<Job>) {
    let is_new = rq.data_ref().progress.transfer.is_none();
    let next = if is_new {
        begin_run(&mut rq)
    } else {
        take_result(&mut rq)
    };
    match next {
        Next::Again => submit(rq),
        Next::Later => {
            fsleep(PAUSE);
            submit(rq);
        }
        Next::Complete(zeros) => complete_run(rq, zeros),
        Next::Fail(failure) => {
            rq.data_ref().engine.log(&rq, failure);
            finish(rq, Err(status(failure)));
        }
    }
}

/// Decides what the next sectors of the request are, and what is to be done with them.
fn begin_run(rq: &mut Request<Job>) -> Next {
    let (sector, sectors) = (rq.sector(), u64::from(rq.sectors()));
    let is_read = rq.command() == Command::Read;
    let may_punch = match rq.command() {
        Command::Discard => true,
        Command::WriteZeroes => !rq.flags().contains(Flag::NoUnmap),
        _ => false,
    };
    let job = rq.data_mut().project();
    let image = &job.engine.image;
    let first = sector + job.progress.at;
    let left = sectors.saturating_sub(job.progress.at);

    let run = if is_read {
        bitmap::run(&image.bits, first, left)
    } else {
        bitmap::Run {
            in_cow: true,
            sectors: left,
        }
    };
    let (Some(part), Some(offset)) = (
        image.layout.part(first, run.sectors),
        image.layout.cow_offset(first),
    ) else {
        return Next::Fail(Failure::Io);
    };
    job.progress.sectors = run.sectors;
    job.progress.in_cow = run.in_cow;
    job.progress.transfer = Some(match (is_read, run.in_cow) {
        (false, _) => Transfer::write(offset, run.sectors * SECTOR),
        (true, true) => Transfer::read_cow(offset, part),
        (true, false) => Transfer::read_backing(part),
    });
    match may_punch.then(|| image.punch(offset, run.sectors * SECTOR)) {
        Some(Some(Ok(()))) => Next::Complete(0),
        Some(Some(Err(err))) if failure(err) != Failure::Passing => Next::Fail(failure(err)),
        // It is written instead.
        _ => Next::Again,
    }
}

/// Takes what a lower I/O came to.
fn take_result(rq: &mut Request<Job>) -> Next {
    let progress = rq.data_mut().project().progress;
    let (Some(transfer), Some(result)) = (&mut progress.transfer, progress.result.take()) else {
        return Next::Fail(Failure::Io);
    };
    // More than what is wanted of the last sector may be there.
    let result = result
        .map(|bytes| u64::from(bytes).min(transfer.rest()))
        .map_err(failure);
    let next = transfer.got(result);
    if next == Next::Later {
        progress.pauses += 1;
        if progress.pauses > MAX_PAUSES {
            return Next::Fail(Failure::Io);
        }
    }
    next
}

/// Hands down what is left of the current run.
fn submit(rq: Request<Job>) {
    let progress = &rq.data_ref().progress;
    let Some(transfer) = &progress.transfer else {
        return finish(rq, Err(BlkError::IOERR));
    };
    let skip = progress.at * SECTOR + transfer.done();
    let bytes = match rq.command() {
        // The last sector of a backing file may not be whole, but is asked for as such.
        Command::Read => transfer.rest().next_multiple_of(SECTOR),
        _ => transfer.rest(),
    };
    let part = Part {
        action: match rq.command() {
            Command::Read => Action::Read,
            Command::Write => Action::Write,
            _ => Action::WriteZeroes,
        },
        pos: transfer.offset(),
        skip: u32::try_from(skip).unwrap_or(u32::MAX),
        bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
    };
    rq.submit_lower(Job::lower, &part);
}

/// Ends the current run, whose last `zeros` bytes are to be zeroes.
fn complete_run(mut rq: Request<Job>, zeros: u64) {
    let progress = rq.data_mut().project().progress;
    let start = progress.at * SECTOR;
    progress.at += progress.sectors;
    progress.transfer = None;
    let end = progress.at * SECTOR;

    if rq.command() != Command::Read {
        let count = u64::from(rq.sectors());
        rq.data_ref().engine.image.commit(rq.sector(), count);
        return finish(rq, Ok(()));
    }
    if zeros != 0 {
        zero(&rq, end.saturating_sub(zeros).max(start), end);
    }
    if end < u64::from(rq.bytes()) {
        return advance_further(rq);
    }
    finish(rq, Ok(()));
}

/// Goes on with the next run, from the queue, so that others have their turn.
fn advance_further(rq: Request<Job>) {
    rq.enqueue(|job| &job.engine.io_queue);
}

/// Zeroes a part of the data of a read.
fn zero(rq: &Request<Job>, start: u64, end: u64) {
    let mut at = 0;
    for segment in rq.bios().filter_map(|bio| bio.destination()).flatten() {
        let len = segment.len() as u64;
        let from = start.clamp(at, at + len) - at;
        let to = end.clamp(at, at + len) - at;
        if from < to {
            let offset = segment.offset() + from as usize;
            let _ = segment.page().zero(offset, (to - from) as usize);
            segment.page().flush_dcache();
        }
        at += len;
    }
}

/// Ends a request, after which others that have waited for it may start.
fn finish(mut rq: Request<Job>, result: BlkResult) {
    *rq.data_mut().project().progress = Progress::default();
    let tag = rq.tag();
    rq.data_ref().engine.leave(tag);
    rq.end(result);
}

fn status(failure: Failure) -> BlkError {
    match failure {
        Failure::NoSpace => BlkError::NOSPC,
        Failure::Unsupported => BlkError::NOTSUPP,
        Failure::Passing | Failure::Io => BlkError::IOERR,
    }
}
