// SPDX-License-Identifier: GPL-2.0

//! I/O to files below, and requests that are carried out by it.

use core::ffi::c_void;
use kernel::{
    fmt,
    impl_has_work,
    new_work,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow, //
    },
    workqueue::{
        Work,
        WorkItem, //
    }, //
};
use rb::{
    block::{
        bdev::{
            self,
            BdevFile, //
        },
        bio::{
            Command,
            Flags, //
        },
        error::BlkError,
        gen_disk::{
            self,
            DiskDevice,
            DiskOptions,
            Disks,
            GenDisk, //
        },
        limits::QueueLimits,
        lower::{
            Lower,
            Sharing, //
        },
        lower_io::{
            IoBuffer,
            LowerIo, //
        },
        mq::{
            self,
            Action,
            IdleRequest,
            LowerUser,
            Part,
            Rejected,
            Request,
            TagSet,
            TagSetOptions, //
        },
        page_bio::{
            Completion,
            PageBio, //
        },
    },
    errno,
    fs::{
        Mode,
        OpenFile, //
    },
    mm,
    sysfs::Groups,
    workqueue::{
        Flag,
        OwnedQueue, //
    }, //
};

extern "C" {
    fn rb_test_enter_root() -> *mut c_void;
    fn rb_test_leave_root(before: *mut c_void);
}

/// While this is there, the current thread sees the files of user space.
struct Root(*mut c_void);

impl Root {
    fn enter() -> Self {
        // SAFETY: Tests have a thread of their own, which leaves again.
        Self(unsafe { rb_test_enter_root() })
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // SAFETY: This is what the thread had before it entered.
        unsafe { rb_test_leave_root(self.0) };
    }
}

/// Where a file may be made.
const PATHS: [&[u8]; 3] = [
    b"/tmp/rb-kunit-lower",
    b"/dev/rb-kunit-lower",
    b"/rb-kunit-lower",
];

/// The same for one that is not there.
const NEW_PATHS: [&[u8]; 3] = [b"/tmp/rb-kunit-new", b"/dev/rb-kunit-new", b"/rb-kunit-new"];

/// Returns the path of a file that is there.
fn file() -> Result<&'static [u8]> {
    let made = |path: &&[u8]| match OpenFile::open(path, Mode::Create) {
        Ok(file) => {
            file.keep();
            true
        }
        Err(err) => err == EEXIST,
    };
    PATHS.into_iter().find(made).ok_or(EROFS)
}

fn alone(path: &[u8]) -> Result<Lower> {
    Lower::open(path, Mode::ReadWrite, Sharing::Alone)
}

/// The data of a request that a file carries out.
#[pin_data]
struct Job {
    shared: Arc<Shared>,
    io: Pin<KBox<LowerIo>>,
    result: Option<Result<u32>>,
    #[pin]
    work: Work<Job>,
}

impl_has_work! {
    impl HasWork<Self> for Job { self.work }
}

struct Shared {
    lower: Lower,
    queue: OwnedQueue,
    /// How often a worker has had a request.
    runs: Atomic<u32>,
}

impl LowerUser for Job {
    fn lower_io(&self) -> &LowerIo {
        &self.io
    }

    fn lower_done(mut rq: Request<Self>, result: Result<u32>) {
        *rq.data_mut().project().result = Some(result);
        rq.enqueue(|job| &job.shared.queue);
    }
}

impl WorkItem for Job {
    type Pointer = Request<Self>;

    fn run(mut rq: Request<Self>) {
        rq.data_ref().shared.runs.fetch_add(1, Relaxed);
        let bytes = rq.bytes();
        if let Some(result) = rq.data_mut().project().result.take() {
            return rq.end(match result {
                Ok(done) if done == bytes => Ok(()),
                _ => Err(BlkError::IOERR),
            });
        }
        let part = Part {
            action: match rq.command() {
                Command::Read => Action::Read,
                _ => Action::Write,
            },
            pos: rq.sector() * 512,
            skip: 0,
            bytes,
        };
        rq.submit_lower(|job| &job.shared.lower, &part);
    }
}

/// A disk that is in a file.
struct InFile;

#[vtable]
impl gen_disk::Operations for InFile {
    type Data = Arc<Shared>;
}

#[vtable]
impl mq::Operations for InFile {
    type RequestData = Job;
    type SetData = Arc<Shared>;

    fn new_request_data(shared: &Arc<Shared>) -> impl PinInit<Job, Error> {
        let shared = shared.clone();
        try_pin_init!(Job {
            shared,
            io: KBox::pin_init(LowerIo::new(8), GFP_KERNEL)?,
            result: None,
            work <- new_work!("Job::work"),
        }? Error)
    }

    fn queue_rq<'a>(
        _this: ArcBorrow<'_, Shared>,
        rq: IdleRequest<'a, Job>,
        _is_last: bool,
    ) -> core::result::Result<(), Rejected<'a>> {
        rq.start().enqueue(|job| &job.shared.queue);
        Ok(())
    }
}

