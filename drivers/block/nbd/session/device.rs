// SPDX-License-Identifier: GPL-2.0

//! A network block device: what its disk, its connections and those who set it up share.
//!
//! # Locks
//!
//! In this order, outermost first:
//!
//! 1. The disk's open mutex, in the block core: held when the disk is opened and closed.
//! 2. `setup`, a mutex: how the device is set up, and its session. Held while a session begins, ends
//!    or changes, so by those who wait for the threads of connections and for the queue to freeze.
//!    Neither the threads nor the I/O path ever take it, so both can go on.
//! 3. `backend`, a mutex, for as long as a string takes to be copied.
//! 4. `io`, a spinlock: see [`crate::logic::io`].
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
    control::registry::Registry,
    links::{
        io::{
            new_io,
            Io, //
        },
        link::Link,
        request::NbdRequest, //
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
    session::{
        life,
        setup::Setup, //
    },
};
use kernel::{
    fmt, impl_has_work, new_mutex, new_spinlock, new_work,
    prelude::*,
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
        gen_disk::DiskRef,
        limits::QueueLimits,
        mq::{
            RequestQueue,
            Timeout, //
        },
        SECTOR_SHIFT, //
    },
    mm,
    net::{
        self,
        Options,
        Socket, //
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

/// Bytes of a socket's buffer when requests are small, and at most.
const SMALL_BUFFER: usize = 256 << 10;
const LARGE_BUFFER: usize = 4 << 20;

/// A device.
#[pin_data]
pub(crate) struct Device {
    index: u32,
    pub(crate) registry: Arc<Registry>,
    /// How the device is set up.
    #[pin]
    pub(crate) setup: Mutex<Setup>,
    /// Where each request is.
    #[pin]
    pub(crate) io: SpinLock<Io>,
    /// Woken when a connection is lost or a session ends.
    #[pin]
    pub(crate) changed: WaitQueue,
    /// Most bytes of a request. It changes with the lock of the setup, while nobody uses the device.
    max_request: Atomic<u32>,
    /// Whether partitions are to be looked for when there is a connection again.
    scan_is_due: Atomic<bool>,
    /// The queue of the disk, once there is one.
    pub(crate) queue: SetOnce<RequestQueue>,
    /// The process that has begun the session, or zero.
    pub(crate) pid: Atomic<i32>,
    /// What the server is to be told apart by.
    #[pin]
    pub(crate) backend: Mutex<Option<KVec<u8>>>,
    /// Whether the disk is removed when its session has ended and nobody has it open.
    pub(crate) destroy: Atomic<bool>,
    /// Bytes of the device and of a block, as debugfs shows them.
    size: Atomic<u64>,
    block: Atomic<u32>,
    /// What the export can do, while there is a session.
    flags: Atomic<u32>,
    /// Within how many seconds the server is to reply; zero if it may take any time.
    timeout: Atomic<u32>,
    #[pin]
    log_limit: RateLimit,
    /// How many lost connections user space has not been told of.
    to_announce: Atomic<u32>,
    /// Tells user space that connections are lost.
    #[pin]
    notice: Work<Device>,
}

impl_has_work! {
    impl HasWork<Self> for Device { self.notice }
}

impl WorkItem for Device {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        // Who is told may be the one who brings memory back.
        this.with_reserves(|| {
            for _ in 0..this.to_announce.xchg(0, Relaxed) {
                this.registry.announce_lost_link(this.index);
            }
        });
    }
}

