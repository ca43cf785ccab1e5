// SPDX-License-Identifier: GPL-2.0

//! Where the requests of a network block device are, and which connection gets them: known cases.
//! `nbd_io_world.rs` has the properties.

use rblk_host_tests::nbd::logic::{
    io::{
        link::{Connection, LinkState},
        slots::{Answered, Slot, Tagged},
        Io, Late, Moment, Next, NoLink, Parts, Taken, ToSend,
    },
    wire::Cookie,
};
use std::{cell::Cell, rc::Rc};

/// How many requests there can be.
pub const DEPTH: usize = 12;

/// A request; `alive` is shared by all that exist.
#[derive(Debug)]
pub struct Request {
    tag: u32,
    _alive: Rc<()>,
}

impl Request {
    pub fn new(tag: u32, alive: &Rc<()>) -> Self {
        Self {
            tag,
            _alive: alive.clone(),
        }
    }
}

impl Tagged for Request {
    fn tag(&self) -> u32 {
        self.tag
    }
}

/// A connection that counts how often its threads are woken.
#[derive(Debug)]
pub struct Link {
    index: u16,
    pub sender_woken: Cell<u32>,
    pub receiver_woken: Cell<u32>,
    /// When something was sent or received last.
    pub moved: Cell<u64>,
    pub clock: Clock,
}

impl Link {
    pub fn new(index: u16, clock: &Clock) -> Rc<Self> {
        Rc::new(Self {
            index,
            sender_woken: Cell::new(0),
            receiver_woken: Cell::new(0),
            moved: Cell::new(clock.read()),
            clock: clock.clone(),
        })
    }

    /// Something is sent or received.
    pub fn moves(&self) {
        self.moved.set(self.clock.read());
    }
}

impl Connection for Link {
    fn index(&self) -> u16 {
        self.index
    }

    fn wake_sender(&self) {
        self.sender_woken.set(self.sender_woken.get() + 1);
    }

    fn wake_receiver(&self) {
        self.receiver_woken.set(self.receiver_woken.get() + 1);
    }

    fn quiet_ms(&self) -> u64 {
        self.clock.read() - self.moved.get()
    }
}

/// A clock that is put forward by hand.
#[derive(Clone, Debug, Default)]
pub struct Clock(Rc<Cell<u64>>);

impl Clock {
    pub fn advance(&self, milliseconds: u64) {
        self.0.set(self.0.get() + milliseconds);
    }

    pub fn read(&self) -> u64 {
        self.0.get()
    }

    pub fn now(&self) -> Then {
        Then {
            at: self.read(),
            clock: self.clone(),
        }
    }
}

/// What such a clock has shown.
#[derive(Debug)]
pub struct Then {
    at: u64,
    clock: Clock,
}

impl Moment for Then {
    fn elapsed_ms(&self) -> u64 {
        self.clock.read() - self.at
    }
}

/// What the state is made of here.
pub enum Host {}

impl Parts for Host {
    type Request = Request;
    type Link = Link;
    type LinkRef = Rc<Link>;
    type Moment = Then;
    type Slots = Vec<Slot<Request>>;
    type Links = Vec<LinkOf>;
    type Tags = Vec<u16>;

    fn join(mut room: Self::Links, links: Self::Links, one_more: LinkOf) -> Self::Links {
        let capacity = room.capacity();
        room.extend(links);
        room.push(one_more);
        assert_eq!(room.capacity(), capacity, "there was no room");
        room
    }
}

type LinkOf = LinkState<Rc<Link>, Vec<u16>>;

/// Returns the state of a device that has no session.
pub fn idle_io() -> Io<Host> {
    Io::new((0..DEPTH).map(|_| Slot::default()).collect())
}

/// Returns connections, and what a session begins with.
pub fn new_links(count: u16, clock: &Clock) -> (Vec<Rc<Link>>, <Host as Parts>::Links) {
    let links: Vec<_> = (0..count).map(|index| Link::new(index, clock)).collect();
    let states = links
        .iter()
        .map(|link| LinkState::new(link.clone(), vec![0; DEPTH]))
        .collect();
    (links, states)
}

/// A session, and whoever uses it.
struct Session {
    io: Io<Host>,
    links: Vec<Rc<Link>>,
    clock: Clock,
    alive: Rc<()>,
}