fn disk<T, D>(
    disks: &Disks,
    name: fmt::Arguments<'_>,
    flags: impl Into<mq::Flags>,
    shared: &Arc<D>,
) -> Result<GenDisk<T>>
where
    T: mq::Operations<SetData = Arc<D>> + gen_disk::Operations<Data = Arc<D>>,
    D: Send + Sync + 'static,
{
    let tags = TagSetOptions {
        nr_hw_queues: 1,
        nr_read_queues: 0,
        queue_depth: 2,
        flags: flags.into(),
    };
    let tags = Arc::pin_init(TagSet::<T>::new(&tags, shared.clone())?, GFP_KERNEL)?;
    let options = DiskOptions {
        capacity_sectors: 64,
        no_partitions: true,
        ..DiskOptions::default()
    };
    let limits = QueueLimits::default();
    options
        .build_mq::<T>(disks.token(), name, &limits, tags, shared.clone())?
        .add_disk(Groups::<DiskDevice<D>>::EMPTY)
}

/// A disk whose requests are read from a file where they come in, which is too early.
struct Early;

struct EarlyJob {
    shared: Arc<EarlyShared>,
    io: Pin<KBox<LowerIo>>,
}

struct EarlyShared {
    lower: Lower,
    io: Pin<KBox<LowerIo>>,
    /// What came of reading, flushing, and handing the request down, as errors.
    results: [Atomic<i32>; 3],
}

impl EarlyShared {
    fn note(&self, which: usize, result: Result) {
        let errno = result.map_or_else(Error::to_errno, |()| 0);
        self.results[which].store(errno, Relaxed);
    }
}

impl LowerUser for EarlyJob {
    fn lower_io(&self) -> &LowerIo {
        &self.io
    }

    fn lower_done(rq: Request<Self>, result: Result<u32>) {
        rq.data_ref().shared.note(2, result.map(drop));
        rq.end(Ok(()));
    }
}

#[vtable]
impl gen_disk::Operations for Early {
    type Data = Arc<EarlyShared>;
}

#[vtable]
impl mq::Operations for Early {
    type RequestData = EarlyJob;
    type SetData = Arc<EarlyShared>;

    fn new_request_data(shared: &Arc<EarlyShared>) -> impl PinInit<EarlyJob, Error> {
        Ok(EarlyJob {
            shared: shared.clone(),
            io: KBox::pin_init(LowerIo::new(8), GFP_KERNEL)?,
        })
    }

    fn queue_rq<'a>(
        this: ArcBorrow<'_, EarlyShared>,
        rq: IdleRequest<'a, EarlyJob>,
        _is_last: bool,
    ) -> core::result::Result<(), Rejected<'a>> {
        let read = mm::with_noio(|| IoBuffer::new(512))
            .and_then(|mut buffer| this.io.read(&this.lower, 0, &mut buffer, 0..512));
        this.note(0, read.map(drop));
        this.note(1, this.lower.sync());
        let part = Part {
            action: Action::Read,
            pos: 0,
            skip: 0,
            bytes: 512,
        };
        rq.start().submit_lower(|job| &job.shared.lower, &part);
        Ok(())
    }
}

/// What nobody needs to hear.
struct Unheard;

impl Completion for Unheard {
    fn completed(&self) {}
}

#[kunit_tests(rb_lower)]
mod tests {
    use super::*;
    use crate::wait_until;

    #[test]
    fn a_file_ends_where_it_ends() -> Result {
        let _root = Root::enter();
        let path = file()?;
        let lower = alone(path)?;
        let io = KBox::pin_init(LowerIo::new(1), GFP_KERNEL)?;
        let mut buffer = IoBuffer::new(8192)?;
        buffer[5000] = 42;
        assert_eq!(io.write(&lower, 0, &buffer, 0..5001)?, 5001);
        lower.sync()?;
        let size = lower.bytes()?;
        assert!(size >= 5001);

        let mut read = IoBuffer::new(100)?;
        assert_eq!(io.read(&lower, 4999, &mut read, 0..100)?.min(2), 2);
        assert_eq!((read[0], read[1]), (0, 42));
        assert_eq!(io.read(&lower, size, &mut read, 0..100)?, 0);
        assert_eq!(io.read(&lower, 0, &mut read, 0..101), Err(EINVAL));
        assert_eq!(io.read(&lower, u64::MAX, &mut read, 0..100), Err(EINVAL));
        // It is free again after an error.
        assert_eq!(io.read(&lower, 5000, &mut read, 3..4)?, 1);
        assert_eq!(read[3], 42);
        Ok(())
    }

    #[test]
    fn a_file_is_used_once() -> Result {
        let _root = Root::enter();
        let path = file()?;
        let lower = alone(path)?;
        assert!(matches!(alone(path), Err(EBUSY)));
        // Somebody has it open for writing.
        let shared = Lower::open(path, Mode::Read, Sharing::Readers);
        assert!(matches!(shared, Err(EBUSY)));
        drop(lower);
        let reader = Lower::open(path, Mode::Read, Sharing::Readers)?;
        let other = Lower::open(path, Mode::Read, Sharing::Readers)?;
        assert!(reader.file().is_same(other.file()));
        assert!(matches!(
            OpenFile::open(path, Mode::ReadWrite),
            Err(ETXTBSY)
        ));
        drop((reader, other));
        alone(path).map(drop)
    }

