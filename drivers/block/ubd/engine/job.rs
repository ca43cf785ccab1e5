// SPDX-License-Identifier: GPL-2.0

//! What a request is carried out with, step by step.
//!
//! A request that touches sectors of one before it waits in the [`Table`]. When it may start, a lower
//! read or write is handed down. What has completed it ends the request, if that was all, or else
//! queues it for a worker, who decides what comes next. Only when all of a write is done, bits are
//! set; nothing else of it is changed before.
//!
//! To block devices, the submitter hands it down, unless it would have to wait there, and up to [`RUNS`]
//! of a read at a time. To files a worker does, one after the other, as file systems want to sleep.

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
    line::Line,
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
    new_work,
    prelude::*,
    str::CString,
    sync::Arc,
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
        lower_io::{
            LowerIo,
            Piece, //
        },
        mq::{
            Action,
            LowerUser,
            MaySleep,
            Part,
            Patience,
            Request, //
        },
    },
    irq_lock::IrqLock,
    mm,
    new_irq_lock,
    ratelimit::RateLimit,
    workqueue::{
        self,
        OwnedQueue, //
    }, //
};

/// Requests of a disk that are in flight at a time.
pub(crate) const DEPTH: u16 = 128;

/// Pieces of memory of one request, and of one lower read or write.
pub(crate) const SEGMENTS: u16 = 256;

/// Runs of sectors of one read that are read at a time from block devices.
const RUNS: usize = 8;

/// Bytes of a sector.
const SECTOR: u64 = 512;

/// What all requests of a disk share.
#[pin_data]
pub(crate) struct Engine {
    pub(crate) image: Image,
    #[pin]
    pub(crate) flusher: Flusher,
    #[pin]
    table: IrqLock<Table>,
    #[pin]
    log_limit: RateLimit,
    name: CString,
    /// Requests for workers.
    line: Arc<IrqLock<Line<Places>>>,
    // Dropped last: workers have returned when these are gone.
    io_queue: OwnedQueue,
    flush_queue: OwnedQueue,
}

/// The requests with sectors, in the order in which they came.
struct Table {
    order: Order<KVec<Slot>>,
    /// By tag, those that wait.
    waiting: Places,
}

/// A place for a request of each tag.
type Places = KVec<Option<Request<Job>>>;

fn places() -> Result<Places> {
    let mut places = KVec::with_capacity(DEPTH.into(), GFP_KERNEL)?;
    for _ in 0..DEPTH {
        places.push(None, GFP_KERNEL)?;
    }
    Ok(places)
}

impl Table {
    /// Keeps a request that waits, and returns one that does not: [`Err`] if there is no place for it.
    fn keep_or_return(
        &mut self,
        entered: Entered,
        tag: u16,
        rq: Request<Job>,
    ) -> Option<Result<Request<Job>, Request<Job>>> {
        match (entered, self.waiting.get_mut(usize::from(tag))) {
            (Entered::Start, _) => Some(Ok(rq)),
            (Entered::Wait, Some(place)) => {
                *place = Some(rq);
                None
            }
            _ => Some(Err(rq)),
        }
    }
}

