// SPDX-License-Identifier: GPL-2.0

//! The threads of a connection, and the lock of what they share: nobody sleeps when there is
//! something to do.

use super::model;
use crate::{
    bell::Bell,
    nbd::logic::{
        io::{
            link::{Connection, LinkState},
            slots::{Answered, Slot, Tagged},
            Io, Moment, Next, Parts,
        },
        wire::Cookie,
    },
    prelude::*,
};
use loom::{sync::Mutex, thread};
use std::sync::Arc;

struct Link {
    sender: Bell,
    receiver: Bell,
}

impl Connection for Link {
    fn index(&self) -> u16 {
        0
    }

    fn wake_sender(&self) {
        self.sender.ring();
    }

    fn wake_receiver(&self) {
        self.receiver.ring();
    }

    fn quiet_ms(&self) -> u64 {
        0
    }
}

/// There is one.
#[derive(Debug)]
struct Request;

impl Tagged for Request {
    fn tag(&self) -> u32 {
        0
    }
}

struct Now;

impl Moment for Now {
    fn elapsed_ms(&self) -> u64 {
        0
    }
}

enum Host {}

impl Parts for Host {
    type Request = Request;
    type Link = Link;
    type LinkRef = Arc<Link>;
    type Moment = Now;
    type Slots = Vec<Slot<Request>>;
    type Links = Vec<LinkState<Arc<Link>, Vec<u16>>>;
    type Tags = Vec<u16>;

    fn join(
        mut room: Self::Links,
        links: Self::Links,
        one_more: LinkState<Arc<Link>, Vec<u16>>,
    ) -> Self::Links {
        room.extend(links);
        room.push(one_more);
        room
    }
}

/// A device with one connection.
#[derive(Clone)]
struct Device {
    io: Arc<Mutex<Io<Host>>>,
    link: Arc<Link>,
}

impl Device {
    fn new() -> Self {
        let link = Arc::new(Link {
            sender: Bell::new().make(),
            receiver: Bell::new().make(),
        });
        let mut io = Io::new(vec![Slot::default()]);
        io.begin(vec![LinkState::new(link.clone(), vec![0])], 0);
        io.run();
        Self {
            io: Arc::new(Mutex::new(io)),
            link,
        }
    }

    fn io<R>(&self, f: impl FnOnce(&mut Io<Host>) -> R) -> R {
        f(&mut self.io.lock().unwrap())
    }

    /// As the block layer does.
    fn queue(&self) {
        self.io(|io| {
            let link = io.choose().unwrap();
            io.push(link, Request).unwrap();
            io.wake_senders();
        });
    }

    /// What is next for the sender: it sleeps until there is something.
    fn next(&self) -> Option<(Request, Cookie)> {
        loop {
            match self.io(|io| io.next_to_send(&self.link)) {
                Next::Send(work) => return Some((work.rq, work.cookie)),
                Next::Lost => return None,
                Next::Nothing => assert!(self.link.sender.wait(None)),
                Next::Disconnect => panic!("nobody has asked for that"),
            }
        }
    }

    /// The request that a reply is for: the receiver sleeps until it was sent.
    fn answered(&self, cookie: Cookie) -> Option<Request> {
        loop {
            match self.io(|io| io.answered(&self.link, cookie)) {
                Answered::Request(rq) => return Some(rq),
                Answered::NotYet => assert!(self.link.receiver.wait(None)),
                Answered::Nobody => return None,
            }
        }
    }

    /// Gives the connection up; returns how many requests it had.
    fn lose(&self) -> usize {
        self.io(|io| assert!(io.mark_lost(&self.link, false, Now)));
        let mut cursor = 0;
        let take = || self.io(|io| io.take_from(Some(&self.link), &mut cursor));
        core::iter::from_fn(take).count()
    }
}

#[test]
fn a_sender_sends_what_is_queued_when_it_falls_asleep() {
    loom::model(|| {
        let device = Device::new();
        let queues = device.clone();
        let thread = thread::spawn(move || queues.queue());

        assert!(device.next().is_some());
        thread.join().unwrap();
    });
}

#[test]
fn a_sender_does_not_sleep_on_a_lost_connection() {
    loom::model(|| {
        let device = Device::new();
        let loses = device.clone();
        let thread = thread::spawn(move || assert_eq!(loses.lose(), 0));

        assert!(device.next().is_none());
        thread.join().unwrap();
    });
}

#[test]
fn a_receiver_gets_a_request_that_was_answered_before_its_sender_was_done() {
    loom::model(|| {
        let device = Device::new();
        device.queue();
        let (rq, cookie) = device.next().unwrap();
        let sends = device.clone();
        let thread = thread::spawn(move || sends.io(|io| io.sent(&sends.link, rq)).unwrap());

        let rq = device.answered(cookie).unwrap();
        device.io(|io| io.free_slot(&rq));
        thread.join().unwrap();
    });
}

#[test]
fn a_request_is_somebodys_when_its_connection_is_lost() {
    model(2, || {
        let device = Device::new();
        device.queue();
        let (rq, cookie) = device.next().unwrap();
        let (sends, loses) = (device.clone(), device.clone());
        let sender = thread::spawn(move || sends.io(|io| io.sent(&sends.link, rq)).is_err());
        let loser = thread::spawn(move || loses.lose());

        let received = device.answered(cookie).is_some();
        let (came_back, taken) = (sender.join().unwrap(), loser.join().unwrap());
        assert_eq!(usize::from(received) + usize::from(came_back) + taken, 1);
    });
}
