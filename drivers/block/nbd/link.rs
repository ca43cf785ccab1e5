// SPDX-License-Identifier: GPL-2.0

//! One connection: a socket, and the two threads that send and receive on it.
//!
//! A connection never gets another socket: who reconnects makes a new one, and the old one goes
//! when its threads have ended.
//!
//! Both threads may use the memory that is set aside for getting memory back, since a write that
//! they carry may be what frees some. All that they use was allocated before the disk went live.

use crate::{
    device::Device,
    disk::{
        kind_of,
        wire_request,
        NbdRequest, //
    },
    io::{
        Answered,
        Next,
        ToSend, //
    },
    logic::wire::{
        verdict,
        Cookie,
        NbdError,
        ReplyHeader,
        RequestHeader,
        RequestType,
        Verdict,
        REPLY_LEN, //
    },
};
use kernel::{
    impl_has_work, new_work,
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc, //
    },
    workqueue::{
        Work,
        WorkItem, //
    },
};
use rb::{
    block::error::BlkError,
    kthread,
    net::Socket,
    wait::{
        new_wait_queue,
        WaitQueue, //
    }, //
};

/// How urgent the threads are: as those whose requests they carry. Were the sender more urgent, it
/// would send each request at once and by itself, instead of several in one go.
const NICE: i8 = 0;

/// A thread that sleeps until it is woken.
#[pin_data]
struct Sleeper {
    woken: Atomic<bool>,
    #[pin]
    queue: WaitQueue,
}

impl Sleeper {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            woken: Atomic::new(false),
            queue <- new_wait_queue!("nbd::Sleeper::queue"),
        })
    }

    /// Callable under the I/O lock.
    fn wake(&self) {
        self.woken.store(true, Release);
        self.queue.wake_up_all();
    }

    /// Sleeps until woken, since the last time that this returned, or asked to stop.
    fn sleep(&self) {
        self.queue.wait_event_idle_timeout(None, || {
            self.woken.xchg(false, Full) || kthread::should_stop()
        });
    }
}

/// What a connection has done.
pub(crate) struct LinkStats {
    pub(crate) requests: Atomic<u64>,
    pub(crate) bytes_sent: Atomic<u64>,
    pub(crate) bytes_received: Atomic<u64>,
    pub(crate) errors: Atomic<u64>,
}

/// A connection.
#[pin_data]
pub(crate) struct Link {
    device: Arc<Device>,
    index: u16,
    socket: Socket,
    pub(crate) stats: LinkStats,
    #[pin]
    sender: Sleeper,
    #[pin]
    receiver: Sleeper,
    /// Shuts the socket down, for those who must not wait.
    #[pin]
    shutdown: Work<Link, 0>,
    /// Tells user space that the connection is lost.
    #[pin]
    notice: Work<Link, 1>,
}

impl_has_work! {
    impl HasWork<Self, 0> for Link { self.shutdown }
    impl HasWork<Self, 1> for Link { self.notice }
}

impl WorkItem<0> for Link {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.socket.shutdown();
    }
}

impl WorkItem<1> for Link {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.device.announce_lost_link();
    }
}

impl Link {
    /// Makes the connection number `index` of a device.
    pub(crate) fn new(device: &Arc<Device>, index: u16, socket: Socket) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                device: device.clone(),
                index,
                socket,
                stats: LinkStats {
                    requests: Atomic::new(0),
                    bytes_sent: Atomic::new(0),
                    bytes_received: Atomic::new(0),
                    errors: Atomic::new(0),
                },
                sender <- Sleeper::new(),
                receiver <- Sleeper::new(),
                shutdown <- new_work!("nbd::Link::shutdown"),
                notice <- new_work!("nbd::Link::notice"),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns its number.
    pub(crate) fn index(&self) -> u16 {
        self.index
    }

    /// Returns its socket.
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Lets the sender look for requests. Any context.
    pub(crate) fn wake_sender(&self) {
        self.sender.wake();
    }

    /// Lets the receiver look again whether a request has been sent. Any context.
    pub(crate) fn wake_receiver(&self) {
        self.receiver.wake();
    }
}

/// The threads of a connection. Dropping them waits for their end, so the socket has to be shut
/// down before.
pub(crate) struct LinkThreads {
    _sender: kthread::Thread<Sender>,
    _receiver: kthread::Thread<Receiver>,
}

impl LinkThreads {
    /// Starts the threads of a connection.
    pub(crate) fn start(link: &Arc<Link>) -> Result<Self> {
        let name =
            |what| CString::try_from_fmt(fmt!("nbd{}-{}{}", link.device.index(), what, link.index));
        let sender = Arc::new(Sender(link.clone()), GFP_KERNEL)?;
        let receiver = Arc::new(Receiver(link.clone()), GFP_KERNEL)?;
        Ok(Self {
            _sender: kthread::Thread::spawn(&name("tx")?, NICE, sender)?,
            _receiver: kthread::Thread::spawn(&name("rx")?, NICE, receiver)?,
        })
    }
}

/// What the sending thread runs on.
struct Sender(Arc<Link>);