impl Device {
    /// Creates a device, without a disk. May sleep.
    pub(crate) fn new(index: u32, registry: Arc<Registry>) -> Result<Arc<Self>> {
        let io = new_io(QUEUE_DEPTH as usize)?;
        let max_request = registry.max_request;
        Arc::pin_init(
            pin_init!(Self {
                index,
                registry,
                setup <- new_mutex!(Setup::new(), "nbd::Device::setup"),
                io <- new_spinlock!(io, "nbd::Device::io"),
                changed <- new_wait_queue!("nbd::Device::changed"),
                max_request: Atomic::new(max_request),
                scan_is_due: Atomic::new(false),
                queue: SetOnce::new(),
                pid: Atomic::new(0),
                backend <- new_mutex!(None, "nbd::Device::backend"),
                destroy: Atomic::new(false),
                size: Atomic::new(0),
                block: Atomic::new(0),
                flags: Atomic::new(0),
                timeout: Atomic::new(0),
                log_limit <- RateLimit::new(),
                to_announce: Atomic::new(0),
                notice <- new_work!("nbd::Device::notice"),
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

    /// Returns how many bytes a request has at most.
    pub(crate) fn max_request(&self) -> u32 {
        self.max_request.load(Relaxed)
    }

    /// Sets how many bytes a request has at most; the caller has the lock of the setup.
    pub(crate) fn set_max_request(&self, bytes: u32) {
        self.max_request.store(bytes, Relaxed);
    }

    /// Returns the largest block that the device can have, in bytes.
    pub(crate) fn max_block(&self) -> u32 {
        self.max_request().min(QueueLimits::MAX_BLOCK_SIZE)
    }

    /// Returns how sockets are set up.
    ///
    /// The buffers are bounded, so that requests in flight do not use up the reserves: with small
    /// requests, to what all of them together need.
    fn socket_options(&self) -> Options {
        let buffer = usize::try_from(self.max_request()).map_or(SMALL_BUFFER, |bytes| {
            bytes.saturating_mul(2).clamp(SMALL_BUFFER, LARGE_BUFFER)
        });
        Options {
            send_buffer: Some(buffer),
            receive_buffer: Some(buffer),
            memalloc: !cfg!(nbd_naive),
        }
    }

    /// Takes the socket that a descriptor of the caller stands for.
    ///
    /// Fails as [`Socket::from_fd`], with a line in the log if it is no plain stream.
    pub(crate) fn take_socket(&self, fd: u32) -> Result<Socket> {
        Socket::from_fd(fd, &self.socket_options()).inspect_err(|err| {
            if *err == net::not_plain() && self.log_limit.allows() {
                pr_err!(
                    "nbd{}: a socket with TLS in the kernel, or another layer on it, is not supported\n",
                    self.index
                );
            }
        })
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

    /// Notes that the disk was opened.
    pub(crate) fn opened(&self, disk: &DiskRef) -> Result {
        if self.registry.minors.max_part() == 0 {
            return Ok(());
        }
        let io = self.io.lock();
        let (serves, live) = (io.serves(), io.live());
        drop(io);
        if !serves {
            // What there was before a session, or after one, is no longer there.
            disk.need_partition_scan();
        } else if live == 0 && disk.forget_partition_scan() {
            // It would wait for a connection, and all who open or close the disk for it.
            self.scan_is_due.store(true, Relaxed);
            if self.io.lock().live() != 0 {
                self.scan_if_due(disk);
            }
        }
        Ok(())
    }

    /// Has partitions looked for, if that had to wait for a connection; returns whether it had.
    pub(crate) fn scan_if_due(&self, disk: &DiskRef) -> bool {
        let due = self.scan_is_due.xchg(false, Relaxed);
        if due {
            disk.need_partition_scan();
        }
        due
    }

    /// Notes that the disk was closed.
    pub(crate) fn released(self: &Arc<Self>, disk: &DiskRef) {
        if disk.openers() != 0 {
            return;
        }
        let mut setup = self.setup.lock();
        if setup.session.is_some() && setup.disconnect_on_close {
            life::end(self, disk, &mut setup, true);
        }
        if setup.session.is_none() {
            life::forget(self, disk, &mut setup);
            if self.destroy.load(Relaxed) {
                self.registry.remove_later(self.index);
            }
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

    /// Lets a thread of a connection use the reserves in `f`: while it sends or receives, but not
    /// while it ends requests, for what others do then is not for the reserves.
    pub(crate) fn with_reserves<R>(&self, f: impl FnOnce() -> R) -> R {
        if cfg!(nbd_naive) {
            f()
        } else {
            mm::with_noreclaim(f)
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
            let _ = self.registry.notices.enqueue(self.clone());
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

    /// Gives up all connections.
    pub(crate) fn lose_all(self: &Arc<Self>, why: &str) {
        loop {
            // Not in the loop's condition, where the guard would live on.
            let next = self.io.lock().any_alive();
            let Some(link) = next else {
                return;
            };
            self.lose(&link, fmt!("{why}"));
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
                // A worker gives the request back, for that must wait for the socket.
                let _ = self.registry.reclaim_work.enqueue(link);
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
