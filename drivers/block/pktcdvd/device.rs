// SPDX-License-Identifier: GPL-2.0

//! One mapping of a packet device to a lower device.
//!
//! # Locks
//!
//! In this order, outermost first:
//!
//! 1. `users`, a mutex: who has the disk open. Taken by open, release and removal.
//! 2. `packets`, a mutex: held by the thread while it works; see [`Packets`].
//! 3. `queue`, a spinlock: what waits for the thread; see [`Queue`].
//!
//! Completions take none of them: they set atomics and ring the bell.
//!
//! # Forward progress
//!
//! | step | needs | comes from | bound |
//! |---|---|---|---|
//! | file a request | a tree node | the request's own data | one for each tag |
//! | begin a packet | a packet buffer | `packets`, made at creation | a packet ends when its IO does |
//! | gather, write | a bio and pages | the packet buffer's own | one IO at a time for each buffer |
//! | forward a read or flush | a bio | `bios`, with a reserve | one comes back when the lower device completes it |
//! | wake up | nothing | the bell is part of the device | |

use crate::{
    bell::Bell,
    departure::{
        Departure,
        GivesNotice, //
    },
    disk::Disk,
    logic::{
        marks::Marks,
        zone::{
            Geometry,
            Zone, //
        },
    },
    packet::Io,
    packets::{
        Packets,
        Progress,
        READS_IN_FLIGHT, //
    },
    queue::Queue,
    stats::Stats, //
};
use kernel::{
    error::code::*,
    new_mutex,
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc,
        Mutex,
        SetOnce,
        SpinLock, //
    },
    time::Delta, //
};
use rb::{
    block::{
        bdev::BdevFile,
        bio_set::BioSet,
        dev_t::DevT,
        error::{
            BlkError,
            BlkResult, //
        },
        mq::{
            Request,
            RequestQueue, //
        },
    },
    kthread,
    mm::{
        cond_resched,
        NoIo, //
    },
    ratelimit::RateLimit,
    trace::pktcdvd as trace, //
};

/// How long a packet waits for more writes, if nobody waits for those it has.
const DEFAULT_WAIT: Delta = Delta::from_millis(5);

/// Longest time that a packet may be told to wait.
pub(crate) const MAX_WAIT_US: u64 = 10_000_000;

/// How many bios are set aside for when memory is short.
const RESERVED_BIOS: u32 = READS_IN_FLIGHT as u32;

/// A packet device.
#[pin_data]
pub(crate) struct Device {
    /// Number of the disk; its minor number is that of the slot.
    pub(crate) dev: DevT,
    /// Whether writes are refused.
    pub(crate) read_only: bool,
    /// How the lower device is cut into packets.
    pub(crate) geometry: Geometry,
    /// What the device has done.
    pub(crate) stats: Stats,
    /// Wakes the thread.
    pub(crate) bell: Arc<Bell>,
    /// The queue of the disk, once there is one.
    pub(crate) rq_queue: SetOnce<RequestQueue>,
    /// What waits for the thread.
    #[pin]
    pub(crate) queue: SpinLock<Queue>,
    /// What the thread works on.
    #[pin]
    pub(crate) packets: Mutex<Packets>,
    #[pin]
    users: Mutex<Users>,
    /// How many packet buffers there are to be from the next time on that nobody has it open.
    buffers: Atomic<u32>,
    wait_ns: Atomic<i64>,
    reads_in_flight: Atomic<usize>,
    /// Whether something was written that was not flushed.
    dirty: Atomic<bool>,
    #[pin]
    log_limit: RateLimit,
    #[pin]
    bios: BioSet,
    /// The lower device. Behind all else: closing it waits for IO that uses what is above.
    pub(crate) lower: BdevFile,
    notice: GivesNotice,
}

/// Who has the disk open.
struct Users {
    count: u32,
    removed: bool,
}

