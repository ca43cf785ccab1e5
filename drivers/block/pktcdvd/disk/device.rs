// SPDX-License-Identifier: GPL-2.0

//! One mapping of a packet device to a lower device.
//!
//! # Locks
//!
//! In this order, outermost first:
//!
//! 1. `users`, a mutex: who has the disk open. Held for a moment by open, release and removal.
//! 2. `packets`, a mutex: held by the thread while it works; see [`Packets`].
//! 3. `queue`, a spinlock: what waits for the thread; see [`Queue`].
//!
//! Completions take none of them: they set atomics and ring the bell.
//!
//! # Forward progress
//!
//! A table in Documentation/design.rst lists what a write needs on its way, and where that comes
//! from.

mod forward;

use crate::{
    disk::users::{
        Users,
        DEFAULT_LINGER, //
    },
    engine::{
        packets::{
            Packets,
            Progress,
            Store,
            READS_IN_FLIGHT, //
        },
        queue::Queue,
        stats::Stats,
        trace, //
    },
    logic::{
        marks::Marks,
        mmc::medium::Medium,
        zone::Geometry, //
    },
    lower::{
        activity::Activity,
        bell::Bell,
        departure::{
            Departure,
            GivesNotice, //
        },
        session::Session, //
    }, //
};
use kernel::{
    new_mutex,
    new_spinlock,
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex,
        SetOnce,
        SpinLock, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    }, //
};
use rb::{
    block::{
        bdev::Glance,
        bio_set::BioSet,
        dev_t::DevT,
        error::BlkResult,
        mq::RequestQueue, //
    },
    kthread,
    mm,
    new_wait_queue,
    ratelimit::RateLimit,
    wait::WaitQueue, //
};

/// How long writes that nobody waits for wait for more to come.
const DEFAULT_WAIT: Delta = Delta::from_millis(5);

/// The same for optical drives, which take longer than that for a packet.
const OPTICAL_WAIT: Delta = Delta::from_millis(50);

/// Longest time for which writes can be set to wait.
pub(crate) const MAX_WAIT_US: u64 = 10_000_000;

/// Longest time for which the thread waits before it looks again whether the system is still about
/// to sleep. If it is not, nobody wakes the thread.
const PAUSED_WAIT: Delta = Delta::from_millis(100);

/// How many bios are kept in reserve for when memory is short.
const RESERVED_BIOS: u32 = READS_IN_FLIGHT as u32;

/// A packet device.
#[pin_data]
pub(crate) struct Device {
    /// Device number of the disk. Its minor number is the number of the slot.
    pub(crate) dev: DevT,
    /// Device number of the lower device.
    pub(crate) lower_dev: DevT,
    /// Name of the lower device.
    pub(crate) lower_name: CString,
    /// Whether the lower device is an optical drive, which is open only while the disk is.
    pub(crate) optical: bool,
    /// What the drive is busy with for long.
    pub(crate) activity: Arc<Activity>,
    /// The counters of the device.
    pub(crate) stats: Stats,
    /// Wakes the thread.
    pub(crate) bell: Arc<Bell>,
    /// Rings when the medium is gone.
    pub(crate) lost: Arc<Bell>,
    /// The queue of the disk, once there is one.
    pub(crate) rq_queue: SetOnce<RequestQueue>,
    /// What waits for the thread.
    #[pin]
    pub(crate) queue: SpinLock<Queue>,
    /// What the thread works on.
    #[pin]
    pub(crate) packets: Mutex<Packets>,
    #[pin]
    pub(crate) users: Mutex<Users>,
    /// How many packet buffers the device gets at the next open at which nobody else has it open.
    buffers: Atomic<u32>,
    wait_ns: Atomic<i64>,
    reads_in_flight: Atomic<usize>,
    /// Whether something was written that was not flushed.
    dirty: Atomic<bool>,
    /// Whether a read has failed since the thread has last looked.
    failed: Atomic<bool>,
    /// How often a flush of the drive's cache was asked for, and up to which of these requests the
    /// cache was flushed.
    pub(crate) syncs_wanted: Atomic<u64>,
    pub(crate) syncs_tried: Atomic<u64>,
    /// How long a session lingers.
    linger_ns: Atomic<i64>,
    /// When the device was created.
    pub(crate) created: Instant<Monotonic>,
    /// Wakes the thread that closes the drive.
    pub(crate) over: Arc<Bell>,
    /// Changes when a session has ended, or the cache of the drive was flushed.
    pub(crate) turns: Atomic<u32>,
    /// The tasks that wait for that.
    #[pin]
    pub(crate) turned: WaitQueue,
    #[pin]
    log_limit: RateLimit,
    #[pin]
    bios: BioSet,
    notice: GivesNotice,
}

