// SPDX-License-Identifier: GPL-2.0

//! Requests that are late, that come back, and whose submitters have lost interest.

use crate::disk::{
    becomes,
    plain,
    Seen, //
};
use kernel::{
    fmt, new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow,
        SpinLock, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};
use rb::{
    block::{
        bdev::{
            BdevFile,
            Mode, //
        },
        bio::{
            Command,
            Flags, //
        },
        bio_set::BioSet,
        error::BlkResult,
        gen_disk::{
            self,
            DiskDevice,
            DiskOptions,
            Disks,
            GenDisk, //
        },
        limits::{
            Feature,
            QueueLimits, //
        },
        mq::{
            self,
            Flag,
            Forwarded,
            IdleRequest,
            Rejected,
            Request,
            TagSet,
            TagSetOptions,
            Timeout, //
        },
        page_bio::{
            Completion,
            PageBio, //
        },
    },
    sysfs::Groups,
    workqueue::{
        self,
        OwnedQueue, //
    },
};

/// A disk that keeps its requests until it is told to end them.
#[pin_data]
struct Keeps {
    #[pin]
    requests: SpinLock<KVec<Request<()>>>,
    /// Hardware queue and tag of each request that was late.
    #[pin]
    late: SpinLock<KVec<(u32, u32)>>,
}

impl Keeps {
    fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                requests <- new_spinlock!(KVec::new()),
                late <- new_spinlock!(KVec::new()),
            }),
            GFP_KERNEL,
        )
    }

    fn end_all(&self) {
        let requests = core::mem::take(&mut *self.requests.lock());
        for rq in requests {
            rq.end(Ok(()));
        }
    }
}

#[vtable]
impl gen_disk::Operations for Keeps {
    type Data = Arc<Keeps>;
}

#[vtable]
impl mq::Operations for Keeps {
    type RequestData = ();
    type SetData = ();

    fn new_request_data(_set: &()) -> impl PinInit<(), Error> {
        Ok(())
    }

    fn queue_rq<'a>(
        this: ArcBorrow<'_, Keeps>,
        rq: IdleRequest<'a, ()>,
        _is_last: bool,
    ) -> core::result::Result<(), Rejected<'a>> {
        let rq = rq.start();
        let _ = this.requests.lock().push(rq, GFP_ATOMIC);
        Ok(())
    }

    fn timeout(this: ArcBorrow<'_, Keeps>, queue: u32, tag: u32) -> Timeout {
        let _ = this.late.lock().push((queue, tag), GFP_ATOMIC);
        Timeout::Later
    }
}

/// A disk that forwards its requests where they come in.
#[pin_data]
struct Forwards {
    lower: BdevFile,
    lower_seen: Arc<Seen>,
    #[pin]
    bios: BioSet,
    /// How often a request had gone down when `forward()` returned.
    went: Atomic<u32>,
}

#[vtable]
impl gen_disk::Operations for Forwards {
    type Data = Arc<Forwards>;
}

#[vtable]
impl mq::Operations for Forwards {
    type RequestData = ();
    type SetData = ();

    fn new_request_data(_set: &()) -> impl PinInit<(), Error> {
        Ok(())
    }

    fn queue_rq<'a>(
        this: ArcBorrow<'_, Forwards>,
        rq: IdleRequest<'a, ()>,
        _is_last: bool,
    ) -> core::result::Result<(), Rejected<'a>> {
        let before = this.lower_seen.reads.load(Relaxed);
        rq.start().forward(&this.lower, &this.bios);
        if this.lower_seen.reads.load(Relaxed) != before {
            this.went.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    fn forwarded(
        _this: ArcBorrow<'_, Forwards>,
        _rq: &Request<()>,
        result: BlkResult,
    ) -> Forwarded {
        Forwarded::End(result)
    }
}

fn forwards(lower: BdevFile, lower_seen: Arc<Seen>) -> Result<Arc<Forwards>> {
    Arc::pin_init(
        try_pin_init!(Forwards {
            lower,
            lower_seen,
            bios <- BioSet::new(1),
            went: Atomic::new(0),
        }? Error),
        GFP_KERNEL,
    )
}

/// Adds a disk with a cache, and with one tag for each of its hardware queues.
fn disk<T, D>(
    disks: &Disks,
    name: fmt::Arguments<'_>,
    flags: impl Into<mq::Flags>,
    reads: u32,
    data: Arc<D>,
) -> Result<GenDisk<T>>
where
    T: mq::Operations<SetData = ()> + gen_disk::Operations<Data = Arc<D>>,
    D: Send + Sync + 'static,
{
    let tags = TagSetOptions {
        nr_hw_queues: 1,
        nr_read_queues: reads,
        queue_depth: 1,
        flags: flags.into(),
    };
    let tags = Arc::pin_init(TagSet::<T>::new(&tags, ())?, GFP_KERNEL)?;
    let options = DiskOptions {
        capacity_sectors: 64,
        // Nothing is read but by the test.
        no_partitions: true,
        ..DiskOptions::default()
    };
    let limits = QueueLimits {
        features: Feature::WriteCache.into(),
        ..QueueLimits::default()
    };
    let disk = options.build_mq::<T>(disks.token(), name, &limits, tags, data)?;
    disk.add_disk(Groups::<DiskDevice<D>>::EMPTY)
}

