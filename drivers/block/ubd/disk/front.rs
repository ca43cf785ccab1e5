// SPDX-License-Identifier: GPL-2.0

use crate::{
    engine::{
        image::Image,
        job::{
            Engine,
            Job,
            DEPTH,
            SEGMENTS, //
        },
    },
    logic::options::Discard, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow, //
    }, //
};
use rb::block::{
    bdev::LowerLimits,
    gen_disk::{
        self,
        DiskOptions,
        DiskRef,
        DiskToken,
        GenDisk,
        Opening,
        UnaddedDisk, //
    },
    limits::{
        Feature,
        QueueLimits, //
    },
    mq::{
        self,
        IdleRequest,
        Rejected,
        TagSet,
        TagSetOptions, //
    }, //
};

/// Most sectors of a read or a write: 1 MiB.
const MAX_SECTORS: u32 = 2048;

/// Most sectors of a discard, or a write of zeroes: 16 MiB, whose bits are a block of the bitmap.
const MAX_ZERO_SECTORS: u32 = 1 << 15;

/// The state of a disk.
pub(crate) struct Disk {
    pub(crate) engine: Arc<Engine>,
    /// Set, under the open mutex, when the disk is about to be removed.
    removed: Atomic<bool>,
}

impl Disk {
    /// Allocates a disk `name`, which is not visible yet.
    ///
    /// Fails with [`EINVAL`] if this kernel has no such block size, and with [`ENOMEM`]; may sleep.
    pub(crate) fn build(
        disks: &DiskToken,
        name: &CStr,
        engine: Arc<Engine>,
        discard: Discard,
    ) -> Result<UnaddedDisk<Self>> {
        let options = DiskOptions {
            capacity_sectors: engine.image.layout.sectors(),
            read_only: engine.image.read_only,
            ..DiskOptions::default()
        };
        let limits = limits(&engine.image, discard);
        let tags = tags(engine.is_on_devices());
        let tag_set = Arc::pin_init(TagSet::new(&tags, engine.clone())?, GFP_KERNEL)?;
        let disk = Self {
            engine,
            removed: Atomic::new(false),
        };
        options.build_mq(
            disks,
            fmt!("{name}"),
            &limits,
            tag_set,
            Arc::new(disk, GFP_KERNEL)?,
        )
    }
}

/// Disks on block devices hand requests down where they come, which may sleep; only they have tags for
/// that. The lower devices have schedulers, so that there is none here by default.
fn tags(on_devices: bool) -> TagSetOptions {
    let mut flags: mq::Flags = mq::Flag::NoDefaultScheduler.into();
    if on_devices {
        flags |= mq::Flag::Blocking;
    }
    TagSetOptions {
        nr_hw_queues: 1,
        nr_read_queues: 0,
        queue_depth: DEPTH.into(),
        flags,
    }
}

fn limits(image: &Image, discard: Discard) -> QueueLimits {
    let lowers = [image.cow.bdev(), image.backing.bdev()];
    let known = lowers.into_iter().flatten().map(|bdev| bdev.limits());
    let cow: Option<LowerLimits> = image.cow.bdev().map(|bdev| bdev.limits());
    let physical = cow.map_or(PAGE_SIZE as u32, |cow| cow.physical_block_size);
    let zeroes = match discard {
        Discard::Zero if !image.read_only => MAX_ZERO_SECTORS,
        _ => 0,
    };
    let mut features = Feature::WriteCache.into();
    if known.clone().any(|lower| lower.rotational) {
        features |= Feature::Rotational;
    }
    // What is written goes down as it is, and is not copied.
    if cow.is_some_and(|cow| cow.stable_writes) {
        features |= Feature::StableWrites;
    }

    QueueLimits {
        logical_block_size: image.block_size,
        physical_block_size: physical.max(image.block_size),
        max_hw_sectors: MAX_SECTORS,
        max_segments: SEGMENTS,
        dma_alignment: known
            .map(|lower| lower.dma_alignment)
            .max()
            .unwrap_or(0)
            .max(511),
        discard_granularity: physical.max(image.block_size),
        max_discard_sectors: zeroes,
        max_write_zeroes_sectors: zeroes,
        // Files get holes. To a device zeroes are written, which frees nothing.
        write_zeroes_unmap: zeroes != 0 && cow.is_none(),
        features,
        ..QueueLimits::default()
    }
}

/// Makes the disk unavailable for good.
///
/// Fails with [`EBUSY`] if the disk is open, unless `force` is set. Opens fail with [`ENXIO`]
/// afterwards.
pub(crate) fn close_down(disk: &GenDisk<Disk>, force: bool) -> Result {
    disk.with_openers(|openers| {
        if openers != 0 && !force {
            return Err(EBUSY);
        }
        disk.data().removed.store(true, Relaxed);
        Ok(())
    })
}

/// Makes a disk available again that was not removed after all.
pub(crate) fn reopen(disk: &GenDisk<Disk>) {
    disk.data().removed.store(false, Relaxed);
}

#[vtable]
impl gen_disk::Operations for Disk {
    type Data = Arc<Self>;

    fn open(this: ArcBorrow<'_, Self>, _disk: &DiskRef, _how: Opening) -> Result {
        if this.removed.load(Relaxed) {
            return Err(ENXIO);
        }
        Ok(())
    }
}

#[vtable]
impl mq::Operations for Disk {
    type RequestData = Job;
    type SetData = Arc<Engine>;

    fn new_request_data(engine: &Arc<Engine>) -> impl PinInit<Job, Error> {
        Job::new(engine)
    }

    fn queue_rq<'a>(
        this: ArcBorrow<'_, Self>,
        rq: IdleRequest<'a, Job>,
        _is_last: bool,
    ) -> core::result::Result<(), Rejected<'a>> {
        let may_sleep = rq.may_sleep();
        this.engine.accept(rq.start(), may_sleep);
        Ok(())
    }
}
