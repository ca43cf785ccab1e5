// SPDX-License-Identifier: GPL-2.0

//! A disk is lent to callbacks, which may come when it was removed; its files and limits change.

use core::num::NonZero;
use kernel::{
    impl_has_work, new_mutex, new_work,
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow,
        Mutex, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
    workqueue::{
        Work,
        WorkItem, //
    },
};
use rb::{
    block::{
        bdev::{
            BdevFile,
            Glance,
            Mode, //
        },
        bio::Bio,
        bio_disk,
        dev_t::DevT,
        error::BlkResult,
        gen_disk::{
            self,
            AttributeFile,
            DiskDevice,
            DiskOptions,
            DiskRef,
            DiskView,
            Disks,
            GenDisk,
            Opening, //
        },
        limits::{
            Feature,
            QueueLimits, //
        },
        major::BlkdevMajor,
    },
    sysfs::{
        Attribute,
        Groups,
        Output, //
    },
    workqueue::{
        Flag,
        OwnedQueue, //
    },
};

/// What the callbacks of a disk have seen.
pub(crate) struct Seen {
    opens: Atomic<u32>,
    nonblock_opens: Atomic<u32>,
    write_opens: Atomic<u32>,
    pub(crate) reads: Atomic<u32>,
    /// How often the disk was released when it was live, and when it was not.
    pub(crate) live_releases: Atomic<u32>,
    dead_releases: Atomic<u32>,
    /// How often something could be done with the device of a disk that was not live.
    wrong: Atomic<u32>,
    /// How often the driver core has asked for the node, as it does for each uevent.
    nodes: Atomic<u32>,
}

impl Seen {
    pub(crate) fn new() -> Result<Arc<Self>> {
        let seen = Self {
            opens: Atomic::new(0),
            nonblock_opens: Atomic::new(0),
            write_opens: Atomic::new(0),
            reads: Atomic::new(0),
            live_releases: Atomic::new(0),
            dead_releases: Atomic::new(0),
            wrong: Atomic::new(0),
            nodes: Atomic::new(0),
        };
        Ok(Arc::new(seen, GFP_KERNEL)?)
    }
}

pub(crate) struct TestDisk;

#[vtable]
impl gen_disk::Operations for TestDisk {
    type Data = Arc<Seen>;

    fn open(seen: ArcBorrow<'_, Seen>, _disk: &DiskRef, how: Opening) -> Result {
        seen.opens.fetch_add(1, Relaxed);
        seen.nonblock_opens.fetch_add(how.nonblock.into(), Relaxed);
        seen.write_opens.fetch_add(how.write.into(), Relaxed);
        Ok(())
    }

    fn release(seen: ArcBorrow<'_, Seen>, disk: &DiskRef) {
        if disk.is_live() {
            seen.live_releases.fetch_add(1, Relaxed);
            return;
        }
        let nodes = seen.nodes.load(Relaxed);
        let link = disk.add_link(c"rb_none", c"rb_link", disk.kobject());
        if link.err() != Some(ENODEV) || disk.set_capacity_and_notify(32) {
            seen.wrong.fetch_add(1, Relaxed);
        }
        disk.set_read_only(true);
        disk.notify_change();
        disk.invalidate();
        if seen.nodes.load(Relaxed) != nodes {
            seen.wrong.fetch_add(1, Relaxed);
        }
        seen.dead_releases.fetch_add(1, Relaxed);
    }

    fn devnode(seen: ArcBorrow<'_, Seen>) -> Result<CString> {
        seen.nodes.fetch_add(1, Relaxed);
        CString::try_from_fmt(fmt!("rb-kunit-disk"))
    }
}

impl bio_disk::Operations for TestDisk {
    fn submit_bio(seen: ArcBorrow<'_, Seen>, _disk: &DiskView, _bio: &Bio) -> BlkResult {
        seen.reads.fetch_add(1, Relaxed);
        Ok(())
    }
}

struct Opens;

#[vtable]
impl Attribute<Seen> for Opens {
    const NAME: &'static CStr = c"rb_opens";

    fn show(seen: &Seen, out: &mut Output<'_>) -> Result {
        out.line(seen.opens.load(Relaxed))
    }
}

/// Work that removes a file.
#[pin_data]
struct Remove {
    #[pin]
    file: Mutex<Option<AttributeFile>>,
    #[pin]
    work: Work<Remove>,
}

impl_has_work! {
    impl HasWork<Self> for Remove { self.work }
}

impl WorkItem for Remove {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let file = this.file.lock().take();
        drop(file);
    }
}