impl Device {
    /// Creates a device, without a disk or a thread. May sleep.
    pub(crate) fn new(
        dev: DevT,
        lower_dev: DevT,
        lower: &Glance,
        buffers: u32,
    ) -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                dev,
                lower_dev,
                lower_name: CString::try_from_fmt(fmt!("{}", lower.name()))?,
                optical: lower.is_optical(),
                activity: Arc::new(Activity::new(), GFP_KERNEL)?,
                stats: Stats::new(),
                bell: Bell::new()?,
                lost: Bell::new()?,
                rq_queue: SetOnce::new(),
                queue <- new_spinlock!(Queue::new(), "pktcdvd::Device::queue"),
                packets <- new_mutex!(Packets::new(), "pktcdvd::Device::packets"),
                users <- new_mutex!(Users::default(), "pktcdvd::Device::users"),
                buffers: Atomic::new(buffers),
                wait_ns: Atomic::new(default_wait(lower).as_nanos()),
                reads_in_flight: Atomic::new(0),
                // The lower device may have something cached. The cache of a drive is flushed each
                // time a session ends.
                dirty: Atomic::new(!lower.is_optical()),
                failed: Atomic::new(false),
                syncs_wanted: Atomic::new(0),
                syncs_tried: Atomic::new(0),
                linger_ns: Atomic::new(DEFAULT_LINGER.as_nanos()),
                created: Instant::now(),
                over: Bell::new()?,
                turns: Atomic::new(0),
                turned <- new_wait_queue!("pktcdvd::Device::turned"),
                log_limit <- RateLimit::new(),
                bios <- BioSet::new(RESERVED_BIOS),
                notice: GivesNotice(Departure::new()?),
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Begins a session. May sleep.
    ///
    /// Fails with [`ENOMEM`].
    pub(crate) fn enter(&self, session: Session) -> Result {
        let buffers = if session.read_only && self.optical {
            0
        } else {
            self.buffers()
        };
        let store = Store::new(&session.geometry, &self.bell, buffers)
            .inspect_err(|_| session.finish_for_opener(self.index()))?;
        let session = Arc::new(session, GFP_KERNEL)?;

        self.packets.lock().enter(session.clone(), store);
        let before = self.queue.lock().set_session(Some(session));
        drop(before);
        Ok(())
    }