impl kthread::Run for Sender {
    fn run(&self) {
        let link = &self.0;
        let _reserves = link.device.reserves();

        while !kthread::should_stop() {
            let next = link.device.io.lock().next_to_send(link);
            match next {
                Next::Send(work) => self.send(work),
                Next::Farewell => self.say_farewell(),
                Next::Nothing => link.sender.sleep(),
                Next::Lost => break,
            }
        }
        // Whoever stops the thread may come much later, and a lost connection has no more work.
        wait_for_stop(&link.sender);
    }
}

impl Sender {
    fn send(&self, ToSend { rq, cookie, more }: ToSend) {
        let link = &self.0;
        let device = &link.device;
        let Some(header) = wire_request(&rq, cookie) else {
            // It was refused when it was queued.
            device.finish(rq, Err(BlkError::NOTSUPP));
            return;
        };
        let payload = (header.kind == RequestType::Write).then(|| rq.bios());
        let data = if payload.is_some() { header.length } else { 0 };

        if let Err(err) = link.socket.send(&header.encode(), payload, more) {
            device.lose(link, fmt!("send failed: {err:?}"));
            device.give_back(rq);
            return;
        }
        link.stats.requests.fetch_add(1, Relaxed);
        link.stats.bytes_sent.fetch_add(u64::from(data), Relaxed);
        let returned = device.io.lock().sent(link, rq);
        if let Err(rq) = returned {
            device.give_back(rq);
        }
    }

    fn say_farewell(&self) {
        let link = &self.0;
        // Best effort: the server may be gone.
        let _ = link
            .socket
            .send(&RequestHeader::DISCONNECT.encode(), None, false);
        link.device.io.lock().said_farewell(link);
        link.device.changed.wake_up_all();
    }
}

/// What the receiving thread runs on.
struct Receiver(Arc<Link>);

impl kthread::Run for Receiver {
    fn run(&self) {
        let link = &self.0;
        let _reserves = link.device.reserves();

        while !kthread::should_stop() && self.receive() {}
        wait_for_stop(&link.receiver);
    }
}

impl Receiver {
    /// Receives a reply; returns whether there may be more.
    fn receive(&self) -> bool {
        let link = &self.0;
        let mut bytes = [0; REPLY_LEN];
        if let Err(err) = link.socket.receive(&mut bytes) {
            if err == EPIPE {
                return self.lose(fmt!("the server has closed it"));
            }
            return self.lose(fmt!("receive failed: {err:?}"));
        }
        match ReplyHeader::decode(&bytes) {
            Ok(reply) => self.take(reply),
            Err(magic) => self.lose(fmt!("wrong magic {magic:#x} in a reply")),
        }
    }

    fn take(&self, reply: ReplyHeader) -> bool {
        let link = &self.0;
        let device = &link.device;
        let cookie = Cookie::decode(reply.cookie);
        let rq = loop {
            let answered = device.io.lock().answered(link, cookie);
            match answered {
                Answered::Request(rq) => break rq,
                Answered::NotYet => link.receiver.sleep(),
                Answered::Nobody => {
                    return self.lose(fmt!("reply to nothing, cookie {:#x}", reply.cookie));
                }
            }
        };
        if let Some(error) = NbdError::decode(reply.error) {
            return self.refused(rq, reply.error, error);
        }
        if wire_request(&rq, cookie).is_some_and(|header| header.kind == RequestType::Read) {
            let received = link.socket.receive_bios(rq.bios());
            if let Err(err) = received {
                self.lose(fmt!("receive of data failed: {err:?}"));
                device.give_back(rq);
                return false;
            }
            let bytes = u64::from(rq.bytes());
            link.stats.bytes_received.fetch_add(bytes, Relaxed);
        }
        device.finish(rq, Ok(()));
        true
    }

    /// Ends a request that the server has not carried out.
    fn refused(&self, rq: NbdRequest, raw: u32, error: NbdError) -> bool {
        let link = &self.0;
        let device = &link.device;
        let Some(kind) = kind_of(&rq) else {
            device.finish(rq, Err(BlkError::IOERR));
            return true;
        };
        link.stats.errors.fetch_add(1, Relaxed);
        let verdict = verdict(kind, error);
        if verdict != Verdict::GoElsewhere {
            device.log_refusal(&rq, kind, raw);
        }
        match verdict {
            Verdict::IoError => device.finish(rq, Err(BlkError::IOERR)),
            Verdict::NoSpace => device.finish(rq, Err(BlkError::NOSPC)),
            Verdict::Unsupported => {
                device.forget_support(kind);
                device.finish(rq, Err(BlkError::NOTSUPP));
            }
            Verdict::GoElsewhere => {
                self.lose(fmt!("the server is shutting down"));
                device.give_back(rq);
                return false;
            }
        }
        true
    }

    /// Gives the connection up; returns that there is no more.
    fn lose(&self, why: kernel::fmt::Arguments<'_>) -> bool {
        self.0.device.lose(&self.0, why);
        false
    }
}

/// Sleeps until the thread is asked to stop.
fn wait_for_stop(sleeper: &Sleeper) {
    while !kthread::should_stop() {
        sleeper.sleep();
    }
}
