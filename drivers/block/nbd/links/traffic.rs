// SPDX-License-Identifier: GPL-2.0

//! What carries the requests of a device: its disk, its connections and their threads share it.
//!
//! # Forward progress
//!
//! | step | needs | comes from | bound |
//! |---|---|---|---|
//! | queue a request | a slot and a place in a queue | made with the device and the connection | one for each tag |
//! | send | socket buffers | the reserve: the thread may use it | the locked size of the send buffer |
//! | receive | socket buffers | the reserve: the socket may use it | the locked size of the receive buffer |
//! | end | nothing | | |
//! | lose a connection | a worker | a queue with a rescuer | |
//! | try again | nothing | blk-mq's own list | until the dead connection timeout |

use crate::{
    links::{
        io::{
            new_io,
            Io, //
        },
        link::Link,
        request::NbdRequest,
        reserves::with_reserves,
        shared::Shared, //
    },
    logic::{
        flags::ServerFlags,
        io::{
            link::Connection,
            Late, //
        },
        size::Size,
        wire::RequestType, //
    },
};
use kernel::{
    fmt, impl_has_work, new_spinlock, new_work,
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
    time::Instant,
    workqueue::{
        Work,
        WorkItem, //
    },
};
use rb::{
    block::{
        bio::Command,
        error::{
            BlkError,
            BlkResult, //
        },
        mq::{
            RequestQueue,
            Timeout, //
        },
        SECTOR_SHIFT, //
    },
    ratelimit::RateLimit,
    wait::{
        new_wait_queue,
        WaitQueue, //
    }, //
};

/// How many requests a device has at a time.
pub(crate) const QUEUE_DEPTH: u32 = 128;

/// After how many seconds a request is said to be stuck, if none are set.
const STUCK_SECONDS: u32 = 30;

/// What carries the requests of a device.
#[pin_data]
pub(crate) struct Traffic {
    index: u32,
    pub(crate) shared: Arc<Shared>,
    /// Where each request is.
    #[pin]
    pub(crate) io: SpinLock<Io>,
    /// Woken when a connection is lost or a session ends.
    #[pin]
    pub(crate) changed: WaitQueue,
    /// The queue of the disk, once there is one.
    pub(crate) queue: SetOnce<RequestQueue>,
    /// The process that has begun the session, or zero.
    pub(crate) pid: Atomic<i32>,
    /// Bytes of the device and of a block, as debugfs shows them.
    size: Atomic<u64>,
    block: Atomic<u32>,
    /// What the export can do, while there is a session.
    flags: Atomic<u32>,
    /// Within how many seconds the server is to reply; zero if it may take any time.
    timeout: Atomic<u32>,
    #[pin]
    pub(crate) log_limit: RateLimit,
    /// How many lost connections user space has not been told of.
    to_announce: Atomic<u32>,
    /// Notifies user space of lost connections.
    #[pin]
    notice: Work<Traffic, NOTICE>,
    /// Closes connections for those who must not wait.
    #[pin]
    overdue: Work<Traffic, OVERDUE>,
}

const NOTICE: u64 = 0;
const OVERDUE: u64 = 1;

impl_has_work! {
    impl HasWork<Self, NOTICE> for Traffic { self.notice }
    impl HasWork<Self, OVERDUE> for Traffic { self.overdue }
}

impl WorkItem<NOTICE> for Traffic {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let Some(control) = this.shared.control() else {
            return;
        };
        // The program that is told may be the one that brings memory back.
        with_reserves(|| {
            for _ in 0..this.to_announce.xchg(0, Relaxed) {
                control.announce_lost_link(this.index);
            }
        });
    }
}

impl WorkItem<OVERDUE> for Traffic {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.close_overdue();
    }
}

