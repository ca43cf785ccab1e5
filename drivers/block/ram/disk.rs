// SPDX-License-Identifier: GPL-2.0

//! A RAM disk. It checks bios and requests of either front, and passes them to the store.
//!
//! Locks, outer to inner: the resize lock of a disk; its open mutex, in the block core; freezing
//! its queue. I/O takes none of them.

mod attributes;
mod front;
mod resize;
mod used_pages;

pub(crate) use attributes::GROUPS;
pub(crate) use used_pages::UsedPages;

use crate::{
    logic::options::{
        AddOptions,
        Front,
        MAX_SIZE, //
    },
    store::{
        Budget,
        Store, //
    }, //
};
use core::num::NonZero;
use kernel::{
    fmt,
    new_mutex,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    }, //
};
use rb::{
    block::{
        bio::{
            Bio,
            Command,
            Flag,
            Flags, //
        },
        dev_t::DevT,
        error::{
            BlkError,
            BlkResult, //
        },
        gen_disk::{
            DiskOptions,
            DiskToken,
            GenDisk,
            UnaddedDisk, //
        },
        limits::{
            Feature,
            QueueLimits, //
        },
        mq::{
            self,
            TagSet,
            TagSetOptions, //
        },
        SECTOR_SHIFT, //
    },
    mm::Gfp,
};

/// Most bytes of a disk: what the index of a page can name, up to what a file offset can.
pub(crate) const MAX_BYTES: u64 = {
    let pages = usize::MAX as u64;
    if pages > MAX_SIZE >> PAGE_SHIFT {
        MAX_SIZE
    } else {
        pages << PAGE_SHIFT
    }
};

/// The state of a disk that its fronts and attributes use.
#[pin_data]
pub(crate) struct Disk {
    #[pin]
    store: Store,
    /// Size in bytes. Unlike the capacity, it changes only while no I/O is in flight; the capacity
    /// never exceeds it.
    size: Atomic<u64>,
    /// Logical block size in bytes, less one.
    block_mask: u32,
    front: Front,
    /// Set, under the open mutex, when the disk is about to be removed.
    removed: Atomic<bool>,
    /// Held while the size changes.
    #[pin]
    resize: Mutex<()>,
}

impl Disk {
    /// Allocates a disk `name`, which is not visible yet, with a free number, or with the major
    /// number, first minor number and number of these that it is given.
    ///
    /// Fails with [`EINVAL`] if this kernel has no such block size, [`EFBIG`] if it cannot name so
    /// many pages, and [`ENOMEM`], or [`EINTR`] while memory is preallocated.
    pub(crate) fn build(
        disks: &DiskToken,
        name: fmt::Arguments<'_>,
        options: &AddOptions<'_>,
        device_number: Option<(DevT, NonZero<u32>)>,
        shared: Arc<Budget>,
    ) -> Result<UnaddedDisk<Self>> {
        if options.size > MAX_BYTES {
            return Err(EFBIG);
        }
        let limits = limits(options);
        let disk_options = DiskOptions {
            capacity_sectors: options.size >> SECTOR_SHIFT,
            device_number,
            ..DiskOptions::default()
        };
        let data = Arc::pin_init(Self::new(options, shared), GFP_KERNEL)?;
        if options.prealloc {
            data.store.allocate(0..options.size)?;
        }

        match options.front {
            Front::Bio => disk_options.build_bio(disks, name, &limits, data),
            Front::Mq => disk_options.build_mq(disks, name, &limits, tag_set()?, data),
        }
    }

    fn new<'a>(options: &'a AddOptions<'_>, shared: Arc<Budget>) -> impl PinInit<Self, Error> + 'a {
        try_pin_init!(Self {
            store <- Store::new(pages_of(options.mem_limit), shared, options.prealloc),
            size: Atomic::new(options.size),
            block_mask: options.block_size - 1,
            front: options.front,
            removed: Atomic::new(false),
            resize <- new_mutex!(()),
        })
    }