fn keeps(disks: &Disks, reads: u32, data: &Arc<Keeps>) -> Result<GenDisk<Keeps>> {
    let flags = Flag::NoDefaultScheduler;
    disk::<Keeps, _>(disks, fmt!("rb-kunit-mq"), flags, reads, data.clone())
}

/// Notes that a bio has completed.
struct Noted(Arc<Atomic<bool>>);

impl Completion for Noted {
    fn completed(&self) {
        self.0.store(true, Relaxed);
    }
}

/// A bio, and whether it has completed.
type Submitted = (Arc<PageBio<Noted>>, Arc<Atomic<bool>>);

/// Submits a bio for one sector.
fn submit(lower: &BdevFile, command: Command) -> Result<Submitted> {
    let completed = Arc::new(Atomic::new(false), GFP_KERNEL)?;
    let bio = Arc::pin_init(PageBio::new(512, Noted(completed.clone())), GFP_KERNEL)?;
    bio.as_arc_borrow()
        .submit(lower, command, Flags::empty(), 0, 0..512)?;
    Ok((bio, completed))
}

#[kunit_tests(rb_mq)]
mod tests {
    use super::*;
    use crate::wait_until;

    #[test]
    fn late_requests_are_told_apart() -> Result {
        let disks = Disks::new()?;
        let data = Keeps::new()?;
        let disk = keeps(&disks, 1, &data)?;
        disk.queue().ok_or(EINVAL)?.set_timeout(1);
        let lower = BdevFile::open(disk.dev(), Mode::ReadWrite)?;
        let read = submit(&lower, Command::Read)?;
        let write = submit(&lower, Command::Write)?;

        let of_queue = |queue| {
            let late = data.late.lock();
            let found = late.iter().find(|(late, _)| *late == queue).copied();
            found
        };
        let both = wait_until(|| of_queue(0).is_some() && of_queue(1).is_some());
        let requests = data.requests.lock();
        let mut named = requests.iter().map(|rq| Some((rq.hw_queue(), rq.tag())));
        let known = named.all(|name| name == of_queue(0) || name == of_queue(1));
        drop(requests);
        let (write_rq, read_rq) = (of_queue(0), of_queue(1));
        data.end_all();
        assert!(both && known);
        // The tag alone would not do.
        assert_eq!(write_rq.map(|(_, tag)| tag), read_rq.map(|(_, tag)| tag));
        for (bio, _) in [&read, &write] {
            assert!(wait_until(|| bio.take_result() == Some(Ok(()))));
        }
        Ok(())
    }

    #[test]
    fn a_bio_that_is_dropped_has_completed() -> Result {
        let disks = Disks::new()?;
        let data = Keeps::new()?;
        let disk = keeps(&disks, 0, &data)?;
        let lower = BdevFile::open(disk.dev(), Mode::Read)?;
        let queue = OwnedQueue::new(c"rb_test", workqueue::Flag::Unbound, 1)?;
        let (bio, completed) = submit(&lower, Command::Read)?;

        queue.try_spawn(GFP_KERNEL, move || {
            fsleep(Delta::from_millis(200));
            data.end_all();
        })?;
        drop(bio);
        assert!(completed.load(Relaxed));
        Ok(())
    }

    #[test]
    fn what_is_forwarded_has_gone_down() -> Result {
        let (_lower_disks, lower_disk, lower_seen) = plain()?;
        // Those who look for partitions are done.
        assert!(becomes(&lower_seen.live_releases, 1));
        let lower = BdevFile::open(lower_disk.dev(), Mode::Read)?;
        let disks = Disks::new()?;
        let data = forwards(lower, lower_seen)?;
        let flags = Flag::NoDefaultScheduler | Flag::Blocking;
        let name = fmt!("rb-kunit-upper");
        let disk = disk::<Forwards, _>(&disks, name, flags, 0, data.clone())?;
        let upper = BdevFile::open(disk.dev(), Mode::Read)?;

        let (bio, _) = submit(&upper, Command::Read)?;
        assert!(wait_until(|| bio.take_result() == Some(Ok(()))));
        // Given back, it may have gone down from a worker before that was looked at, too.
        assert!(wait_until(|| data.went.load(Relaxed) != 0));
        Ok(())
    }

    // It is lockdep that sees more in it.
    #[test]
    fn a_flush_goes_through_two_queues() -> Result {
        let lower_disks = Disks::new()?;
        let keeper = Keeps::new()?;
        let lower_disk = keeps(&lower_disks, 0, &keeper)?;
        let lower = BdevFile::open(lower_disk.dev(), Mode::ReadWrite)?;
        let disks = Disks::new()?;
        let flags = Flag::NoDefaultScheduler | Flag::Blocking;
        let name = fmt!("rb-kunit-upper");
        let disk = disk::<Forwards, _>(&disks, name, flags, 0, forwards(lower, Seen::new()?)?)?;

        let flushed = Arc::new(Atomic::new(0u32), GFP_KERNEL)?;
        let queue = OwnedQueue::new(c"rb_test", workqueue::Flag::Unbound, 1)?;
        let (ended, until) = (keeper.clone(), flushed.clone());
        queue.try_spawn(GFP_KERNEL, move || {
            while until.load(Relaxed) == 0 {
                ended.end_all();
                fsleep(Delta::from_millis(10));
            }
        })?;
        let result = disk.sync();
        flushed.store(1, Relaxed);
        drop(queue);
        assert_eq!(result, Ok(()));
        Ok(())
    }
}
