// SPDX-License-Identifier: GPL-2.0

//! The two threads of a place, which send and receive on the connection that is there.
//!
//! Both may use the memory that is set aside for getting memory back, since a write that they carry
//! may be what frees some. All that they use was allocated before the disk went live.

use crate::{
    links::{
        link::{
            Link,
            Place, //
        },
        request::{
            kind_of,
            wire_request,
            NbdRequest, //
        },
        reserves::with_reserves,
        trace,
        traffic::Traffic, //
    },
    logic::{
        io::{
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
            Verdict,
            REPLY_LEN, //
        },
    },
};
use common::bell::Bell;
use kernel::{
    fmt,
    prelude::*,
    str::CString,
    sync::{
        atomic::Relaxed,
        Arc, //
    },
};
use rb::{
    block::error::BlkError,
    kthread, //
};

/// How urgent the threads are: as the workers that complete requests. They work in batches, so they do
/// not take the processor from tasks that submit or serve, for each request by itself.
const NICE: i8 = -20;

/// The threads of a place. Dropping them waits for their end, so a socket that is there has to be
/// shut down before.
pub(crate) struct Threads {
    _sender: kthread::Thread<Sender>,
    _receiver: kthread::Thread<Receiver>,
}

impl Threads {
    /// Starts the threads of a place.
    pub(crate) fn start(traffic: &Arc<Traffic>, place: &Arc<Place>) -> Result<Self> {
        let (nbd, index) = (traffic.index(), place.index());
        let sender = CString::try_from_fmt(fmt!("nbd{nbd}-tx{index}"))?;
        let receiver = CString::try_from_fmt(fmt!("nbd{nbd}-rx{index}"))?;
        let sends = Arc::new(Sender(Worker::new(traffic, place)), GFP_KERNEL)?;
        let receives = Arc::new(Receiver(Worker::new(traffic, place)), GFP_KERNEL)?;
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

/// What a thread works for, and where.
struct Worker {
    traffic: Arc<Traffic>,
    place: Arc<Place>,
}

impl Worker {
    fn new(traffic: &Arc<Traffic>, place: &Arc<Place>) -> Self {
        Self {
            traffic: traffic.clone(),
            place: place.clone(),
        }
    }

    /// Calls `serve` for each connection that comes to the place, until the thread is to stop; it
    /// returns when the connection is lost.
    fn serve_each(&self, bell: &Bell, serve: impl Fn(&Arc<Traffic>, &Link)) {
        while !kthread::should_stop() {
            let link = self.traffic.io.lock().alive_at(self.place.index());
            if let Some(link) = link {
                serve(&self.traffic, &link);
                continue;
            }
            self.place.park(true);
            self.traffic.changed.wake_up_all();
            bell.wait(None);
            self.place.park(false);
        }
    }
}

/// What the sending thread runs on.
struct Sender(Worker);

impl kthread::Run for Sender {
    fn run(&self) {
        self.0.serve_each(&self.0.place.sender, send_all);
    }
}

/// Sends what there is to send, until the connection is lost.
fn send_all(traffic: &Arc<Traffic>, link: &Link) {
    loop {
        let next = traffic.io.lock().next_to_send(link);
        match next {
            Next::Send(work) => send(traffic, link, work),
            Next::Disconnect => disconnect(traffic, link),
            Next::Nothing if link.place().sender.wait(None) => {}
            Next::Nothing | Next::Lost => return,
        }
    }
}

fn send(traffic: &Arc<Traffic>, link: &Link, ToSend { rq, cookie, more }: ToSend<NbdRequest>) {
    let Some(header) = wire_request(&rq, cookie) else {
        // It was refused when it was queued.
        traffic.finish(rq, Err(BlkError::NOTSUPP));
        return;
    };
    let payload = (header.kind == RequestType::Write).then(|| rq.bios());
    let data = if payload.is_some() { header.length } else { 0 };
    let mut message = header.encode();

    // CAST: There are no more disks than minor numbers.
    trace::nbd_send_request(&mut message, traffic.index() as i32, &rq);
    let sent = with_reserves(|| link.socket().send(&message, payload, more));
    if let Err(err) = sent {
        traffic.lose(link, fmt!("send failed: {err:?}"));
        traffic.give_back(rq);
        return;
    }
    // Both went out at once.
    trace::nbd_header_sent(&rq, header.cookie);
    trace::nbd_payload_sent(&rq, header.cookie);
    link.stats().requests.fetch_add(1, Relaxed);
    link.stats().bytes_sent.fetch_add(u64::from(data), Relaxed);
    let returned = traffic.io.lock().sent(link, rq);
    if let Err(rq) = returned {
        traffic.give_back(rq);
    }
}

fn disconnect(traffic: &Traffic, link: &Link) {
    let header = RequestHeader::DISCONNECT.encode();
    // Best effort: the server may be gone.
    let sent = with_reserves(|| link.socket().send(&header, None, false));
    link.set_told(sent.is_ok());
    traffic.io.lock().disconnect_sent(link);
    traffic.changed.wake_up_all();
}

/// What the receiving thread runs on.
struct Receiver(Worker);

impl kthread::Run for Receiver {
    fn run(&self) {
        self.0.serve_each(&self.0.place.receiver, receive_all);
    }
}

/// Receives replies, until the connection is lost.
fn receive_all(traffic: &Arc<Traffic>, link: &Link) {
    while receive(traffic, link) {}
}

/// Receives a reply; returns whether there may be more.
fn receive(traffic: &Arc<Traffic>, link: &Link) -> bool {
    let mut bytes = [0; REPLY_LEN];
    let received = with_reserves(|| link.socket().receive(&mut bytes));
    match received {
        Ok(()) => {}
        Err(EPIPE) => return fails(traffic, link, fmt!("the server has closed it")),
        Err(err) => return fails(traffic, link, fmt!("receive failed: {err:?}")),
    }
    match ReplyHeader::decode(&bytes) {
        Ok(reply) => take(traffic, link, reply),
        Err(magic) => fails(traffic, link, fmt!("wrong magic {magic:#x} in a reply")),
    }
}

/// Ends the request that a reply is for; returns whether there may be more.
fn take(traffic: &Arc<Traffic>, link: &Link, reply: ReplyHeader) -> bool {
    let cookie = Cookie::decode(reply.cookie);
    let rq = loop {
        let answered = traffic.io.lock().answered(link, cookie);
        match answered {
            Answered::Request(rq) => break rq,
            Answered::NotYet if link.place().receiver.wait(None) => {}
            Answered::NotYet => return false,
            Answered::Nobody => {
                return fails(
                    traffic,
                    link,
                    fmt!("reply to nothing, cookie {:#x}", reply.cookie),
                );
            }
        }
    };
    trace::nbd_header_received(&rq, reply.cookie);
    if let Some(error) = NbdError::decode(reply.error) {
        trace::nbd_payload_received(&rq, reply.cookie);
        return refused(traffic, link, rq, reply.error, error);
    }
    if kind_of(&rq) == Some(RequestType::Read) {
        let received = with_reserves(|| link.socket().receive_bios(rq.bios()));
        if let Err(err) = received {
            fails(traffic, link, fmt!("receive of data failed: {err:?}"));
            traffic.give_back(rq);
            return false;
        }
        let bytes = u64::from(rq.bytes());
        link.stats().bytes_received.fetch_add(bytes, Relaxed);
    }
    trace::nbd_payload_received(&rq, reply.cookie);
    traffic.finish(rq, Ok(()));
    true
}

/// Ends a request that the server has not carried out; returns whether there may be more.
fn refused(traffic: &Arc<Traffic>, link: &Link, rq: NbdRequest, raw: u32, error: NbdError) -> bool {
    let Some(kind) = kind_of(&rq) else {
        traffic.finish(rq, Err(BlkError::IOERR));
        return true;
    };
    link.stats().errors.fetch_add(1, Relaxed);
    let verdict = verdict(kind, error);
    if verdict != Verdict::GoElsewhere {
        traffic.log_refusal(&rq, kind, raw);
    }
    match verdict {
        Verdict::IoError => traffic.finish(rq, Err(BlkError::IOERR)),
        Verdict::NoSpace => traffic.finish(rq, Err(BlkError::NOSPC)),
        Verdict::Unsupported => {
            traffic.forget_support(kind);
            traffic.finish(rq, Err(BlkError::NOTSUPP));
        }
        Verdict::GoElsewhere => {
            fails(traffic, link, fmt!("the server is shutting down"));
            traffic.give_back(rq);
            return false;
        }
    }
    true
}

/// Gives the connection up; returns that there is no more.
fn fails(traffic: &Arc<Traffic>, link: &Link, why: fmt::Arguments<'_>) -> bool {
    traffic.lose(link, why);
    false
}