impl Remove {
    fn new(file: AttributeFile) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                file <- new_mutex!(Some(file)),
                work <- new_work!("Remove::work"),
            }),
            GFP_KERNEL,
        )
    }
}

/// A disk, and what waits until it is freed: to be dropped after it.
pub(crate) type Test = (Disks, GenDisk<TestDisk>, Arc<Seen>);

fn disk(options: &DiskOptions, limits: &QueueLimits) -> Result<Test> {
    let seen = Seen::new()?;
    let disks = Disks::new()?;
    let disk = options
        .build_bio::<TestDisk>(disks.token(), fmt!("rb-kunit-disk"), limits, seen.clone())?
        .add_disk(Groups::<DiskDevice<Seen>>::EMPTY)?;
    Ok((disks, disk, seen))
}

pub(crate) fn plain() -> Result<Test> {
    let options = DiskOptions {
        capacity_sectors: 64,
        ..DiskOptions::default()
    };
    disk(&options, &QueueLimits::default())
}

/// Waits until `count` is `expected`: files are closed late in threads of the kernel.
pub(crate) fn becomes(count: &Atomic<u32>, expected: u32) -> bool {
    let became = crate::wait_until(|| count.load(Relaxed) == expected);
    if !became {
        pr_err!("waited for {expected}: it is {}\n", count.load(Relaxed));
    }
    became
}