    /// Returns the session, if there is one.
    ///
    /// Only openers may keep it: while they have the disk open, the session cannot end.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.queue.lock().session().cloned()
    }

    /// Returns the medium and the write speed in kB/s, if there is a session with an optical drive.
    pub(crate) fn medium(&self) -> Option<(Medium, u32)> {
        let queue = self.queue.lock();
        let optical = queue.session()?.optical.as_ref()?;
        Some((optical.medium(), optical.speed()))
    }

    /// Returns whether the medium of the session is gone.
    pub(crate) fn is_lost(&self) -> bool {
        let queue = self.queue.lock();
        queue.session().is_some_and(|session| session.is_lost())
    }

    /// Returns how the lower device is cut into packets, in a session.
    pub(crate) fn geometry(&self) -> Option<Geometry> {
        Some(self.queue.lock().session()?.geometry)
    }

    /// Returns the number of the device: the N of `pktcdvdN`.
    pub(crate) fn index(&self) -> u32 {
        self.dev.minor()
    }

    /// Returns the notice of when the device has closed its lower device.
    pub(crate) fn departure(&self) -> Arc<Departure> {
        self.notice.0.clone()
    }

    /// Returns how many packet buffers the device is to have.
    pub(crate) fn buffers(&self) -> u32 {
        self.buffers.load(Relaxed)
    }

    /// Sets how many packet buffers the device gets at the next open at which nobody else has it
    /// open.
    pub(crate) fn set_buffers(&self, buffers: u32) {
        self.buffers.store(buffers, Relaxed);
    }

    /// Returns for how long no write must have come before those are due that nobody waits for.
    pub(crate) fn wait(&self) -> Delta {
        Delta::from_nanos(self.wait_ns.load(Relaxed))
    }

    /// Sets that time, also for writes that wait now.
    pub(crate) fn set_wait(&self, wait: Delta) {
        self.wait_ns.store(wait.as_nanos(), Relaxed);
        self.bell.ring();
    }

    /// Returns the time in nanoseconds, on a clock that starts when the device is created.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.created.elapsed().as_nanos()).unwrap_or(0)
    }

    /// Returns how long a session lingers.
    pub(crate) fn linger(&self) -> Delta {
        Delta::from_nanos(self.linger_ns.load(Relaxed))
    }

    /// Sets how long sessions linger, including one that lingers now.
    pub(crate) fn set_linger(&self, linger: Delta) {
        self.linger_ns.store(linger.as_nanos(), Relaxed);
        self.bell.ring();
    }

    /// Returns the congestion marks.
    pub(crate) fn marks(&self) -> Marks {
        self.queue.lock().gate().marks()
    }

    /// Changes the congestion marks. Writers that are held back go on if the new marks let them.
    pub(crate) fn set_marks(&self, change: impl FnOnce(&mut crate::logic::marks::Gate) -> bool) {
        let wake = change(self.queue.lock().gate());
        if wake {
            self.resume_writers();
        }
        // There may be as many writes now as are to be let go of.
        self.bell.ring();
    }

    /// Lets writers that were held back go on, if there is room now.
    pub(crate) fn check_congestion(&self) {
        let mut queue = self.queue.lock();
        if !queue.should_resume() {
            return;
        }
        self.trace_congestion(&queue, false);
        drop(queue);
        self.resume_writers();
    }

    /// Records that writers are held back from now on, or are not held back any more.
    ///
    /// The caller passes the locked queue in which it has decided that. So the events are recorded
    /// in the order of the decisions, each with the number of queued writes that led to it.
    pub(crate) fn trace_congestion(&self, queue: &Queue, on: bool) {
        let size = u32::try_from(queue.size()).unwrap_or(u32::MAX);
        trace::pkt_congestion(self.dev, size, on);
    }

    /// Has the block layer send the writes again that were held back.
    pub(crate) fn resume_writers(&self) {
        if let Some(queue) = self.rq_queue.as_ref() {
            queue.run_hw_queues();
        }
    }

    /// Notes that the lower device was written. To be called before the write is reported as done.
    pub(crate) fn set_dirty(&self) {
        self.dirty.store(true, Relaxed);
    }

    /// Returns whether something was written that was not flushed.
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty.load(Relaxed)
    }

    /// Returns whether a read has failed since this was last asked.
    pub(crate) fn take_failure(&self) -> bool {
        self.failed.load(Relaxed) && self.failed.xchg(false, Relaxed)
    }

    /// Flushes the cache of the drive.
    fn sync(&self, session: &Session) -> BlkResult {
        self.dirty.store(false, Relaxed);
        self.stats.flushes.add(1);
        session.sync()
    }
}

fn default_wait(lower: &Glance) -> Delta {
    if lower.is_optical() {
        OPTICAL_WAIT
    } else {
        DEFAULT_WAIT
    }
}

impl kthread::Run for Device {
    fn run(&self) {
        // This thread allocates only from pools with a reserve. If the lower device allocates when
        // IO is submitted to it, it must not wait for writes to this very device.
        mm::with_noio(|| self.serve());
    }
}

impl Device {
    /// Does the work of the device, until the thread is to stop.
    fn serve(&self) {
        if self.optical {
            kthread::set_freezable();
        }
        while !kthread::should_stop() {
            // Once: the end of a wait is chosen by what the work was chosen by.
            let pausing = kthread::should_freeze();
            let duty = self.duty();
            let progress = self.packets.lock().work(self, pausing, duty);
            match progress {
                Progress::More => mm::cond_resched(),
                // For IO: no packet waits for more writes now.
                Progress::Wait(_) if pausing => self.bell.wait(Some(PAUSED_WAIT)),
                Progress::Wait(timeout) => self.bell.wait_or_pause(timeout),
                Progress::Rest => self.sleep(),
                Progress::Sync(session) => {
                    let ticket = self.syncs_wanted();
                    let result = self.sync(&session);
                    self.packets.lock().synced(self, result);
                    self.sync_tried(ticket);
                }
                Progress::Recover(session) => {
                    if session.recover(self.index()) {
                        self.packets.lock().cache_lost(self);
                    }
                }
                Progress::Ended(session) => self.end_session(session),
            }
        }
    }
}