impl Device {
    /// Creates a device, without a disk or a thread. May sleep.
    pub(crate) fn new(
        dev: DevT,
        lower: BdevFile,
        geometry: Geometry,
        buffers: u32,
    ) -> Result<Arc<Self>> {
        let bell = Bell::new()?;
        let packets = Packets::new(&geometry, &bell, buffers)?;

        Arc::pin_init(
            try_pin_init!(Self {
                dev,
                read_only: lower.is_read_only(),
                geometry,
                stats: Stats::new(),
                bell,
                rq_queue: SetOnce::new(),
                queue <- new_spinlock!(Queue::new(), "pktcdvd::Device::queue"),
                packets <- new_mutex!(packets, "pktcdvd::Device::packets"),
                users <- new_mutex!(Users { count: 0, removed: false }, "pktcdvd::Device::users"),
                buffers: Atomic::new(buffers),
                wait_ns: Atomic::new(DEFAULT_WAIT.as_nanos()),
                reads_in_flight: Atomic::new(0),
                // Nobody knows what the lower device has cached.
                dirty: Atomic::new(true),
                log_limit <- RateLimit::new(),
                bios <- BioSet::new(RESERVED_BIOS),
                lower,
                notice: GivesNotice(Departure::new()?),
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Returns the number of the device.
    pub(crate) fn index(&self) -> u32 {
        self.dev.minor()
    }

    /// Notes an opener; the first one that writes gets the packet buffers that were asked for.
    pub(crate) fn open(&self, write: bool) -> Result {
        let mut users = self.users.lock();
        if users.removed {
            return Err(ENXIO);
        }
        if write && self.read_only {
            return Err(EROFS);
        }
        if write && users.count == 0 {
            self.resize_buffers()?;
        }
        users.count = users.count.checked_add(1).ok_or(EBUSY)?;
        Ok(())
    }

    /// Notes that an opener is gone.
    pub(crate) fn release(&self) {
        let mut users = self.users.lock();
        users.count = users.count.saturating_sub(1);
    }

    /// Returns what tells when the device is gone.
    pub(crate) fn departure(&self) -> Arc<Departure> {
        self.notice.0.clone()
    }

    /// Returns how often the disk is open.
    pub(crate) fn openers(&self) -> u32 {
        self.users.lock().count
    }

    /// Refuses all openers from now on, unless there is one.
    pub(crate) fn retire(&self) -> Result {
        let mut users = self.users.lock();
        if users.count != 0 {
            return Err(EBUSY);
        }
        users.removed = true;
        Ok(())
    }

    fn resize_buffers(&self) -> Result {
        let wanted = self.buffers.load(Relaxed);
        if self.packets.lock().len() == wanted as usize {
            return Ok(());
        }

        // Allocated without the lock, since memory may come from writing to this very device.
        let list = Packets::allocate(&self.geometry, &self.bell, wanted)?;
        let unused = self.packets.lock().replace(list);
        drop(unused);
        Ok(())
    }

    /// Returns how many packet buffers the device is to have.
    pub(crate) fn buffers(&self) -> u32 {
        self.buffers.load(Relaxed)
    }

    /// Sets how many packet buffers the device is to have, from its next first opener on.
    pub(crate) fn set_buffers(&self, buffers: u32) {
        self.buffers.store(buffers, Relaxed);
    }

    /// Returns how long a packet waits for more writes.
    pub(crate) fn wait(&self) -> Delta {
        Delta::from_nanos(self.wait_ns.load(Relaxed))
    }

    /// Sets how long packets that begin from now on wait for more writes.
    pub(crate) fn set_wait(&self, wait: Delta) {
        self.wait_ns.store(wait.as_nanos(), Relaxed);
    }

    /// Returns the congestion marks.
    pub(crate) fn marks(&self) -> Marks {
        self.queue.lock().gate().marks()
    }

    /// Changes the congestion marks; writers that wait decide anew.
    pub(crate) fn set_marks(&self, change: impl FnOnce(&mut crate::logic::marks::Gate) -> bool) {
        let wake = change(self.queue.lock().gate());
        if wake {
            self.resume_writers();
        }
    }

    /// Lets writers go on that were held back, if there is room now.
    pub(crate) fn check_congestion(&self) {
        let mut queue = self.queue.lock();
        let resume = queue.should_resume();
        let size = queue.size();
        drop(queue);
        if resume {
            self.writers_resume(size);
        }
    }

    /// Lets writers go on that were held back, now that `size` writes are queued.
    pub(crate) fn writers_resume(&self, size: usize) {
        trace::pkt_congestion(self.dev, u32::try_from(size).unwrap_or(u32::MAX), false);
        self.resume_writers();
    }

    fn resume_writers(&self) {
        if let Some(queue) = self.rq_queue.as_ref() {
            queue.run_hw_queues();
        }
    }

    /// Returns how many reads the lower device works on.
    pub(crate) fn reads_in_flight(&self) -> usize {
        self.reads_in_flight.load(Relaxed)
    }

    /// Has the lower device serve a read.
    pub(crate) fn forward_read(&self, rq: Request<Disk>) {
        self.reads_in_flight.fetch_add(1, Relaxed);
        rq.forward(&self.lower, &self.bios);
    }

    /// Notes that the lower device has served a read. Any context.
    pub(crate) fn read_done(&self, rq: &Request<Disk>, result: BlkResult) {
        if self.reads_in_flight.fetch_sub(1, Full) == READS_IN_FLIGHT {
            // The thread may wait for just this.
            self.bell.ring();
        }
        if let Err(err) = result {
            self.stats.errors.add(1);
            trace::pkt_error(self.dev, rq.sector(), trace::Op::Read, errno(err));
            if self.log_limit.allows() {
                pr_err!(
                    "pktcdvd{}: read of {} sectors at {} failed: {:?}\n",
                    self.index(),
                    rq.sectors(),
                    rq.sector(),
                    err.to_error()
                );
            }
        }
    }

    /// Notes that something was written below. Before the write is reported.
    pub(crate) fn set_dirty(&self) {
        self.dirty.store(true, Relaxed);
    }

    /// Flushes the lower device, if something was written since the last time.
    ///
    /// The block layer sends one flush at a time, so none can overtake another here.
    pub(crate) fn flush(&self, rq: Request<Disk>) {
        if self.dirty.xchg(false, Full) {
            self.stats.flushes.add(1);
            rq.forward(&self.lower, &self.bios);
        } else {
            rq.end(Ok(()));
        }
    }

    /// Notes that the lower device has flushed its cache, or failed to. Any context.
    pub(crate) fn flush_done(&self, result: BlkResult) {
        trace::pkt_flush(self.dev, result.err().map_or(0, errno));
        if let Err(err) = result {
            // What was not flushed is still to be.
            self.set_dirty();
            self.stats.errors.add(1);
            trace::pkt_error(self.dev, 0, trace::Op::Flush, errno(err));
            if self.log_limit.allows() {
                pr_err!(
                    "pktcdvd{}: flush failed: {:?}\n",
                    self.index(),
                    err.to_error()
                );
            }
        }
    }

    /// Passes a discard on, if the lower device takes any.
    pub(crate) fn forward_discard(&self, rq: Request<Disk>) {
        if self.lower.limits().max_discard_sectors == 0 {
            rq.end(Ok(()));
        } else {
            rq.forward(&self.lower, &self.bios);
        }
    }

    /// Tells about IO of a packet that failed.
    pub(crate) fn packet_error(&self, zone: Zone, io: Io, err: BlkError) {
        let op = match io {
            Io::Gather(_) => trace::Op::Gather,
            Io::Write => trace::Op::Write,
        };
        trace::pkt_error(self.dev, zone.sector(), op, errno(err));
        if self.log_limit.allows() {
            let what = match io {
                Io::Gather(_) => "read of missing frames",
                Io::Write => "write",
            };
            pr_err!(
                "pktcdvd{}: {} of packet at sector {} failed: {:?}\n",
                self.index(),
                what,
                zone.sector(),
                err.to_error()
            );
        }
    }
}

impl kthread::Run for Device {
    fn run(&self) {
        // Nothing is allocated here but what has a reserve; should the lower device's submission
        // allocate, it must not wait for writes to this very device.
        let _noio = NoIo::enter();

        while !kthread::should_stop() {
            let progress = self.packets.lock().work(self);
            match progress {
                Progress::More => cond_resched(),
                Progress::Wait(timeout) => self.bell.wait(timeout),
            }
        }
    }
}

/// Returns the negative number that traces show for an error.
fn errno(err: BlkError) -> i32 {
    err.to_error().to_errno()
}