impl Session {
    fn new(links: u16, dead_timeout: u64) -> Self {
        let mut io = idle_io();
        let clock = Clock::default();
        let (links, states) = new_links(links, &clock);
        io.begin(states, dead_timeout);
        io.run();
        Self {
            io,
            links,
            clock,
            alive: Rc::new(()),
        }
    }

    /// Queues a request for `link`.
    fn queue(&mut self, tag: u32, link: u16) {
        let rq = Request::new(tag, &self.alive);
        self.io.push(link, rq).unwrap();
    }

    /// Has the sender of `link` take what is next.
    fn take(&mut self, link: u16) -> ToSend<Request> {
        match self.io.next_to_send(&self.links[usize::from(link)]) {
            Next::Send(work) => work,
            other => panic!("nothing to send: {other:?}"),
        }
    }

    /// Brings a request to the server over `link`.
    fn send(&mut self, tag: u32, link: u16) -> Cookie {
        self.queue(tag, link);
        let work = self.take(link);
        assert_eq!(work.rq.tag(), tag);
        let sent = self.io.sent(&self.links[usize::from(link)], work.rq);
        sent.unwrap();
        work.cookie
    }

    fn reply(&mut self, cookie: Cookie, link: u16) -> Answered<Request> {
        self.io.answered(&self.links[usize::from(link)], cookie)
    }

    /// Ends the request that a reply is for.
    fn finish(&mut self, cookie: Cookie, link: u16) {
        match self.reply(cookie, link) {
            Answered::Request(rq) => self.io.free_slot(&rq),
            other => panic!("not answered: {other:?}"),
        }
    }

    fn is_nobodys(&mut self, cookie: Cookie, link: u16) -> bool {
        matches!(self.reply(cookie, link), Answered::Nobody)
    }

    fn lose(&mut self, link: u16) -> bool {
        let link = &self.links[usize::from(link)];
        self.io.mark_lost(link, false, self.clock.now())
    }

    /// Takes what was with a lost connection; returns the tags.
    fn take_back(&mut self, link: u16) -> Vec<u32> {
        let link = &self.links[usize::from(link)];
        let mut cursor = 0;
        core::iter::from_fn(|| self.io.take_from(Some(link), &mut cursor))
            .map(|rq| rq.tag())
            .collect()
    }

    fn load(&self, link: u16) -> u32 {
        self.io.link_at(link).unwrap().2
    }
}

#[test]
fn a_late_reply_is_not_for_the_next_use_of_the_tag() {
    let mut session = Session::new(1, 0);
    let first = session.send(3, 0);
    session.finish(first, 0);
    assert!(session.is_nobodys(first, 0), "twice");

    let second = session.send(3, 0);
    assert_ne!(first, second);
    assert!(session.is_nobodys(first, 0), "late");
    session.finish(second, 0);
    assert_eq!(session.load(0), 0);
}

#[test]
fn a_reply_with_the_tag_of_another_request_is_not_for_that() {
    let mut session = Session::new(1, 0);
    let one = session.send(1, 0);
    let two = session.send(2, 0);
    // Each is the first use of its tag.
    assert!(session.is_nobodys(Cookie { tag: 2, ..one }, 0));
    session.finish(two, 0);
    session.finish(one, 0);
}

#[test]
fn a_reply_over_another_connection_is_nobodys() {
    let mut session = Session::new(2, 0);
    let cookie = session.send(5, 1);
    assert!(session.is_nobodys(cookie, 0), "the right cookie");
    assert!(
        session.is_nobodys(Cookie { link: 0, ..cookie }, 0),
        "forged"
    );
    assert!(session.is_nobodys(Cookie { link: 0, ..cookie }, 1), "bent");
    session.finish(cookie, 1);
}

#[test]
fn a_reply_to_no_request_is_nobodys() {
    let mut session = Session::new(1, 0);
    session.send(0, 0);
    for (tag, sequence) in [(1, 0), (1, 1), (DEPTH as u16, 1), (u16::MAX, 1), (0, 2)] {
        let cookie = Cookie {
            tag,
            link: 0,
            sequence,
        };
        assert!(session.is_nobodys(cookie, 0), "{cookie:?}");
    }
}

