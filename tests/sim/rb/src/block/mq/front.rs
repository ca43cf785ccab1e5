// SPDX-License-Identifier: GPL-2.0

//! From bios to requests, and to the driver.

use super::{
    hardware::Hardware,
    operations::{
        Operations,
        Timeout, //
    },
    raw::{
        Done,
        Raw, //
    },
    request::{
        Back,
        Forwarded,
        IdleRequest,
        Parts, //
    },
    tag_set::{
        Flag,
        TagSet, //
    },
};
use crate::block::{
    bio::{
        self,
        Bio,
        Command,
        Flags, //
    },
    error::{
        BlkError,
        BlkResult, //
    },
    gen_disk::{
        DiskOptions,
        DiskToken,
        Front,
        Typed,
        UnaddedDisk, //
    },
    limits::{
        Feature,
        QueueLimits, //
    },
    SECTOR_SHIFT, //
};
use crate::{
    new_wait_queue,
    wait::WaitQueue, //
};
use core::marker::PhantomData;
use kernel::{
    fmt,
    prelude::*,
    sim::{
        self,
        context::{
            enter,
            Kind, //
        }, //
    },
    sync::Arc, //
};
use std::sync::{
    Arc as Shared,
    Mutex, //
};

impl DiskOptions {
    /// Allocates a disk with a blk-mq front, whose requests come from `tag_set`.
    pub fn build_mq<T: Operations>(
        &self,
        disks: &DiskToken,
        name: fmt::Arguments<'_>,
        limits: &QueueLimits,
        tag_set: Arc<TagSet<T>>,
        data: T::Data,
    ) -> Result<UnaddedDisk<T>> {
        let queues = tag_set.options.nr_hw_queues + tag_set.options.nr_read_queues;
        let hardware = Hardware::new(queues, tag_set.queue_depth())?;
        let front = MqFront {
            hardware: hardware.clone(),
            set: tag_set.clone(),
            flushing: Mutex::new(false),
            flushed: KBox::pin_init(new_wait_queue!("the flush before"), GFP_KERNEL)?,
        };
        let disk = self.set_up(
            disks,
            name,
            limits,
            data,
            Box::new(front),
            Some(hardware.clone()),
        )?;

        let (typed, late) = (
            Shared::downgrade(disk.typed()),
            Shared::downgrade(disk.typed()),
        );
        let for_dispatch = Shared::downgrade(&hardware);
        if T::HAS_FORWARDED {
            let asked = typed.clone();
            let _ = tag_set
                .ask
                .set(Box::new(move |rq, result| match asked.upgrade() {
                    Some(disk) => T::forwarded(disk.data(), rq, result),
                    None => Forwarded::End(result),
                }));
        }
        hardware.set_up(
            Box::new(move |queue| {
                if let (Some(typed), Some(hardware)) = (typed.upgrade(), for_dispatch.upgrade()) {
                    dispatch(&typed, &hardware, &tag_set, queue);
                }
            }),
            T::HAS_TIMEOUT.then(|| -> Box<dyn Fn(u32, u32) -> bool + Send + Sync> {
                Box::new(move |queue, tag| {
                    let disk = late.upgrade();
                    disk.is_some_and(|disk| T::timeout(disk.data(), queue, tag) == Timeout::Later)
                })
            }),
        );
        Ok(disk)
    }
}

/// Hands the requests of a queue to the driver.
fn dispatch<T: Operations>(
    typed: &Shared<Typed<T>>,
    hardware: &Shared<Hardware>,
    set: &TagSet<T>,
    queue: u32,
) {
    let may_sleep = set.options.flags.contains(Flag::Blocking);
    let (mut commits, mut queued) = (false, false);

    while let Some((raw, is_last)) = hardware.pop(queue) {
        // blk-mq may find out too late that this was the last one.
        let is_last = is_last && !(T::HAS_COMMIT_RQS && sim::once_in(8));
        commits = !is_last;
        let parts = Parts {
            data: set.tags.take_data(queue, raw.tag),
            raw,
            tags: set.tags.clone(),
            ask: set.ask.clone(),
            hardware: hardware.clone(),
        };
        let back = Back::default();
        let idle = IdleRequest {
            parts: Some(parts),
            back: back.clone(),
            may_sleep,
            call: PhantomData,
        };
        let io = sim::io_path("queue_rq()");
        let submission = enter(Kind::Submission, "queue_rq()");
        let section = (!may_sleep).then(|| sim::atomic("queue_rq()"));
        let result = T::queue_rq(typed.data(), idle, is_last);
        drop((section, submission, io));

        let Err(rejected) = result else {
            queued = true;
            continue;
        };
        // The driver has not seen the last one.
        commits = true;
        let Some(parts) = back.borrow_mut().take() else {
            continue;
        };
        match rejected.0 {
            err @ (BlkError::DEV_RESOURCE | BlkError::RESOURCE) => {
                sim::count("requests rejected", 1);
                hardware.put_back(parts.into_raw(), err == BlkError::RESOURCE);
                break;
            }
            err => parts.end(Err(err)),
        }
    }
    if commits && queued && T::HAS_COMMIT_RQS {
        let _section = (!may_sleep).then(|| sim::atomic("commit_rqs()"));
        T::commit_rqs(typed.data());
    }
}

