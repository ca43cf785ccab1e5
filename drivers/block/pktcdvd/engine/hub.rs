// SPDX-License-Identifier: GPL-2.0

//! What those who submit I/O, the thread of a device and completions have in common.

use crate::{
    engine::{
        queue::Queue,
        report::Report,
        stats::Stats,
        syncs::Syncs,
        trace, //
    },
    logic::{
        marks::{
            Gate,
            Marks, //
        },
        mmc::medium::Medium,
        zone::Geometry, //
    },
    lower::{
        session::Session,
        turns::Turns, //
    },
};
use common::bell::Bell;
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        SetOnce,
        SpinLock, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    },
};
use rb::block::{
    bio_set::BioSet,
    dev_t::DevT,
    error::{
        BlkError,
        BlkResult, //
    },
    mq::RequestQueue, //
};

/// How many reads may be under way at a time, as many as the pool of bios serves well.
pub(crate) const READS_IN_FLIGHT: usize = 32;

/// How many bios are kept in reserve for when memory is short.
const RESERVED_BIOS: u32 = READS_IN_FLIGHT as u32;

/// How long writes that nobody waits for wait for more to come.
const DEFAULT_WAIT: Delta = Delta::from_millis(5);

/// The same for optical drives, which take longer than that for a packet.
const OPTICAL_WAIT: Delta = Delta::from_millis(50);

/// What those who submit I/O, the thread of a device and completions have in common.
///
/// Completions take no lock of it: they set atomics and ring the bell.
#[pin_data]
pub(crate) struct Hub {
    /// Device number of the disk. Its minor number is the number of the slot.
    pub(crate) dev: DevT,
    /// Whether the lower device is an optical drive, which is open only while the disk is.
    pub(crate) optical: bool,
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
    /// The flushes of the drive's cache that tasks ask for.
    pub(crate) syncs: Syncs,
    wait_ns: Atomic<i64>,
    pub(super) reads_in_flight: Atomic<usize>,
    /// Whether something was written that was not flushed.
    pub(super) dirty: Atomic<bool>,
    /// Whether a read has failed since the thread has last looked.
    pub(super) failed: Atomic<bool>,
    /// When the device was created.
    created: Instant<Monotonic>,
    #[pin]
    pub(super) report: Report,
    #[pin]
    pub(super) bios: BioSet,
}

impl Hub {
    /// Creates the hub of a device, on an optical drive or not. Tasks wait with `turns` for what its
    /// thread does.
    pub(crate) fn new(dev: DevT, optical: bool, turns: Arc<Turns>) -> impl PinInit<Self, Error> {
        let wait = default_wait(optical);
        // The lower device may have something cached. The cache of a drive is flushed each time a
        // session ends.
        let may_be_dirty = !optical;
        let failures = Report::new(dev);

        try_pin_init!(Self {
            dev,
            optical,
            stats: Stats::new(),
            bell: Arc::pin_init(Bell::new(), GFP_KERNEL)?,
            lost: Arc::pin_init(Bell::new(), GFP_KERNEL)?,
            rq_queue: SetOnce::new(),
            queue <- new_spinlock!(Queue::new(), "pktcdvd::Hub::queue"),
            syncs: Syncs::new(bell.clone(), turns),
            wait_ns: Atomic::new(wait.as_nanos()),
            reads_in_flight: Atomic::new(0),
            dirty: Atomic::new(may_be_dirty),
            failed: Atomic::new(false),
            created: Instant::now(),
            report <- failures,
            bios <- BioSet::new(RESERVED_BIOS),
        }? Error)
    }

    /// Returns the number of the device: the N of `pktcdvdN`.
    pub(crate) fn index(&self) -> u32 {
        self.dev.minor()
    }

    /// Returns the time in nanoseconds, on a clock that starts when the device is created.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.created.elapsed().as_nanos()).unwrap_or(0)
    }
}

/// The session.
impl Hub {
    /// Returns the session, if there is one.
    ///
    /// Only openers may keep it: while they have the disk open, the session cannot end.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.queue.lock().session().cloned()
    }

    /// Returns whether there is a session for which `such` holds.
    pub(crate) fn session_is(&self, such: impl FnOnce(&Session) -> bool) -> bool {
        // `such` runs under the lock, so that no reference is taken, which could be the last one.
        self.queue
            .lock()
            .session()
            .is_some_and(|session| such(session))
    }

    /// Returns whether the medium of the session is gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.session_is(Session::is_lost)
    }

    /// Returns the medium and the write speed in kB/s, if there is a session with an optical drive.
    pub(crate) fn medium(&self) -> Option<(Medium, u32)> {
        let queue = self.queue.lock();
        let optical = queue.session()?.optical.as_ref()?;
        Some((optical.medium(), optical.speed()))
    }

    /// Returns how the lower device is cut into packets, in a session.
    pub(crate) fn geometry(&self) -> Option<Geometry> {
        Some(self.queue.lock().session()?.geometry)
    }
}

/// How long writes wait, and how many may.
impl Hub {
    /// Returns for how long no write must have come before those are due that nobody waits for.
    pub(crate) fn wait(&self) -> Delta {
        Delta::from_nanos(self.wait_ns.load(Relaxed))
    }

    /// Sets that time, also for writes that wait now.
    pub(crate) fn set_wait(&self, wait: Delta) {
        self.wait_ns.store(wait.as_nanos(), Relaxed);
        self.bell.ring();
    }

    /// Returns the congestion marks.
    pub(crate) fn marks(&self) -> Marks {
        self.queue.lock().gate().marks()
    }

    /// Changes the congestion marks. Writers that are held back go on if the new marks let them.
    pub(crate) fn set_marks(&self, change: impl FnOnce(&mut Gate) -> bool) {
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
}

/// What has happened to I/O.
impl Hub {
    /// Returns how many forwarded reads are in flight.
    pub(crate) fn reads_in_flight(&self) -> usize {
        self.reads_in_flight.load(Relaxed)
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

    /// Returns whether a read may have failed for another reason than a bad block.
    pub(crate) fn is_worth_repeating(&self, result: BlkResult) -> bool {
        self.optical && result == Err(BlkError::IOERR)
    }

    /// Flushes the cache of the drive.
    pub(crate) fn sync(&self, session: &Session) -> BlkResult {
        self.dirty.store(false, Relaxed);
        self.stats.flushes.add(1);
        session.sync()
    }
}

fn default_wait(optical: bool) -> Delta {
    if optical {
        OPTICAL_WAIT
    } else {
        DEFAULT_WAIT
    }
}