#[test]
fn a_reply_that_is_early_waits_for_the_sender() {
    let mut session = Session::new(1, 0);
    session.queue(4, 0);
    let ToSend { rq, cookie, more } = session.take(0);
    assert!(!more);
    assert!(matches!(session.reply(cookie, 0), Answered::NotYet));
    assert_eq!(session.links[0].receiver_woken.get(), 0);

    session.io.sent(&session.links[0], rq).unwrap();
    assert_eq!(session.links[0].receiver_woken.get(), 1);
    session.finish(cookie, 0);
    // Nobody waits any more.
    session.send(4, 0);
    assert_eq!(session.links[0].receiver_woken.get(), 1);
}

#[test]
fn a_request_comes_back_to_a_sender_that_has_lost_its_connection() {
    let mut session = Session::new(2, 0);
    session.queue(1, 0);
    session.queue(2, 0);
    let work = session.take(0);
    assert!(work.more);
    assert!(session.lose(0));
    // What the sender has is the sender's.
    assert_eq!(session.take_back(0), [2]);
    assert!(matches!(
        session.io.next_to_send(&session.links[0]),
        Next::Lost
    ));
    let rq = session.io.sent(&session.links[0], work.rq).unwrap_err();
    assert_eq!((rq.tag(), session.load(0)), (1, 1));
    session.io.free_slot(&rq);
    assert_eq!(session.load(0), 0);
    assert!(!session.lose(0), "lost twice");
}

#[test]
fn what_was_with_a_connection_is_taken_once_and_from_it_only() {
    let mut session = Session::new(2, 0);
    let gone = session.send(7, 0);
    session.queue(3, 0);
    let stays = session.send(5, 1);
    session.lose(0);
    assert_eq!(session.take_back(0), [3, 7]);
    assert_eq!(session.take_back(0), []);
    assert!(session.is_nobodys(gone, 0));
    session.finish(stays, 1);
}

#[test]
fn another_connection_keeps_what_it_got_in_the_place_of_a_lost_one() {
    let mut session = Session::new(2, 0);
    session.lose(0);
    assert_eq!(session.take_back(0), []);
    let new = Link::new(0, &session.clock);
    let lost = std::mem::replace(&mut session.links[0], new);
    let old = session.io.replace(session.links[0].clone());
    assert!(Rc::ptr_eq(&old, &lost));

    let cookie = session.send(9, 0);
    // A worker is late, and so is whoever has the lost one still.
    assert!(session.io.take_from(Some(&lost), &mut 0).is_none());
    assert!(!session.io.mark_lost(&lost, true, session.clock.now()));
    assert!(!session.io.has_timed_out());
    assert!(matches!(session.io.next_to_send(&lost), Next::Lost));
    assert!(matches!(
        session.io.answered(&lost, cookie),
        Answered::Nobody
    ));
    session.finish(cookie, 0);
    // One that is alive keeps its place.
    let second = Link::new(0, &session.clock);
    assert!(Rc::ptr_eq(&session.io.replace(second.clone()), &second));
}

#[test]
fn without_a_dead_timeout_requests_fail_at_once() {
    let mut session = Session::new(2, 0);
    session.lose(1);
    assert!(session.io.is_running());
    assert_eq!(session.io.choose(), Ok(0));
    session.lose(0);
    // Also those that are given back before any is queued.
    assert!(!session.io.is_running());
    assert_eq!(session.io.choose(), Err(NoLink::Never));
}

#[test]
fn requests_wait_for_as_long_as_the_dead_timeout() {
    let mut session = Session::new(1, 3000);
    session.clock.advance(10_000);
    session.lose(0);
    assert!(session.io.is_running());
    assert_eq!(session.io.choose(), Err(NoLink::Wait));
    session.clock.advance(2999);
    assert_eq!(session.io.choose(), Err(NoLink::Wait));
    session.clock.advance(1);
    assert_eq!(session.io.choose(), Err(NoLink::Never));
    // For those that are given back, too, and those that come when the clock is set.
    assert!(!session.io.is_running());
    session.io.set_dead_timeout(60_000);
    assert_eq!(session.io.choose(), Err(NoLink::Never));

    session.links[0] = Link::new(0, &session.clock);
    session.io.replace(session.links[0].clone());
    assert_eq!(session.io.choose(), Ok(0));
    // The time begins anew.
    session.lose(0);
    session.clock.advance(59_999);
    assert_eq!(session.io.choose(), Err(NoLink::Wait));
    session.io.set_dead_timeout(0);
    assert_eq!(session.io.choose(), Err(NoLink::Never));
}

