// SPDX-License-Identifier: GPL-2.0

//! One connection: a socket, and the two threads that send and receive on it.
//!
//! A connection never gets another socket. It has a place in the session, to which the threads
//! belong: when it is lost they leave it, and wait for the one that comes into its place. So who
//! reconnects needs no memory for threads, of which there may be none until he has.
//!
//! Both threads may use the memory that is set aside for getting memory back, since a write that
//! they carry may be what frees some. All that they use was allocated before the disk went live.

use crate::{
    links::{
        request::{
            kind_of,
            wire_request,
            NbdRequest, //
        },
        sleeper::Sleeper,
        trace, //
    },
    logic::{
        io::{
            link::Connection,
            slots::Answered,
            Next,
            ToSend, //
        },
        wire::{
            verdict,
            Cookie,
            NbdError,
            ReplyHeader,
            RequestHeader,
            RequestType,
            Verdict, //
            REPLY_LEN,
        },
    },
    session::device::Device, //
};
use kernel::{
    fmt, impl_has_work, new_work,
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Acquire,
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
    net::Socket, //
};

/// How urgent the threads are: as the workers that complete requests. They work in batches, so they do
/// not take the processor from who submits or serves, for each request by itself.
const NICE: i8 = -20;

/// What the connections of a place have done since the session has begun.
pub(crate) struct Stats {
    /// Requests that were sent.
    pub(crate) requests: Atomic<u64>,
    /// Bytes of data that were sent, and received.
    pub(crate) bytes_sent: Atomic<u64>,
    pub(crate) bytes_received: Atomic<u64>,
    /// Requests that the server has refused.
    pub(crate) errors: Atomic<u32>,
    /// Connections that were lost.
    pub(crate) losses: Atomic<u32>,
    /// Connections that have come into the place of another one.
    pub(crate) replacements: Atomic<u32>,
}

impl Stats {
    const fn new() -> Self {
        Self {
            requests: Atomic::new(0),
            bytes_sent: Atomic::new(0),
            bytes_received: Atomic::new(0),
            errors: Atomic::new(0),
            losses: Atomic::new(0),
            replacements: Atomic::new(0),
        }
    }
}

/// Where a session has a connection, one after the other.
#[pin_data]
pub(crate) struct Place {
    device: Arc<Device>,
    index: u16,
    /// How many of the two threads have no connection.
    parked: Atomic<u32>,
    stats: Stats,
    #[pin]
    sender: Sleeper,
    #[pin]
    receiver: Sleeper,
}

impl Place {
    /// Makes the place number `index` in a session of a device.
    pub(crate) fn new(device: &Arc<Device>, index: usize) -> Result<Arc<Self>> {
        let index = u16::try_from(index)?;
        Arc::pin_init(
            pin_init!(Self {
                device: device.clone(),
                index,
                parked: Atomic::new(0),
                stats: Stats::new(),
                sender <- Sleeper::new(),
                receiver <- Sleeper::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns whether nobody works with a connection here.
    pub(crate) fn is_empty(&self) -> bool {
        self.parked.load(Acquire) == 2
    }

    /// Lets the threads look for a connection.
    pub(crate) fn wake(&self) {
        self.sender.wake();
        self.receiver.wake();
    }

    /// Calls `serve` for each connection that comes here, until the thread is to stop; it returns
    /// when the connection is lost.
    fn serve_each(&self, sleeper: &Sleeper, serve: impl Fn(&Link)) {
        while !kthread::should_stop() {
            let link = self.device.io.lock().alive_at(self.index);
            if let Some(link) = link {
                serve(&link);
                continue;
            }
            self.parked.fetch_add(1, Full);
            self.device.changed.wake_up_all();
            sleeper.sleep();
            self.parked.fetch_sub(1, Full);
        }
    }
}

/// A connection.
#[pin_data]
pub(crate) struct Link {
    place: Arc<Place>,
    socket: Socket,
    /// Whether the server was told that this is the end.
    told: Atomic<bool>,
    /// Abandons the connection, for those who must not wait.
    #[pin]
    abandon: Work<Link>,
}

impl_has_work! {
    impl HasWork<Self> for Link { self.abandon }
}

impl WorkItem for Link {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.device().abandon(&this);
    }
}

impl Link {
    /// Makes a connection for a place.
    pub(crate) fn new(place: &Arc<Place>, socket: Socket) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                place: place.clone(),
                socket,
                told: Atomic::new(false),
                abandon <- new_work!("nbd::Link::abandon"),
            }),
            GFP_KERNEL,
        )
    }

    /// Closes it. May sleep.
    ///
    /// If the server was told, it gets to know. Otherwise the connection is lost, and nothing that was
    /// sent may arrive any more, as far as this machine can help it: by then it was sent again, elsewhere,
    /// and other writes behind it.
    pub(crate) fn close(&self) {
        if self.told.load(Acquire) {
            self.socket.shutdown();
        } else {
            self.socket.abort();
        }
    }

    /// What was done in its place.
    pub(crate) fn stats(&self) -> &Stats {
        &self.place.stats
    }

    fn device(&self) -> &Arc<Device> {
        &self.place.device
    }
}