impl Engine {
    /// Creates what carries out the requests of the disk `name`.
    ///
    /// Fails with [`ENOMEM`] and as [`Flusher::new`]; may sleep.
    pub(crate) fn new(name: &CStr, image: Image) -> Result<Arc<Self>> {
        let flags = workqueue::Flag::MemReclaim | workqueue::Flag::Unbound;
        let table = Table {
            order: Order::new(KVec::from_elem(Slot::FREE, DEPTH.into(), GFP_KERNEL)?),
            waiting: places()?,
        };
        let flusher = Flusher::new(&image)?;

        Arc::pin_init(
            try_pin_init!(Self {
                flusher <- flusher,
                image,
                table <- new_irq_lock!(table, "ubd::Engine::table"),
                log_limit <- RateLimit::new(),
                name: CString::try_from_fmt(fmt!("{name}"))?,
                line: Arc::pin_init(
                    new_irq_lock!(Line::new(places()?), "ubd::Engine::line"),
                    GFP_KERNEL
                )?,
                io_queue: OwnedQueue::new(c"ubd_io", flags, DEPTH.into())?,
                flush_queue: OwnedQueue::new(c"ubd_flush", flags, 1)?,
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Takes a request. Does not sleep, but with the proof that it may.
    pub(crate) fn accept(&self, rq: Request<Job>, may_sleep: Option<MaySleep<'_>>) {
        let Some((first, count, access)) = self.sectors_of(&rq) else {
            return match rq.command() {
                Command::Flush => rq.enqueue(|job| &job.engine.flush_queue),
                _ => rq.end(Err(BlkError::IOERR)),
            };
        };
        // CAST: Tags are below the depth of the tag set; others have no slot.
        let tag = rq.tag() as u16;
        let started = self.table.with(|table| {
            let entered = table.order.enter(tag, first, count, access);
            table.keep_or_return(entered, tag, rq)
        });
        match started {
            Some(Ok(rq)) => start(rq, may_sleep),
            Some(Err(rq)) => rq.end(Err(BlkError::IOERR)),
            None => (),
        }
    }

    /// Returns whether both the image and the backing file are block devices.
    pub(crate) fn is_on_devices(&self) -> bool {
        self.image.cow.bdev().is_some() && self.image.backing.bdev().is_some()
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
        self.table.with(|Table { order, waiting }| {
            order.leave(tag as u16, |next| {
                if let Some(rq) = waiting.get_mut(usize::from(next)).and_then(Option::take) {
                    to_worker(rq);
                }
            });
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
    /// Whether it is done with block devices, and the run may be several.
    in_pieces: bool,
    /// Whether it was handed down where nothing may wait.
    at_once: bool,
    /// What a worker is to do when it comes to the request.
    next: Option<Next>,
    pauses: u32,
}

impl Job {
    /// Returns an initializer for the data of a request. It fails with [`ENOMEM`]; may sleep.
    pub(crate) fn new(engine: &Arc<Engine>) -> impl PinInit<Self, Error> {
        let engine = engine.clone();
        let places = if engine.is_on_devices() { RUNS } else { 1 };
        try_pin_init!(Self {
            engine,
            io: KBox::pin_init(LowerIo::with_places(SEGMENTS.into(), places), GFP_KERNEL)?,
            progress: Progress::default(),
            work <- new_work!("ubd::Job::work"),
        }? Error)
    }

    /// Returns what pieces are of.
    fn lowers(&self) -> [&Lower; 2] {
        [&self.engine.image.cow, &self.engine.image.backing]
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

    /// Ends the request here if that was all; or else a worker goes on.
    fn lower_done(mut rq: Request<Self>, result: Result<u32>) {
        let progress = rq.data_mut().project().progress;
        let at_once = core::mem::replace(&mut progress.at_once, false);

        if !(at_once && result == Err(EAGAIN)) {
            match progress.take(result) {
                Next::Complete(0) => return complete_run(rq, 0),
                next => progress.next = Some(next),
            }
        }
        to_worker(rq);
    }
}

impl Progress {
    /// Takes what a lower I/O came to.
    fn take(&mut self, result: Result<u32>) -> Next {
        let Some(transfer) = &mut self.transfer else {
            return Next::Fail(Failure::Io);
        };
        // More than what is wanted of the last sector may be there.
        let result = result
            .map(|bytes| u64::from(bytes).min(transfer.rest()))
            .map_err(failure);
        let next = transfer.got(result);
        if next == Next::Later {
            self.pauses += 1;
            if self.pauses > MAX_PAUSES {
                return Next::Fail(Failure::Io);
            }
        }
        next
    }
}

impl WorkItem for Job {
    type Pointer = Request<Self>;

    fn run(rq: Request<Self>) {
        mm::with_noio(|| {
            mm::with_local_throttle(|| match rq.command() {
                Command::Flush => flush(rq),
                _ => work(rq),
            });
        });
    }
}

/// Requests that a worker takes along before it gives way to other items of the queue.
const TURN: usize = 32;

/// Carries on with a request, and with those that are in line by then. The line outlives the requests,
/// as the disk may not.
fn work(rq: Request<Job>) {
    let line = rq.data_ref().engine.line.clone();
    let mut next = Some(rq);
    for _ in 0..TURN {
        let Some(rq) = next else {
            return;
        };
        advance(rq);
        mm::cond_resched();
        next = line.with(Line::take);
    }
    if let Some(rq) = next {
        rq.enqueue(|job| &job.engine.io_queue);
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

/// Has a worker carry on with a request. Any context.
fn to_worker(rq: Request<Job>) {
    let line = rq.data_ref().engine.line.clone();
    if let Some(rq) = line.with(|line| line.join(rq)) {
        rq.enqueue(|job| &job.engine.io_queue);
    }
}

/// Starts a request, where nothing may wait for other I/O.
fn start(mut rq: Request<Job>, may_sleep: Option<MaySleep<'_>>) {
    let has_pieces = matches!(rq.command(), Command::Read | Command::Write);
    let Some(may_sleep) = may_sleep.filter(|_| has_pieces) else {
        return to_worker(rq);
    };
    let mut room = [Piece::default(); RUNS];
    match begin_pieces(&mut rq, &mut room) {
        Some(pieces) => submit_pieces(rq, pieces, Patience::AtOnce(may_sleep)),
        None => {
            rq.data_mut().project().progress.next = Some(Next::Fail(Failure::Io));
            to_worker(rq);
        }
    }
}

/// Does the next step of a request.
fn advance(mut rq: Request<Job>) {
    let progress = rq.data_mut().project().progress;
    let next = match (progress.next.take(), progress.transfer.is_some()) {
        (Some(next), _) => next,
        // It could not be handed down at once.
        (None, true) => Next::Again,
        (None, false) => begin(&mut rq),
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

/// Decides what comes next of a request.
fn begin(rq: &mut Request<Job>) -> Next {
    let on_devices = rq.data_ref().engine.is_on_devices();
    match rq.command() {
        Command::Read | Command::Write if on_devices => {
            match begin_pieces(rq, &mut [Piece::default(); RUNS]) {
                Some(_) => Next::Again,
                None => Next::Fail(Failure::Io),
            }
        }
        _ => begin_run(rq),
    }
}

/// Has the next runs of the request be done with block devices, and returns where they are.
fn begin_pieces<'a>(rq: &mut Request<Job>, room: &'a mut [Piece; RUNS]) -> Option<&'a [Piece]> {
    let pieces = find_pieces(rq, room)?;
    let bytes: u64 = pieces.iter().map(|piece| u64::from(piece.bytes)).sum();
    let progress = rq.data_mut().project().progress;
    progress.sectors = bytes / SECTOR;
    progress.in_pieces = true;
    progress.transfer = Some(Transfer::write(0, bytes));
    Some(pieces)
}

/// Finds where the next runs of a request are, as long as it has not ended always the same.
fn find_pieces<'a>(rq: &Request<Job>, room: &'a mut [Piece; RUNS]) -> Option<&'a [Piece]> {
    let job = rq.data_ref();
    let image = &job.engine.image;
    let end = rq.sector().checked_add(rq.sectors().into())?;
    let mut at = rq.sector().checked_add(job.progress.at)?;
    let mut used = 0_usize;

    for piece in room.iter_mut() {
        let left = end.saturating_sub(at);
        if left == 0 {
            break;
        }
        let run = match rq.command() {
            Command::Read => bitmap::run(&image.bits, at, left),
            _ => bitmap::Run {
                in_cow: true,
                sectors: left,
            },
        };
        *piece = piece_of(image, at, &run)?;
        at = at.checked_add(run.sectors)?;
        used = used.checked_add(1)?;
    }
    room.get(..used)
}

/// Returns where a run is; devices have whole sectors.
fn piece_of(image: &Image, first: u64, run: &bitmap::Run) -> Option<Piece> {
    let part = image.layout.part(first, run.sectors)?;
    let pos = if run.in_cow {
        image.layout.cow_offset(first)?
    } else {
        part.offset
    };
    (part.zeros == 0).then_some(Piece {
        lower: usize::from(!run.in_cow),
        pos,
        bytes: u32::try_from(part.present).ok()?,
    })
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

/// Hands down what is left of the current run, or all of the current ones, in a worker.
fn submit(rq: Request<Job>) {
    if !rq.data_ref().progress.in_pieces {
        return submit_run(rq);
    }
    match find_pieces(&rq, &mut [Piece::default(); RUNS]) {
        Some(pieces) => submit_pieces(rq, pieces, Patience::Waits),
        None => finish(rq, Err(BlkError::IOERR)),
    }
}

/// Hands down all of the current runs.
fn submit_pieces(mut rq: Request<Job>, pieces: &[Piece], patience: Patience<'_>) {
    let progress = rq.data_mut().project().progress;
    progress.at_once = matches!(patience, Patience::AtOnce(_));
    // CAST: The request has its length in as many bits.
    let skip = (progress.at * SECTOR) as u32;
    rq.submit_pieces(Job::lowers, skip, pieces, patience);
}

fn submit_run(rq: Request<Job>) {
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

/// Ends the current run, whose last `zeros` bytes are to be zeroes. Any context.
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
        // From the queue, so that others have their turn.
        return to_worker(rq);
    }
    finish(rq, Ok(()));
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