#[test]
fn nobody_waits_for_a_connection_once_the_end_was_asked_for() {
    let mut session = Session::new(2, 3000);
    session.queue(1, 0);
    assert!(matches!(
        session.io.next_to_send(&session.links[1]),
        Next::Nothing
    ));
    session.io.want_disconnect();
    assert_eq!(session.links[1].sender_woken.get(), 1);
    assert!(session.io.end_requested());
    assert_eq!(session.io.choose(), Err(NoLink::Never));

    // What is queued goes out before.
    let work = session.take(0);
    session.io.sent(&session.links[0], work.rq).unwrap();
    for link in session.links.clone() {
        assert!(session.io.disconnect_pending());
        assert!(matches!(session.io.next_to_send(&link), Next::Disconnect));
        session.io.disconnect_sent(&link);
        assert!(matches!(session.io.next_to_send(&link), Next::Nothing));
    }
    assert!(!session.io.disconnect_pending());
    session.finish(work.cookie, 0);
}

#[test]
fn nobody_waits_any_longer_when_the_end_is_asked_for() {
    let mut session = Session::new(1, 3000);
    session.lose(0);
    assert_eq!(session.io.choose(), Err(NoLink::Wait));
    session.io.want_disconnect();
    assert!(session.io.end_requested() && !session.io.serves());
    assert_eq!(session.io.choose(), Err(NoLink::Never));
}

#[test]
fn a_session_that_is_to_end_takes_nothing_more_but_ends_what_it_has() {
    let mut session = Session::new(1, 3000);
    let cookie = session.send(0, 0);
    session.queue(1, 0);
    session.io.want_disconnect();
    assert!(!session.io.is_running() && session.io.end_requested());
    assert_eq!(session.io.choose(), Err(NoLink::Never));

    session.finish(cookie, 0);
    assert_eq!(session.take(0).rq.tag(), 1);
    let next = session.io.next_to_send(&session.links[0]);
    assert!(matches!(next, Next::Disconnect));
    session.io.disconnect_sent(&session.links[0]);
    assert!(!session.io.disconnect_pending());
    // Nothing begins again.
    session.lose(0);
    session.io.replace(session.links[0].clone());
    assert!(!session.io.is_running() && !session.io.serves());
}

#[test]
fn a_connection_that_has_timed_out_is_closed_by_one_worker_unless_another_has_its_place() {
    let mut session = Session::new(3, 3000);
    for place in [0, 2] {
        let link = session.links[place].clone();
        assert!(session.io.mark_lost(&link, true, session.clock.now()));
    }
    session.lose(1);
    // Whoever replaces it has closed it.
    let link = Link::new(2, &session.clock);
    session.io.replace(link.clone());

    let overdue = core::iter::from_fn(|| session.io.take_overdue()).take(4);
    let overdue: Vec<_> = overdue.map(|link| link.index()).collect();
    assert_eq!(overdue, [0]);
    let lost = |place| !session.io.link_at(place).unwrap().1;
    assert_eq!([lost(0), lost(1), lost(2)], [true, true, false]);
}

#[test]
fn connections_take_turns() {
    let mut session = Session::new(3, 0);
    let mut chosen = || session.io.choose().unwrap();
    assert_eq!([chosen(), chosen(), chosen(), chosen()], [0, 1, 2, 0]);
    session.lose(2);
    let mut chosen = || session.io.choose().unwrap();
    assert_eq!([chosen(), chosen(), chosen()], [1, 0, 1]);
}

#[test]
fn a_connection_that_is_behind_is_passed_over() {
    let mut session = Session::new(2, 0);
    for tag in 0..9 {
        session.queue(tag, 0);
    }
    assert_eq!(session.load(0), 9);
    for _ in 0..4 {
        assert_eq!(session.io.choose(), Ok(1));
    }
    // Eight more than the other has are not too many.
    session.queue(9, 1);
    assert_eq!(session.io.choose(), Ok(0));
    // What was sent counts until it is answered.
    let work = session.take(0);
    let (tag, cookie) = (work.rq.tag(), work.cookie);
    session.io.sent(&session.links[0], work.rq).unwrap();
    assert_eq!((tag, session.load(0)), (0, 9));
    session.finish(cookie, 0);
    assert_eq!(session.load(0), 8);
}