impl Connection for Link {
    fn index(&self) -> u16 {
        self.place.index
    }

    fn wake_sender(&self) {
        self.place.sender.wake();
    }

    fn wake_receiver(&self) {
        self.place.receiver.wake();
    }

    fn quiet_ms(&self) -> u64 {
        self.socket.quiet_ms().into()
    }
}

/// The threads of a place. Dropping them waits for their end, so a socket that is there has to be
/// shut down before.
pub(crate) struct Threads {
    _sender: kthread::Thread<Sender>,
    _receiver: kthread::Thread<Receiver>,
}

impl Threads {
    /// Starts the threads of a place.
    pub(crate) fn start(place: &Arc<Place>) -> Result<Self> {
        let (nbd, index) = (place.device.index(), place.index);
        let sender = CString::try_from_fmt(fmt!("nbd{nbd}-tx{index}"))?;
        let receiver = CString::try_from_fmt(fmt!("nbd{nbd}-rx{index}"))?;
        let sends = Arc::new(Sender(place.clone()), GFP_KERNEL)?;
        let receives = Arc::new(Receiver(place.clone()), GFP_KERNEL)?;
        let sender = kthread::Thread::spawn(&sender, NICE, sends)?;
        let receiver = kthread::Thread::spawn(&receiver, NICE, receives)?;
        sender.set_batch(NICE);
        receiver.set_batch(NICE);
        Ok(Self {
            _sender: sender,
            _receiver: receiver,
        })
    }
}

/// What the sending thread runs on.
struct Sender(Arc<Place>);

impl kthread::Run for Sender {
    fn run(&self) {
        self.0
            .serve_each(&self.0.sender, |link| send_all(link, &self.0.sender));
    }
}

/// Sends what there is to send, until the connection is lost.
fn send_all(link: &Link, sleeper: &Sleeper) {
    loop {
        let next = link.device().io.lock().next_to_send(link);
        match next {
            Next::Send(work) => send(link, work),
            Next::Disconnect => disconnect(link),
            Next::Nothing if sleeper.sleep() => {}
            Next::Nothing | Next::Lost => return,
        }
    }
}

fn send(link: &Link, ToSend { rq, cookie, more }: ToSend<NbdRequest>) {
    let device = link.device();
    let Some(header) = wire_request(&rq, cookie) else {
        // It was refused when it was queued.
        device.finish(rq, Err(BlkError::NOTSUPP));
        return;
    };
    let payload = (header.kind == RequestType::Write).then(|| rq.bios());
    let data = if payload.is_some() { header.length } else { 0 };
    let mut message = header.encode();

    // CAST: There are no more disks than minor numbers.
    trace::nbd_send_request(&mut message, device.index() as i32, &rq);
    let sent = device.with_reserves(|| link.socket.send(&message, payload, more));
    if let Err(err) = sent {
        device.lose(link, fmt!("send failed: {err:?}"));
        device.give_back(rq);
        return;
    }
    // Both went out at once.
    trace::nbd_header_sent(&rq, header.cookie);
    trace::nbd_payload_sent(&rq, header.cookie);
    link.stats().requests.fetch_add(1, Relaxed);
    link.stats().bytes_sent.fetch_add(u64::from(data), Relaxed);
    let returned = device.io.lock().sent(link, rq);
    if let Err(rq) = returned {
        device.give_back(rq);
    }
}