    /// Returns the store, which has the data.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size.load(Relaxed)
    }

    /// Returns the logical block size in bytes.
    pub(crate) fn block_size(&self) -> u32 {
        self.block_mask + 1
    }

    /// Returns which front the disk has.
    pub(crate) fn front(&self) -> Front {
        self.front
    }

    /// Carries out a bio or request with the data in `bios` on a disk of `capacity` sectors.
    /// Sleeps, unless `flags` forbid it.
    #[inline]
    fn serve<'a>(
        &self,
        capacity: u64,
        command: Command,
        flags: Flags,
        sector: u64,
        bytes: u32,
        mut bios: impl Iterator<Item = &'a Bio>,
    ) -> BlkResult {
        match command {
            Command::Read => {
                let pos = self.check(capacity, sector, bytes)?;
                let read = |pos, bio: &Bio| {
                    let segments = bio.destination().ok_or(BlkError::IOERR)?;
                    self.store.read(pos, segments)
                };
                bios.try_fold(pos, read).map(drop)
            }
            Command::Write => {
                let pos = self.check(capacity, sector, bytes)?;
                let gfp = self.prepare_write(flags, pos, bytes)?;
                let write = |pos, bio: &Bio| {
                    let segments = bio.source().ok_or(BlkError::IOERR)?;
                    self.store.write(pos, segments, gfp)
                };
                bios.try_fold(pos, write).map(drop)
            }
            Command::Discard | Command::WriteZeroes => {
                let pos = self.check(capacity, sector, bytes)?;
                self.store.discard(pos, bytes, self.size())
            }
            Command::Flush => Ok(()),
            Command::Other(_) => Err(BlkError::NOTSUPP),
        }
    }

    /// Returns the first byte of a range, if it lies within a disk of `capacity` sectors and
    /// consists of whole blocks.
    ///
    /// The block core checks only that a bio ends within the capacity, which may have changed
    /// since. I/O that was submitted before a disk shrank or was removed may reach up to the old
    /// end.
    #[inline]
    fn check(&self, capacity: u64, sector: u64, bytes: u32) -> BlkResult<u64> {
        let sectors = u64::from(bytes >> SECTOR_SHIFT);
        let is_within = |end: u64| sectors <= end && sector <= end - sectors;
        let block_sectors_mask = u64::from(self.block_mask >> SECTOR_SHIFT);

        if bytes & self.block_mask != 0
            || sector & block_sectors_mask != 0
            || !(is_within(capacity) || is_within(self.size() >> SECTOR_SHIFT))
        {
            return Err(BlkError::IOERR);
        }
        Ok(sector << SECTOR_SHIFT)
    }

    /// Returns how a write may allocate memory.
    ///
    /// If a write must not wait and there is no memory for it, it fails here, before any of it was
    /// done.
    #[inline]
    fn prepare_write(&self, flags: Flags, pos: u64, bytes: u32) -> BlkResult<Gfp> {
        if !flags.contains(Flag::NoWait) {
            return Ok(Gfp::GROW);
        }
        // A write to a single page needs no reservation: the page is there, or inserted with its
        // data, or the write fails.
        if pos as usize % PAGE_SIZE + bytes as usize > PAGE_SIZE {
            self.store.reserve(pos, bytes, Gfp::NOWAIT)?;
        }
        Ok(Gfp::NOWAIT)
    }
}

/// Makes the disk unavailable for good.
///
/// Fails with [`EBUSY`] if the disk is open. Opens fail with [`ENXIO`] afterwards.
pub(crate) fn close_down(disk: &GenDisk<Disk>) -> Result {
    disk.with_openers(|openers| {
        if openers != 0 {
            return Err(EBUSY);
        }
        disk.data().removed.store(true, Relaxed);
        Ok(())
    })
}

/// Converts a limit in bytes, with zero for none, into pages.
pub(crate) fn pages_of(bytes: u64) -> usize {
    match usize::try_from(bytes.div_ceil(PAGE_SIZE as u64)) {
        Ok(pages) if bytes != 0 => pages.min(Budget::UNLIMITED),
        _ => Budget::UNLIMITED,
    }
}

fn limits(options: &AddOptions<'_>) -> QueueLimits {
    // A page is what the store allocates, so partitions should start at one.
    let physical = options.block_size.max(PAGE_SIZE as u32);

    QueueLimits {
        logical_block_size: options.block_size,
        physical_block_size: physical,
        // The default is 126 KiB, less than a large packet of a packet device on top.
        max_hw_sectors: ALL_SECTORS,
        discard_granularity: physical,
        max_discard_sectors: ALL_SECTORS,
        max_write_zeroes_sectors: ALL_SECTORS,
        write_zeroes_unmap: true,
        features: match options.front {
            // A bio is done when its submission returns, so swap reads nothing ahead, and waits for
            // it. That does not hold with a blk-mq front.
            Front::Bio => Feature::Synchronous | Feature::NoWait,
            Front::Mq => Feature::NoWait.into(),
        },
        ..QueueLimits::default()
    }
}

/// More than a bio can hold, and a multiple of all block sizes.
const ALL_SECTORS: u32 = !0xff;

fn tag_set() -> Result<Arc<TagSet<Disk>>> {
    let options = TagSetOptions {
        nr_hw_queues: 1,
        nr_read_queues: 0,
        queue_depth: 128,
        flags: mq::Flag::Blocking | mq::Flag::NoDefaultScheduler,
    };

    Arc::pin_init(TagSet::new(&options, ())?, GFP_KERNEL)
}