#[test]
fn a_sender_is_woken_for_what_there_is_to_send_only() {
    let mut session = Session::new(2, 0);
    for link in &session.links {
        assert!(matches!(session.io.next_to_send(link), Next::Nothing));
    }
    session.queue(0, 1);
    session.queue(1, 1);
    session.io.wake_senders();
    session.io.wake_senders();
    let woken = |session: &Session, link: usize| session.links[link].sender_woken.get();
    assert_eq!((woken(&session, 0), woken(&session, 1)), (0, 1));

    // One that works looks by itself.
    session.take(1);
    session.io.wake_senders();
    assert_eq!(woken(&session, 1), 1);
}

#[test]
fn a_request_without_a_slot_comes_back() {
    let mut session = Session::new(1, 0);
    let rq = Request::new(DEPTH as u32, &session.alive);
    let rq = session.io.push(0, rq).unwrap_err();
    assert_eq!((rq.tag(), session.load(0)), (DEPTH as u32, 0));
    assert!(session.io.push(1, Request::new(0, &session.alive)).is_err());
    assert!(matches!(
        session.io.next_to_send(&session.links[0]),
        Next::Nothing
    ));
}

#[test]
fn a_request_that_takes_long_is_counted_until_it_ends() {
    let mut session = Session::new(2, 0);
    let late = |session: &mut Session| match session.io.late(6, 0) {
        Late::Request(times, link) => Some((times, link.index())),
        Late::Lost(_) => panic!("it may take any time"),
        Late::Gone => None,
    };
    assert_eq!(late(&mut session), None);
    let cookie = session.send(6, 1);
    assert_eq!(late(&mut session), Some((1, 1)));
    assert_eq!(late(&mut session), Some((2, 1)));
    session.finish(cookie, 1);
    assert_eq!(late(&mut session), None);
    session.queue(6, 0);
    assert_eq!(late(&mut session), Some((1, 0)), "another request");
    assert!(matches!(session.io.late(DEPTH as u32, 0), Late::Gone));
}

/// Whether the connection of a request is given up, which has waited for two seconds.
fn ends_link(session: &mut Session, tag: u32) -> bool {
    match session.io.late(tag, 2000) {
        Late::Lost(_) => true,
        Late::Request(..) => false,
        Late::Gone => panic!("it is with no connection"),
    }
}

#[test]
fn a_connection_where_something_moves_is_not_given_up() {
    let mut session = Session::new(2, 0);
    session.send(0, 0);
    session.queue(1, 0);
    let sends = session.take(0);
    session.queue(2, 0);
    for _ in 0..10 {
        session.clock.advance(2000);
        session.links[0].moves();
        session.clock.advance(1499);
        for tag in 0..3 {
            assert!(!ends_link(&mut session, tag), "{tag}");
        }
    }
    session.clock.advance(1);
    for tag in 0..3 {
        assert!(ends_link(&mut session, tag), "{tag}");
    }
    // That it moves on another one does not help.
    session.links[1].moves();
    assert!(ends_link(&mut session, sends.rq.tag()));
}

#[test]
fn a_request_that_others_are_answered_for_ends_its_connection() {
    let mut session = Session::new(1, 0);
    let before = session.send(0, 0);
    session.send(1, 0);
    let after = session.send(2, 0);
    session.queue(3, 0);
    session.links[0].moves();
    assert!(!ends_link(&mut session, 1));
    // It is its turn only now.
    session.finish(before, 0);
    assert!(!ends_link(&mut session, 1));
    // The server has it, but since when?
    session.finish(after, 0);
    assert!(!ends_link(&mut session, 1));
    assert!(ends_link(&mut session, 1));
    // What was not sent may wait for that.
    assert!(!ends_link(&mut session, 3));
    assert!(!ends_link(&mut session, 3));

    // Another request with that tag is another one.
    session.lose(0);
    session.take_back(0);
    session.links[0] = Link::new(0, &session.clock);
    session.io.replace(session.links[0].clone());
    session.send(1, 0);
    assert!(!ends_link(&mut session, 1));
    assert!(!ends_link(&mut session, 1));
}