impl Traffic {
    /// Makes it for a device without a disk. May sleep.
    pub(crate) fn new(index: u32, shared: Arc<Shared>) -> Result<Arc<Self>> {
        let io = new_io(QUEUE_DEPTH as usize)?;
        Arc::pin_init(
            pin_init!(Self {
                index,
                shared,
                io <- new_spinlock!(io, "nbd::Traffic::io"),
                changed <- new_wait_queue!("nbd::Traffic::changed"),
                queue: SetOnce::new(),
                pid: Atomic::new(0),
                size: Atomic::new(0),
                block: Atomic::new(0),
                flags: Atomic::new(0),
                timeout: Atomic::new(0),
                log_limit <- RateLimit::new(),
                to_announce: Atomic::new(0),
                notice <- new_work!("nbd::Traffic::notice"),
                overdue <- new_work!("nbd::Traffic::overdue"),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the number of the disk.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Returns the size of the device.
    pub(crate) fn size(&self) -> Size {
        Size {
            bytes: self.size.load(Relaxed),
            block: self.block.load(Relaxed),
        }
    }

    /// Sets the size of the device, for those who ask.
    pub(crate) fn set_size(&self, size: Size) {
        self.size.store(size.bytes, Relaxed);
        self.block.store(size.block, Relaxed);
    }

    /// Returns what the export can do.
    pub(crate) fn flags(&self) -> ServerFlags {
        ServerFlags::from_raw(self.flags.load(Relaxed))
    }

    /// Sets what the export can do.
    pub(crate) fn set_flags(&self, flags: ServerFlags) {
        self.flags.store(flags.raw(), Relaxed);
    }

    /// Returns within how many seconds the server is to reply; zero if it may take any time.
    pub(crate) fn timeout(&self) -> u32 {
        self.timeout.load(Relaxed)
    }

    /// Sets within how many seconds the server is to reply.
    pub(crate) fn set_timeout(&self, seconds: u32) {
        self.timeout.store(seconds, Relaxed);
        if let Some(queue) = self.queue.as_ref() {
            let seconds = if seconds == 0 { STUCK_SECONDS } else { seconds };
            queue.set_timeout(seconds);
        }
    }

    /// Returns with what a request ends that is not to be sent.
    ///
    /// The limits of the queue say so, too; this is for requests that were made before they did.
    pub(crate) fn ends_at_once(&self, command: Command) -> Option<BlkResult> {
        let flags = self.flags();
        let unless = |sent: bool, result: BlkResult| (!sent).then_some(result);
        match command {
            Command::Read => None,
            // There is no cache that the server could be asked to flush.
            Command::Flush => unless(flags.can_flush(), Ok(())),
            _ if flags.read_only() => Some(Err(BlkError::IOERR)),
            Command::Write => None,
            Command::Discard => unless(flags.can_trim(), Err(BlkError::NOTSUPP)),
            Command::WriteZeroes => unless(flags.can_write_zeroes(), Err(BlkError::NOTSUPP)),
            Command::Other(_) => Some(Err(BlkError::NOTSUPP)),
        }
    }

    /// Ends a request that the caller owns.
    pub(crate) fn finish(&self, rq: NbdRequest, result: BlkResult) {
        self.io.lock().free_slot(&rq);
        rq.end(result);
    }

    /// Gives a request back to blk-mq, or fails it if the session is over.
    pub(crate) fn give_back(&self, rq: NbdRequest) {
        let mut io = self.io.lock();
        io.free_slot(&rq);
        let running = io.is_running();
        drop(io);
        again_or_fail(rq, running);
    }

    /// Gives up a connection that is to leave, and its requests back, without a word. May sleep.
    pub(crate) fn let_go(&self, link: &Link) {
        self.io.lock().mark_lost(link, false, Instant::now());
        self.changed.wake_up_all();
        self.abandon(link);
    }

    /// Gives a connection up, and its requests back. May sleep.
    pub(crate) fn lose(self: &Arc<Self>, link: &Link, why: fmt::Arguments<'_>) {
        if self.mark_lost(link, false, why) {
            self.abandon(link);
        }
    }

    /// Closes a connection that is lost, and only then gives its requests back: or one of them might
    /// leave this machine late, behind one that has taken another way. May sleep.
    ///
    /// What has left it already, and what a local server has not read yet, may still be carried out.
    pub(crate) fn abandon(&self, link: &Link) {
        link.close();
        self.reclaim_requests(Some(link));
    }

    /// Marks a connection as lost; returns whether it was not until now. It is to be
    /// [abandoned](Self::abandon) then.
    fn mark_lost(self: &Arc<Self>, link: &Link, timed_out: bool, why: fmt::Arguments<'_>) -> bool {
        let mut io = self.io.lock();
        if !io.mark_lost(link, timed_out, Instant::now()) {
            return false;
        }
        let expected = io.end_requested() || io.leaves(link);
        let (live, of) = (io.live(), io.nr_links());
        drop(io);

        self.changed.wake_up_all();
        if !expected {
            if self.log_limit.allows() {
                pr_err!(
                    "nbd{}: connection {} is lost ({} of {} left): {}\n",
                    self.index,
                    link.index(),
                    live,
                    of,
                    why
                );
            }
            link.stats().losses.fetch_add(1, Relaxed);
            self.to_announce.fetch_add(1, Relaxed);
            // If it is queued, it has not begun to count.
            let _ = self.shared.notices.enqueue::<_, NOTICE>(self.clone());
        }
        true
    }

    /// Gives back, or fails, what is queued or in flight on a connection, or on any without one.
    pub(crate) fn reclaim_requests(&self, link: Option<&Link>) {
        let mut cursor = 0;
        loop {
            let mut io = self.io.lock();
            let Some(rq) = io.take_from(link, &mut cursor) else {
                return;
            };
            let running = io.is_running();
            drop(io);
            again_or_fail(rq, running);
        }
    }

    /// Gives up all connections, and closes those that have timed out.
    pub(crate) fn lose_all(self: &Arc<Self>, why: &str) {
        loop {
            // Not in the loop's condition, where the guard would live on.
            let next = self.io.lock().any_alive();
            let Some(link) = next else {
                break;
            };
            self.lose(&link, fmt!("{why}"));
        }
        // The work for these may not have begun, and finds none when the session is gone.
        self.close_overdue();
    }

    /// Closes the connections that have timed out.
    fn close_overdue(&self) {
        loop {
            // Not in the loop's condition, where the guard would live on.
            let next = self.io.lock().take_overdue();
            let Some(link) = next else {
                return;
            };
            self.abandon(&link);
        }
    }

    /// Looks after a request that takes long.
    pub(crate) fn timed_out(self: &Arc<Self>, tag: u32) -> Timeout {
        let timeout = self.timeout();
        let late = self.io.lock().late(tag, u64::from(timeout) * 1000);
        match late {
            Late::Gone => return Timeout::Done,
            Late::Request(times, link) => {
                if timeout == 0 && self.log_limit.allows() {
                    pr_info!(
                        "nbd{}: request with tag {} on connection {} takes long: {} s so far\n",
                        self.index,
                        tag,
                        link.index(),
                        times.saturating_mul(STUCK_SECONDS)
                    );
                }
            }
            Late::Lost(link) => {
                self.mark_lost(&link, true, fmt!("no reply within {timeout} s"));
                // A worker gives the request back, for that must wait for the socket. If it is queued,
                // it has not begun to look.
                let _ = self.shared.reclaim_work.enqueue::<_, OVERDUE>(self.clone());
            }
        }
        Timeout::Later
    }

    /// Notes that the server does not serve such requests, whatever it has said.
    pub(crate) fn forget_support(&self, kind: RequestType) {
        let Some(queue) = self.queue.as_ref() else {
            return;
        };
        match kind {
            RequestType::Trim => queue.disable_discard(),
            RequestType::WriteZeroes => queue.disable_write_zeroes(),
            _ => {}
        }
    }

    /// Logs that the server has refused a request.
    pub(crate) fn log_refusal(&self, rq: &NbdRequest, kind: RequestType, error: u32) {
        if self.log_limit.allows() {
            pr_err!(
                "nbd{}: the server has refused {:?} of {} bytes at {}: error {}\n",
                self.index,
                kind,
                rq.bytes(),
                rq.sector() << SECTOR_SHIFT,
                error
            );
        }
    }
}

/// Gives a request back to blk-mq, unless there is nobody to serve it any more.
fn again_or_fail(rq: NbdRequest, running: bool) {
    if running {
        rq.requeue();
    } else {
        rq.end(Err(BlkError::IOERR));
    }
}