#[kunit_tests(rb_disk)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_get_the_disk_also_when_it_is_gone() -> Result {
        let (_disks, disk, seen) = plain()?;
        assert!(disk.is_live());
        assert!(!disk.has_elevator());

        // Adding the disk has opened it, to look for partitions.
        assert!(becomes(&seen.live_releases, 1));
        assert_eq!(seen.nonblock_opens.load(Relaxed), 0);
        drop(Glance::open(disk.dev())?);
        assert_eq!(seen.nonblock_opens.load(Relaxed), 1);
        assert_eq!(seen.write_opens.load(Relaxed), 0);
        drop(BdevFile::open(disk.dev(), Mode::ReadWrite)?);
        assert_eq!(seen.write_opens.load(Relaxed), 1);
        assert!(becomes(&seen.live_releases, 3));
        let file = BdevFile::open(disk.dev(), Mode::Read)?;
        assert_eq!(seen.opens.load(Relaxed), 4);
        // A uevent asks for the node, so that one for a disk that is gone would be seen.
        let nodes = seen.nodes.load(Relaxed);
        disk.set_read_only(true);
        assert!(seen.nodes.load(Relaxed) > nodes);
        disk.set_read_only(false);
        drop(disk);
        assert_eq!(seen.dead_releases.load(Relaxed), 0);
        drop(file);
        assert!(becomes(&seen.dead_releases, 1));
        assert_eq!(seen.wrong.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn a_disk_that_is_open_is_waited_for() -> Result {
        let (disks, disk, seen) = plain()?;
        let queue = OwnedQueue::new(c"rb_test", Flag::Unbound, 1)?;
        let file = BdevFile::open(disk.dev(), Mode::Read)?;
        let token = disks.token().clone();
        let closing = Arc::new(Atomic::new(false), GFP_KERNEL)?;
        let later = closing.clone();
        let close = move || {
            fsleep(Delta::from_millis(300));
            later.store(true, Relaxed);
            drop(file);
        };
        assert!(queue.try_spawn(GFP_KERNEL, close).is_ok());
        drop(disk);
        drop(disks);
        // Closed, and then freed, with its data.
        assert!(closing.load(Relaxed));
        assert!(seen.opens.load(Relaxed) > 0);
        assert!(Arc::into_unique_or_drop(seen).is_some());

        let options = DiskOptions::default();
        let late = options.build_bio::<TestDisk>(
            &token,
            fmt!("rb-kunit-disk"),
            &QueueLimits::default(),
            Seen::new()?,
        );
        assert_eq!(late.err(), Some(ENODEV));
        Ok(())
    }

    #[test]
    fn files_come_and_go() -> Result {
        let (_disks, disk, _seen) = plain()?;

        let file = disk.add_file::<DiskDevice<Seen>, Opens>()?;
        drop(file);
        let file = disk.add_file::<DiskDevice<Seen>, Opens>()?;
        drop(disk);
        drop(file);
        Ok(())
    }

    #[test]
    fn files_go_while_the_disk_goes() -> Result {
        let queue = OwnedQueue::new(c"rb_test", Flag::Unbound, 1)?;
        for _ in 0..5 {
            let (_disks, disk, _seen) = plain()?;
            let remove = Remove::new(disk.add_file::<DiskDevice<Seen>, Opens>()?)?;
            assert!(queue.enqueue(remove.clone()).is_ok());
            drop(disk);
            queue.flush();
            assert!(remove.file.lock().is_none());
        }
        Ok(())
    }

    #[test]
    fn limits_are_set_anew() -> Result {
        let first = QueueLimits {
            logical_block_size: 4096,
            max_segment_size: 4096,
            max_discard_sectors: 1024,
            max_write_zeroes_sectors: 1024,
            discard_granularity: 4096,
            features: Feature::Rotational | Feature::IoStat,
            ..QueueLimits::default()
        };
        let (_disks, disk, _seen) = disk(&DiskOptions::default(), &first)?;
        assert_eq!(disk.limits().max_segment_size, 4096);

        disk.update_limits(&QueueLimits {
            features: Feature::StableWrites.into(),
            ..QueueLimits::default()
        })?;
        let limits = disk.limits();
        assert_eq!(limits.logical_block_size, 512);
        assert_eq!(limits.max_discard_sectors, 0);
        assert_eq!(limits.max_write_zeroes_sectors, 0);
        // I/O statistics are the user's.
        assert_eq!(limits.features, Feature::StableWrites | Feature::IoStat);

        let impossible = QueueLimits {
            logical_block_size: 3,
            ..QueueLimits::default()
        };
        assert_eq!(disk.update_limits(&impossible), Err(EINVAL));
        assert_eq!(disk.limits(), limits);
        Ok(())
    }

    #[test]
    fn only_a_change_between_sizes_is_an_event() -> Result {
        let (_disks, disk, _seen) = plain()?;

        assert!(!disk.set_capacity_and_notify(64));
        assert!(disk.set_capacity_and_notify(128));
        assert!(!disk.set_capacity_and_notify(0));
        disk.set_capacity(64);
        assert_eq!(disk.capacity_sectors(), 64);
        disk.notify_change();
        disk.force_media_change();
        disk.invalidate();
        assert_eq!(disk.capacity_sectors(), 0);
        Ok(())
    }

    #[test]
    fn partitions_are_looked_for_when_asked() -> Result {
        let (_disks, disk, seen) = plain()?;
        assert!(becomes(&seen.live_releases, 1));
        let scanned = seen.reads.load(Relaxed);
        assert!(scanned > 0);

        // An open alone reads nothing, unless it was asked to look.
        drop(BdevFile::open(disk.dev(), Mode::Read)?);
        assert!(becomes(&seen.live_releases, 2));
        assert_eq!(seen.reads.load(Relaxed), scanned);
        disk.need_partition_scan();
        drop(BdevFile::open(disk.dev(), Mode::Read)?);
        assert!(seen.reads.load(Relaxed) > scanned);
        assert!(becomes(&seen.live_releases, 3));
        Ok(())
    }

    #[test]
    fn numbers_are_those_that_were_asked_for() -> Result {
        let major = BlkdevMajor::register(c"rb-kunit")?;
        let taken = BlkdevMajor::register_number(c"rb-kunit2", major.number());
        assert_eq!(taken.err(), Some(EBUSY));
        for none in [0, 512, u32::MAX] {
            let none = BlkdevMajor::register_number(c"rb-kunit2", none);
            assert_eq!(none.err(), Some(EINVAL));
        }
        // C would not find it again by such a name.
        let long = BlkdevMajor::register(c"rb-kunit-longer1");
        assert_eq!(long.err(), Some(EINVAL));

        let number = |major, first, minors| -> Result<DiskOptions> {
            Ok(DiskOptions {
                device_number: Some((
                    DevT::new(major, first)?,
                    NonZero::new(minors).ok_or(EINVAL)?,
                )),
                ..DiskOptions::default()
            })
        };
        let options = number(major.number(), 32, 32)?;
        let (_disks, disk, _seen) = disk(&options, &QueueLimits::default())?;
        assert_eq!(
            (disk.dev().major(), disk.dev().minor()),
            (major.number(), 32)
        );
        drop(disk);
        // There is no such major for disks of drivers, or are not so many minors.
        let last = (1 << 20) - 1;
        for (major, first, minors) in [
            (0, 32, 1),
            (259, 32, 1),
            (major.number(), last, 2),
            (major.number(), 1, last + 1),
            (major.number(), 1, u32::MAX),
        ] {
            let none = super::disk(&number(major, first, minors)?, &QueueLimits::default());
            assert_eq!(none.err(), Some(EINVAL));
        }
        Ok(())
    }
}