struct MqFront<T: Operations> {
    hardware: Shared<Hardware>,
    set: Arc<TagSet<T>>,
    /// Whether a flush is under way: blk-mq has one at a time.
    flushing: Mutex<bool>,
    flushed: Pin<KBox<WaitQueue>>,
}

impl<T: Operations> Front<T> for MqFront<T> {
    fn waiting(&self) -> usize {
        self.hardware.writes_waiting()
    }

    fn submit(&self, disk: &Shared<Typed<T>>, mut bio: Bio) -> BlkResult {
        let limits = disk.core().get(|state| state.limits);
        let has_fua = limits.features.contains(Feature::ForcedUnitAccess);
        let fua = bio.flags.contains(bio::Flag::ForcedUnitAccess);

        if bio.flags.contains(bio::Flag::Preflush) {
            self.flush(disk)?;
            bio.flags = bio.flags & !bio::Flag::Preflush;
        }
        if bio.bytes == 0 {
            return Ok(());
        }
        if fua && !has_fua {
            bio.flags = bio.flags & !bio::Flag::ForcedUnitAccess;
        }
        self.carry_out(disk, bio, &limits)?;
        if fua && !has_fua {
            self.flush(disk)?;
        }
        Ok(())
    }
}

impl<T: Operations> MqFront<T> {
    fn set_flushing(&self, flushing: bool) -> bool {
        sim::point();
        let mut place = self
            .flushing
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        core::mem::replace(&mut *place, flushing)
    }

    fn flush(&self, disk: &Shared<Typed<T>>) -> BlkResult {
        self.flushed.wait_event(|| !self.set_flushing(true));
        let result = self.flush_alone(disk);
        self.set_flushing(false);
        self.flushed.wake_up_all();
        result
    }

    fn flush_alone(&self, disk: &Shared<Typed<T>>) -> BlkResult {
        let flush = Bio::new(Command::Flush, Flags::empty(), 0, 0, Vec::new());
        let done = Done::new();
        self.begin(disk, flush, &done, 0)?;
        self.go(0);
        done.wait()
    }

    /// Cuts a bio into requests, and waits for them.
    fn carry_out(&self, disk: &Shared<Typed<T>>, bio: Bio, limits: &QueueLimits) -> BlkResult {
        let queue = self.queue_of(bio.command);
        let mut all = Vec::new();
        let mut result = Ok(());

        for part in cut(bio, limits) {
            let done = Done::new();
            match self.begin(disk, part, &done, queue) {
                Ok(()) => all.push(done),
                Err(err) => {
                    result = Err(err);
                    break;
                }
            }
        }
        self.go(queue);
        for done in all {
            result = result.and(done.wait());
        }
        result
    }

    fn queue_of(&self, command: Command) -> u32 {
        let (others, reads) = (
            self.set.options.nr_hw_queues,
            self.set.options.nr_read_queues,
        );
        if command == Command::Read && reads != 0 {
            return others + sim::choose(u64::from(reads)) as u32;
        }
        sim::choose(u64::from(others)) as u32
    }

    /// Queues a request.
    fn begin(
        &self,
        disk: &Shared<Typed<T>>,
        bio: Bio,
        done: &Shared<Done>,
        queue: u32,
    ) -> BlkResult {
        let nowait = bio.flags.contains(bio::Flag::NoWait);
        disk.core().queue.enter(nowait)?;
        let tag = match self.set.tags.try_take(queue) {
            Some(tag) => tag,
            None if nowait => {
                disk.core().queue.exit();
                return Err(BlkError::AGAIN);
            }
            None => {
                // What is queued would not get on while this waits.
                self.hardware.run(queue);
                self.set.tags.take(queue)
            }
        };
        let raw = Raw {
            command: bio.command,
            flags: bio.flags,
            sector: bio.sector,
            bytes: bio.bytes,
            bios: if bio.bytes == 0 {
                Vec::new()
            } else {
                vec![bio]
            },
            queue,
            tag,
            core: disk.view().core.clone(),
            done: done.clone(),
        };
        self.hardware.push(Box::new(raw), false);
        Ok(())
    }

    /// Lets a queue run, by a worker now and then.
    fn go(&self, queue: u32) {
        if sim::once_in(4) {
            self.hardware.schedule(queue);
        } else {
            self.hardware.run(queue);
        }
    }
}

/// Cuts a bio by the limits.
fn cut(mut bio: Bio, limits: &QueueLimits) -> Vec<Bio> {
    let most = match bio.command {
        Command::Discard => limits.max_discard_sectors,
        Command::WriteZeroes => limits.max_write_zeroes_sectors,
        // By default, a request has no more than 1280 KiB.
        _ => limits.max_hw_sectors.min(2560),
    };
    let most = most.min(bio.most);
    let mut parts = Vec::new();
    loop {
        let mut sectors = most.max(1);
        let data = matches!(bio.command, Command::Read | Command::Write);
        if let Some(into) = bio
            .sector
            .checked_rem(u64::from(limits.chunk_sectors))
            .filter(|_| data)
        {
            sectors = sectors.min(limits.chunk_sectors - into as u32);
        }
        if bio.bytes >> SECTOR_SHIFT <= sectors {
            parts.push(bio);
            return parts;
        }
        parts.push(bio.split(sectors));
    }
}