    #[test]
    fn a_new_file_goes_unless_it_is_kept() -> Result {
        let _root = Root::enter();
        // It is closed at once.
        let made = |path: &&[u8]| OpenFile::open(path, Mode::Create).is_ok();
        let path = NEW_PATHS.into_iter().find(made).ok_or(EROFS)?;

        assert!(matches!(OpenFile::open(path, Mode::Read), Err(ENOENT)));
        let new = OpenFile::open(path, Mode::Create)?;
        assert!(OpenFile::open(path, Mode::Read).is_ok());
        assert!(matches!(OpenFile::open(path, Mode::Create), Err(EEXIST)));
        drop(new);
        assert!(matches!(OpenFile::open(path, Mode::Read), Err(ENOENT)));
        Ok(())
    }

    #[test]
    fn room_has_limits() {
        let new = |entries| KBox::pin_init(LowerIo::new(entries), GFP_KERNEL);
        assert!(matches!(new(0), Err(EINVAL)));
        assert!(matches!(new(257), Err(EINVAL)));
        assert!(new(256).is_ok());
        let places = |places| KBox::pin_init(LowerIo::with_places(1, places), GFP_KERNEL);
        assert!(matches!(places(0), Err(EINVAL)));
        assert!(matches!(places(65), Err(EINVAL)));
        assert!(places(64).is_ok());
        assert!(matches!(IoBuffer::new(0), Err(EINVAL)));
        assert!(matches!(OpenFile::open(b"/\0", Mode::Read), Err(EINVAL)));
    }

    #[test]
    fn nothing_waits_in_a_submission() -> Result {
        let _root = Root::enter();
        let shared = Arc::new(
            EarlyShared {
                lower: alone(file()?)?,
                io: KBox::pin_init(LowerIo::new(1), GFP_KERNEL)?,
                results: [const { Atomic::new(1) }; 3],
            },
            GFP_KERNEL,
        )?;
        let disks = Disks::new()?;
        let flags = mq::Flag::NoDefaultScheduler | mq::Flag::Blocking;
        let disk = disk::<Early, _>(&disks, fmt!("rb-kunit-early"), flags, &shared)?;
        let opened = BdevFile::open(disk.dev(), bdev::Mode::Read)?;
        let bio = Arc::pin_init(PageBio::new(512, Unheard), GFP_KERNEL)?;
        bio.as_arc_borrow()
            .submit(&opened, Command::Read, Flags::empty(), 0, 0..512)?;
        assert!(wait_until(|| bio.take_result() == Some(Ok(()))));
        for result in &shared.results {
            assert_eq!(result.load(Relaxed), -errno::EDEADLK);
        }
        Ok(())
    }

    #[test]
    fn a_request_is_carried_out_by_a_file() -> Result {
        let _root = Root::enter();
        let shared = Arc::new(
            Shared {
                lower: alone(file()?)?,
                queue: OwnedQueue::new(c"rb_test", Flag::MemReclaim | Flag::Unbound, 2)?,
                runs: Atomic::new(0),
            },
            GFP_KERNEL,
        )?;
        let disks = Disks::new()?;
        let name = fmt!("rb-kunit-file");
        let flags = mq::Flag::NoDefaultScheduler;
        let disk = disk::<InFile, _>(&disks, name, flags, &shared)?;
        let opened = BdevFile::open(disk.dev(), bdev::Mode::ReadWrite)?;
        let bio = Arc::pin_init(PageBio::new(4096, Unheard), GFP_KERNEL)?;
        let io = KBox::pin_init(LowerIo::new(1), GFP_KERNEL)?;
        let mut buffer = IoBuffer::new(4096)?;
        buffer[..4096].fill(7);
        // A sector of others, which the disk reads and writes to another place.
        assert_eq!(io.write(&shared.lower, 0, &buffer, 0..4096)?, 4096);

        let before = shared.runs.load(Relaxed);
        for (command, sector) in [(Command::Read, 0), (Command::Write, 8)] {
            bio.as_arc_borrow()
                .submit(&opened, command, Flags::empty(), sector, 0..4096)?;
            let mut result = None;
            assert!(wait_until(|| {
                result = bio.take_result();
                result.is_some()
            }));
            assert_eq!(result, Some(Ok(())));
        }
        // Each was handed down, and came back.
        assert_eq!(shared.runs.load(Relaxed) - before, 4);
        buffer.fill(0);
        assert_eq!(io.read(&shared.lower, 4096, &mut buffer, 0..4096)?, 4096);
        assert!(buffer.iter().all(|&byte| byte == 7));
        Ok(())
    }
}