#[test]
fn a_connection_that_leaves_gets_nothing_more() {
    let mut session = Session::new(2, 0);
    let cookie = session.send(0, 0);
    session.queue(1, 0);
    let old = session.links[0].clone();
    assert!(Rc::ptr_eq(&session.io.leave(0).unwrap(), &old));
    assert!(session.io.leaves(&old) && !session.io.leaves(&session.links[1]));
    for _ in 0..4 {
        assert_eq!(session.io.choose(), Ok(1));
    }
    // What it has it brings to an end.
    let work = session.take(0);
    session.io.sent(&old, work.rq).unwrap();
    session.finish(cookie, 0);
    assert!(!session.io.is_done(&old));
    session.finish(work.cookie, 0);
    assert!(session.io.is_done(&old));

    assert!(!session.io.is_told(&old));
    session.io.want_disconnect_of(&old);
    assert!(matches!(session.io.next_to_send(&old), Next::Disconnect));
    session.io.disconnect_sent(&old);
    assert!(session.io.is_told(&old));
    assert!(matches!(
        session.io.next_to_send(&session.links[1]),
        Next::Nothing
    ));
    assert!(!session.io.end_requested());
    session.lose(0);
    session.links[0] = Link::new(0, &session.clock);
    session.io.replace(session.links[0].clone());
    assert_eq!(session.io.choose(), Ok(0));
    let cookie = session.send(0, 0);
    session.finish(cookie, 0);
}

#[test]
fn requests_wait_while_the_only_connection_is_replaced() {
    let mut session = Session::new(1, 0);
    session.send(4, 0);
    session.io.leave(0);
    assert_eq!(session.io.choose(), Err(NoLink::Wait));
    // It may be lost before it is done; what it had goes to the next one.
    session.lose(0);
    assert_eq!(session.take_back(0), [4]);
    assert!(session.io.is_running() && session.io.serves());
    assert_eq!(session.io.choose(), Err(NoLink::Wait));
    session.links[0] = Link::new(0, &session.clock);
    session.io.replace(session.links[0].clone());
    assert_eq!(session.io.choose(), Ok(0));

    // One that is lost need not be asked, and then nobody knows whether another one comes.
    session.lose(0);
    assert!(session.io.leave(0).is_none());
    assert_eq!(session.io.choose(), Err(NoLink::Never));
}

#[test]
fn a_connection_is_added() {
    let mut session = Session::new(1, 0);
    let cookie = session.send(4, 0);
    let link = Link::new(1, &session.clock);
    let state = LinkState::new(link.clone(), vec![0; DEPTH]);
    session.io.add(Vec::with_capacity(2), state);
    session.links.push(link);
    assert_eq!(session.io.nr_links(), 2);
    assert_eq!([session.io.choose(), session.io.choose()], [Ok(0), Ok(1)]);
    let other = session.send(5, 1);
    session.finish(other, 1);
    session.finish(cookie, 0);
}

#[test]
fn the_last_of_a_batch_lets_those_before_it_go() {
    let mut session = Session::new(1, 0);
    let woken = |session: &Session| session.links[0].sender_woken.get();
    for (sent, tag) in [(true, 1), (false, 1), (true, DEPTH as u32)] {
        while let Next::Send(work) = session.io.next_to_send(&session.links[0]) {
            session.io.free_slot(&work.rq);
        }
        let before = woken(&session);
        let alive = session.alive.clone();
        let start = |tag| Request::new(tag, &alive);
        assert!(matches!(
            session.io.take(0, false, true, start),
            Taken::Queued
        ));
        assert_eq!(woken(&session), before);
        match session.io.take(tag, true, sent, start) {
            Taken::Queued => assert!(sent && tag == 1),
            Taken::Back(rq) => assert_eq!(rq.tag(), tag),
            Taken::No(..) => panic!("there is a connection"),
        }
        assert_eq!(woken(&session), before + 1);
    }
    session.lose(0);
    let alive = session.alive.clone();
    let taken = session
        .io
        .take(5, true, true, |tag| Request::new(tag, &alive));
    assert!(matches!(taken, Taken::No(5, NoLink::Never)));
}

#[test]
fn a_device_serves_while_it_waits_for_a_connection() {
    let mut session = Session::new(2, 3000);
    session.lose(0);
    assert!(session.io.serves());
    session.lose(1);
    assert!(session.io.serves());
    session.clock.advance(3000);
    // Nobody has asked for anything since.
    assert!(session.io.is_running());
    assert!(!session.io.serves());
    session.links[0] = Link::new(0, &session.clock);
    session.io.replace(session.links[0].clone());
    assert!(session.io.serves());
    session.io.want_disconnect();
    assert!(!session.io.serves());
    session.io.end();
    assert!(!session.io.serves());
}