fn disconnect(link: &Link) {
    let header = RequestHeader::DISCONNECT.encode();
    // Best effort: the server may be gone.
    let sent = link
        .device()
        .with_reserves(|| link.socket.send(&header, None, false));
    link.told.store(sent.is_ok(), Release);
    link.device().io.lock().disconnect_sent(link);
    link.device().changed.wake_up_all();
}

/// What the receiving thread runs on.
struct Receiver(Arc<Place>);

impl kthread::Run for Receiver {
    fn run(&self) {
        self.0
            .serve_each(&self.0.receiver, |link| receive_all(link, &self.0.receiver));
    }
}

/// Receives replies, until the connection is lost.
fn receive_all(link: &Link, sleeper: &Sleeper) {
    while receive(link, sleeper) {}
}

/// Receives a reply; returns whether there may be more.
fn receive(link: &Link, sleeper: &Sleeper) -> bool {
    let mut bytes = [0; REPLY_LEN];
    let received = link
        .device()
        .with_reserves(|| link.socket.receive(&mut bytes));
    match received {
        Ok(()) => {}
        Err(EPIPE) => return fails(link, fmt!("the server has closed it")),
        Err(err) => return fails(link, fmt!("receive failed: {err:?}")),
    }
    match ReplyHeader::decode(&bytes) {
        Ok(reply) => take(link, sleeper, reply),
        Err(magic) => fails(link, fmt!("wrong magic {magic:#x} in a reply")),
    }
}

/// Ends the request that a reply is for; returns whether there may be more.
fn take(link: &Link, sleeper: &Sleeper, reply: ReplyHeader) -> bool {
    let device = link.device();
    let cookie = Cookie::decode(reply.cookie);
    let rq = loop {
        let answered = device.io.lock().answered(link, cookie);
        match answered {
            Answered::Request(rq) => break rq,
            Answered::NotYet if sleeper.sleep() => {}
            Answered::NotYet => return false,
            Answered::Nobody => {
                return fails(link, fmt!("reply to nothing, cookie {:#x}", reply.cookie));
            }
        }
    };
    trace::nbd_header_received(&rq, reply.cookie);
    if let Some(error) = NbdError::decode(reply.error) {
        trace::nbd_payload_received(&rq, reply.cookie);
        return refused(link, rq, reply.error, error);
    }
    if kind_of(&rq) == Some(RequestType::Read) {
        let received = device.with_reserves(|| link.socket.receive_bios(rq.bios()));
        if let Err(err) = received {
            fails(link, fmt!("receive of data failed: {err:?}"));
            device.give_back(rq);
            return false;
        }
        let bytes = u64::from(rq.bytes());
        link.stats().bytes_received.fetch_add(bytes, Relaxed);
    }
    trace::nbd_payload_received(&rq, reply.cookie);
    device.finish(rq, Ok(()));
    true
}

/// Ends a request that the server has not carried out; returns whether there may be more.
fn refused(link: &Link, rq: NbdRequest, raw: u32, error: NbdError) -> bool {
    let device = link.device();
    let Some(kind) = kind_of(&rq) else {
        device.finish(rq, Err(BlkError::IOERR));
        return true;
    };
    link.stats().errors.fetch_add(1, Relaxed);
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
            fails(link, fmt!("the server is shutting down"));
            device.give_back(rq);
            return false;
        }
    }
    true
}

/// Gives the connection up; returns that there is no more.
fn fails(link: &Link, why: fmt::Arguments<'_>) -> bool {
    link.device().lose(link, why);
    false
}
