// SPDX-License-Identifier: GPL-2.0

//! A network block device at work: requests are queued, sent and answered, connections are lost and
//! come back, sessions end. Where each request is, is compared with a model that knows nothing but
//! what the threads have in their hands and what they were told.

use crate::nbd_io::{idle_io, new_links, Clock, Host, Link, Request, DEPTH};
use proptest::prelude::*;
use rblk_host_tests::nbd::logic::{
    io::{
        link::{Connection, LinkState},
        slots::{Answered, Tagged},
        Io, Late, Next, NoLink, ToSend,
    },
    wire::Cookie,
};
use std::{
    collections::{HashSet, VecDeque},
    rc::Rc,
};

/// By how many requests a connection may be behind the one with least to do, and still get more.
const MAX_BEHIND: usize = 8;

#[derive(Clone, Debug)]
enum Step {
    /// The block layer has a request.
    Queue { tag: usize },
    /// It has no more for now.
    Commit,
    /// The sender of a place looks for what is to be sent.
    Look { place: usize },
    /// It is done.
    Sent { place: usize },
    /// A reply comes: to the request with this tag, if there is one, but for what is bent.
    Reply { tag: usize, bend: Bend },
    /// A place's receiver ends what it has.
    Finish { place: usize },
    /// A connection is lost.
    Lose { place: usize, timed_out: bool },
    /// What it had is taken from it.
    Abandon { place: usize },
    /// Another one takes its place.
    Replace { place: usize },
    /// A connection is to get nothing more, since another one comes.
    Leave { place: usize },
    /// A connection is told that it ends, by itself.
    Tell { place: usize },
    /// There is one more.
    Add,
    /// Somebody still has a connection that was replaced.
    Stale { which: usize, cookie: usize },
    /// A request takes long.
    Late { tag: usize },
    /// Time passes.
    Advance { milliseconds: u64 },
    /// Somebody sets for how long requests wait.
    Timeout { milliseconds: u64 },
    /// Somebody asks for the end.
    AskForEnd,
    /// The session ends, and another begins.
    Restart { links: u16, dead_timeout: u64 },
}

#[derive(Clone, Copy, Debug)]
enum Bend {
    Nothing,
    Tag(u16),
    Sequence(u32),
    /// The number of the connection.
    Link(u16),
    /// The connection that it comes over.
    Over(usize),
    /// One that was sent at some time.
    Old(usize),
}

fn any_bend() -> impl Strategy<Value = Bend> {
    prop_oneof![
        12 => Just(Bend::Nothing),
        1 => (0..DEPTH as u16 + 2).prop_map(Bend::Tag),
        1 => (1..3u32).prop_map(Bend::Sequence),
        1 => (0..4u16).prop_map(Bend::Link),
        1 => (0..4usize).prop_map(Bend::Over),
        2 => any::<usize>().prop_map(Bend::Old),
    ]
}

fn any_timeout() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..20u64]
}

fn any_step() -> impl Strategy<Value = Step> {
    let tag = 0..DEPTH;
    let place = 0..4usize;

    prop_oneof![
        12 => tag.clone().prop_map(|tag| Step::Queue { tag }),
        3 => Just(Step::Commit),
        10 => place.clone().prop_map(|place| Step::Look { place }),
        10 => place.clone().prop_map(|place| Step::Sent { place }),
        12 => (tag.clone(), any_bend()).prop_map(|(tag, bend)| Step::Reply { tag, bend }),
        10 => place.clone().prop_map(|place| Step::Finish { place }),
        2 => (place.clone(), any::<bool>())
            .prop_map(|(place, timed_out)| Step::Lose { place, timed_out }),
        3 => place.clone().prop_map(|place| Step::Abandon { place }),
        4 => place.clone().prop_map(|place| Step::Replace { place }),
        2 => place.clone().prop_map(|place| Step::Leave { place }),
        1 => place.prop_map(|place| Step::Tell { place }),
        1 => Just(Step::Add),
        1 => any::<(usize, usize)>().prop_map(|(which, cookie)| Step::Stale { which, cookie }),
        2 => tag.prop_map(|tag| Step::Late { tag }),
        2 => (0..12u64).prop_map(|milliseconds| Step::Advance { milliseconds }),
        1 => any_timeout().prop_map(|milliseconds| Step::Timeout { milliseconds }),
        1 => prop::bool::weighted(0.2).prop_map(|end| {
            if end { Step::AskForEnd } else { Step::Commit }
        }),
        1 => (1..4u16, any_timeout())
            .prop_map(|(links, dead_timeout)| Step::Restart { links, dead_timeout }),
    ]
}

/// Where the request with a tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Queue,
    Sender(Cookie),
    Server(Cookie),
    Receiver,
}

/// A place for connections, and its two threads.
struct Place {
    link: Rc<Link>,
    alive: bool,
    /// Whether what it had was taken from it.
    abandoned: bool,
    /// What is to be sent, in this order.
    queue: VecDeque<usize>,
    /// What the sender has.
    sends: Option<Request>,
    /// What the receiver has.
    receives: Option<Request>,
    /// How often each has been woken when it went to sleep, if it sleeps.
    sender_sleeps: Option<u32>,
    receiver_sleeps: Option<u32>,
    disconnect: bool,
    disconnected: bool,
    /// Whether it gets nothing more.
    leaves: bool,
}

impl Place {
    fn new(link: Rc<Link>) -> Self {
        Self {
            link,
            alive: true,
            abandoned: false,
            queue: VecDeque::new(),
            sends: None,
            receives: None,
            sender_sleeps: None,
            receiver_sleeps: None,
            disconnect: false,
            disconnected: false,
            leaves: false,
        }
    }

    fn sender_sleeps(&self) -> bool {
        self.sender_sleeps == Some(self.link.sender_woken.get())
    }

    fn receiver_sleeps(&self) -> bool {
        self.receiver_sleeps == Some(self.link.receiver_woken.get())
    }
}

struct World {
    io: Io<Host>,
    clock: Clock,
    session: u64,
    /// As often as there are requests, and once more.
    requests: Rc<()>,
    /// Which place a request is at, and where there.
    tags: [Option<(usize, At)>; DEPTH],
    /// How often each has taken long.
    late: [u32; DEPTH],
    places: Vec<Place>,
    /// Connections that were replaced.
    stale: Vec<Rc<Link>>,
    cookies: Vec<Cookie>,
    known: HashSet<u64>,
    /// The place after the one that got a request last.
    turn: usize,
    /// Whether requests are taken, or wait.
    running: bool,
    end: bool,
    timed_out: bool,
    dead_timeout: u64,
    lost_at: u64,
}

impl World {
    fn new(links: u16, dead_timeout: u64) -> Self {
        let mut world = Self {
            io: idle_io(),
            clock: Clock::default(),
            session: 0,
            requests: Rc::new(()),
            tags: [None; DEPTH],
            late: [0; DEPTH],
            places: vec![],
            stale: vec![],
            cookies: vec![],
            known: HashSet::new(),
            turn: 0,
            running: false,
            end: false,
            timed_out: false,
            dead_timeout: 0,
            lost_at: 0,
        };
        assert_eq!(world.io.choose(), Err(NoLink::Never));
        world.begin(links, dead_timeout);
        world.check();
        world
    }

    fn begin(&mut self, links: u16, dead_timeout: u64) {
        let (links, states) = new_links(links, &self.clock);
        self.session = self.io.begin(states, dead_timeout);
        self.places = links.into_iter().map(Place::new).collect();
        self.turn = 0;
        self.dead_timeout = dead_timeout;
        self.end = false;
        self.timed_out = false;
        assert_eq!(self.io.choose(), Err(NoLink::Never), "before it runs");
        self.io.run();
        self.running = true;
    }

    /// Returns which place is meant.
    fn place(&self, place: usize) -> usize {
        place % self.places.len()
    }

    fn load(&self, place: usize) -> usize {
        let with = |at: &&Option<(usize, At)>| at.is_some_and(|(other, _)| other == place);
        self.tags.iter().filter(with).count()
    }

    fn live(&self) -> usize {
        self.places.iter().filter(|place| place.alive).count()
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Queue { tag } => self.queue(tag),
            Step::Commit => self.commit(),
            Step::Look { place } => self.look(self.place(place)),
            Step::Sent { place } => self.sent(self.place(place)),
            Step::Reply { tag, bend } => self.reply(tag, bend),
            Step::Finish { place } => self.finish(self.place(place)),
            Step::Lose { place, timed_out } => self.lose(self.place(place), timed_out),
            Step::Abandon { place } => self.abandon(self.place(place)),
            Step::Replace { place } => self.replace(self.place(place)),
            Step::Leave { place } => self.leave(self.place(place)),
            Step::Tell { place } => self.tell(self.place(place)),
            Step::Add => self.add(),
            Step::Stale { which, cookie } => self.stale(which, cookie),
            Step::Late { tag } => self.late(tag),
            Step::Advance { milliseconds } => self.clock.advance(milliseconds),
            Step::Timeout { milliseconds } => {
                self.dead_timeout = milliseconds;
                self.io.set_dead_timeout(milliseconds);
            }
            Step::AskForEnd => self.ask_for_end(),
            Step::Restart {
                links,
                dead_timeout,
            } => self.restart(links, dead_timeout),
        }
        self.check();
    }

    /// Says which place a request is to go to, or why to none.
    fn choice(&mut self) -> Result<usize, NoLink> {
        if !self.running {
            return Err(NoLink::Never);
        }
        let takes = |place: &usize| {
            let place = &self.places[*place];
            place.alive && !place.disconnect && !place.leaves
        };
        let taking: Vec<_> = (0..self.places.len()).filter(takes).collect();
        let least = taking.iter().map(|place| self.load(*place)).min();
        let Some(least) = least else {
            let waits = self.waits();
            self.running = waits;
            return Err(if waits { NoLink::Wait } else { NoLink::Never });
        };
        let mut turns = (self.turn..self.places.len()).chain(0..self.places.len());
        let next =
            turns.find(|place| taking.contains(place) && self.load(*place) <= least + MAX_BEHIND);
        Ok(next.unwrap())
    }

    /// Says whether requests wait for a connection, if there is none.
    fn waits(&self) -> bool {
        let in_time = self.clock.read() - self.lost_at < self.dead_timeout;
        // It may be that none was lost yet.
        let never = self.dead_timeout > 0 && self.live() != 0;
        !self.end && (self.one_leaves() || in_time || never)
    }

    fn one_leaves(&self) -> bool {
        self.places.iter().any(|place| place.leaves)
    }

    fn queue(&mut self, tag: usize) {
        if self.tags[tag].is_some() {
            return;
        }
        let choice = self.choice();
        let chosen = self.io.choose();
        assert_eq!(chosen.map(usize::from), choice);
        let (Ok(place), Ok(index)) = (choice, chosen) else {
            return;
        };
        self.turn = place + 1;
        let rq = Request::new(tag as u32, &self.requests);
        self.io.push(index, rq).unwrap();
        self.tags[tag] = Some((place, At::Queue));
        self.late[tag] = 0;
        self.places[place].queue.push_back(tag);
    }

    fn commit(&mut self) {
        let woken = |place: &Place| place.link.sender_woken.get();
        let due: Vec<_> = self
            .places
            .iter()
            .map(|place| {
                let wakes = place.sender_sleeps() && !place.queue.is_empty();
                woken(place) + u32::from(wakes)
            })
            .collect();
        self.io.wake_senders();
        let now: Vec<_> = self.places.iter().map(woken).collect();
        assert_eq!(now, due);
    }

    fn look(&mut self, at: usize) {
        let place = &mut self.places[at];
        if place.sends.is_some() || place.sender_sleeps() {
            return;
        }
        let next = self.io.next_to_send(&place.link);
        if !place.alive {
            assert!(matches!(next, Next::Lost));
            return;
        }
        match (next, place.queue.pop_front()) {
            (Next::Send(ToSend { rq, cookie, more }), Some(tag)) => {
                assert_eq!(rq.tag() as usize, tag);
                assert_eq!(more, !place.queue.is_empty());
                assert_eq!((cookie.tag as usize, cookie.link as usize), (tag, at));
                assert!(self.known.insert(cookie.encode()), "one name for two");
                self.cookies.push(cookie);
                self.tags[tag] = Some((at, At::Sender(cookie)));
                place.sends = Some(rq);
            }
            (Next::Disconnect, None) => {
                assert!(place.disconnect && !place.disconnected);
                self.io.disconnect_sent(&place.link);
                place.disconnected = true;
            }
            (Next::Nothing, None) => {
                assert!(place.disconnected || !place.disconnect);
                place.sender_sleeps = Some(place.link.sender_woken.get());
            }
            (next, tag) => panic!("{next:?}, but {tag:?} is next"),
        }
    }

    fn sent(&mut self, at: usize) {
        let place = &mut self.places[at];
        let Some(rq) = place.sends.take() else {
            return;
        };
        let tag = rq.tag() as usize;
        let Some((_, At::Sender(cookie))) = self.tags[tag] else {
            panic!("the sender has what is elsewhere");
        };
        match self.io.sent(&place.link, rq) {
            Ok(()) => {
                assert!(place.alive);
                self.tags[tag] = Some((at, At::Server(cookie)));
                // Whoever waits looks whether it was for this.
                assert!(!place.receiver_sleeps());
            }
            Err(rq) => {
                assert!(!place.alive);
                self.io.free_slot(&rq);
                self.tags[tag] = None;
            }
        }
    }

    fn reply(&mut self, tag: usize, bend: Bend) {
        let sent = match self.tags[tag] {
            Some((_, At::Sender(cookie) | At::Server(cookie))) => Some(cookie),
            _ => None,
        };
        let old = |which: usize| self.cookies.get(which.checked_rem(self.cookies.len())?);
        let Some(mut cookie) = sent.or(old(tag).copied()) else {
            return;
        };
        let mut over = self.place(cookie.link.into());
        match bend {
            Bend::Nothing => {}
            Bend::Tag(tag) => cookie.tag = tag,
            Bend::Sequence(more) => cookie.sequence = cookie.sequence.wrapping_add(more),
            Bend::Link(link) => cookie.link = link,
            Bend::Over(place) => over = self.place(place),
            Bend::Old(which) => cookie = old(which).copied().unwrap_or(cookie),
        }
        let place = &mut self.places[over];
        if place.receives.is_some() || place.receiver_sleeps() {
            return;
        }
        let at = self.tags.get(usize::from(cookie.tag)).copied().flatten();
        match self.io.answered(&place.link, cookie) {
            Answered::Request(rq) => {
                assert!(place.alive);
                assert_eq!(rq.tag(), u32::from(cookie.tag));
                assert_eq!(at, Some((over, At::Server(cookie))));
                self.tags[rq.tag() as usize] = Some((over, At::Receiver));
                place.receives = Some(rq);
            }
            Answered::NotYet => {
                assert!(place.alive);
                assert_eq!(at, Some((over, At::Sender(cookie))));
                place.receiver_sleeps = Some(place.link.receiver_woken.get());
            }
            Answered::Nobody => assert!(
                !place.alive
                    || at != Some((over, At::Server(cookie)))
                        && at != Some((over, At::Sender(cookie))),
                "a reply is not believed"
            ),
        }
    }

    fn finish(&mut self, at: usize) {
        if let Some(rq) = self.places[at].receives.take() {
            self.io.free_slot(&rq);
            self.tags[rq.tag() as usize] = None;
        }
    }

    fn lose(&mut self, at: usize, timed_out: bool) {
        let place = &mut self.places[at];
        let lost = self.io.mark_lost(&place.link, timed_out, self.clock.now());
        assert_eq!(lost, place.alive);
        if !lost {
            return;
        }
        assert!(!place.sender_sleeps() && !place.receiver_sleeps());
        place.alive = false;
        place.queue.clear();
        self.timed_out |= timed_out;
        if self.live() == 0 {
            self.lost_at = self.clock.read();
            if self.end || self.dead_timeout == 0 && !self.one_leaves() {
                self.running = false;
            }
        }
    }

    /// Takes what is with a place, or with any, and with none of its threads.
    fn take_back(&mut self, at: Option<usize>) {
        let mut taken = HashSet::new();
        let mut cursor = 0;
        loop {
            let link = at.map(|at| &*self.places[at].link);
            let Some(rq) = self.io.take_from(link, &mut cursor) else {
                break;
            };
            assert!(taken.insert(rq.tag() as usize));
        }
        for (tag, place) in self.tags.iter_mut().enumerate() {
            let due = place.is_some_and(|(place, part)| {
                at.is_none_or(|at| at == place) && matches!(part, At::Queue | At::Server(_))
            });
            assert_eq!(taken.contains(&tag), due, "tag {tag}");
            if due {
                *place = None;
            }
        }
    }

    fn abandon(&mut self, at: usize) {
        if !self.places[at].alive {
            self.take_back(Some(at));
            self.places[at].abandoned = true;
        }
    }

    fn replace(&mut self, at: usize) {
        let new = Link::new(at as u16, &self.clock);
        let place = &self.places[at];
        if place.alive {
            assert!(Rc::ptr_eq(&self.io.replace(new.clone()), &new));
            return;
        }
        let (index, _) = self.io.first_lost().unwrap();
        let first = self.places.iter().position(|place| !place.alive);
        assert_eq!(Some(usize::from(index)), first);
        // As the driver waits for.
        if !place.abandoned || place.sends.is_some() || place.receives.is_some() {
            return;
        }
        let old = self.io.replace(new.clone());
        assert!(Rc::ptr_eq(&old, &place.link));
        self.stale.push(old);
        self.places[at] = Place::new(new);
        self.timed_out = false;
        self.running = !self.end;
    }

    fn leave(&mut self, at: usize) {
        let left = self.io.leave(at as u16);
        let place = &mut self.places[at];
        assert_eq!(left.is_some(), place.alive);
        place.leaves = place.alive;
    }

    fn tell(&mut self, at: usize) {
        let place = &mut self.places[at];
        self.io.want_disconnect_of(&place.link);
        if place.alive {
            assert!(!place.sender_sleeps());
            place.disconnect = true;
        }
    }

    fn add(&mut self) {
        let at = self.places.len();
        if at >= 5 {
            return;
        }
        let link = Link::new(at as u16, &self.clock);
        let state = LinkState::new(link.clone(), vec![0; DEPTH]);
        self.io.add(Vec::with_capacity(at + 1), state);
        self.places.push(Place::new(link));
        self.running = !self.end;
    }

    fn stale(&mut self, which: usize, cookie: usize) {
        if self.stale.is_empty() || self.cookies.is_empty() {
            return;
        }
        let link = &self.stale[which % self.stale.len()];
        let cookie = self.cookies[cookie % self.cookies.len()];
        assert!(matches!(self.io.next_to_send(link), Next::Lost));
        assert!(matches!(self.io.answered(link, cookie), Answered::Nobody));
        assert!(!self.io.mark_lost(link, true, self.clock.now()));
        assert!(self.io.take_from(Some(link), &mut 0).is_none());
        self.io.disconnect_sent(link);
    }

    fn late(&mut self, tag: usize) {
        self.late[tag] += 1;
        match (self.io.late(tag as u32, 0), self.tags[tag]) {
            (Late::Gone, None) => {}
            (Late::Request(times, link), Some((place, _))) => {
                assert_eq!(times, self.late[tag]);
                assert!(Rc::ptr_eq(&link, &self.places[place].link));
            }
            (late, at) => panic!("{late:?}, but the request is at {at:?}"),
        }
    }

    fn ask_for_end(&mut self) {
        self.io.want_disconnect();
        self.end = true;
        self.running = false;
        for place in self.places.iter_mut().filter(|place| place.alive) {
            assert!(!place.sender_sleeps());
            place.disconnect = true;
        }
    }

    fn restart(&mut self, links: u16, dead_timeout: u64) {
        self.io.stop();
        self.end = true;
        self.running = false;
        while let Some(link) = self.io.any_alive() {
            self.lose(link.index().into(), false);
        }
        for at in 0..self.places.len() {
            self.sent(at);
            self.finish(at);
        }
        self.take_back(None);
        assert_eq!(self.tags, [None; DEPTH]);
        assert_eq!(self.io.end().len(), self.places.len());
        self.stale
            .extend(self.places.drain(..).map(|place| place.link));
        let over = self.session;
        self.begin(links, dead_timeout);
        assert!(self.io.is_over(over));
    }

    fn check(&mut self) {
        let here = self.tags.iter().flatten().count();
        assert_eq!(Rc::strong_count(&self.requests) - 1, here, "lost requests");
        assert_eq!(self.io.is_running(), self.running);
        assert_eq!(self.io.end_requested(), self.end);
        let serves = self.running && !self.end && (self.live() != 0 || self.waits());
        assert_eq!(self.io.serves(), serves);
        assert_eq!(self.io.has_timed_out(), self.timed_out);
        assert_eq!(self.io.live(), self.live());
        assert_eq!(self.io.is_over(self.session), self.live() == 0);
        assert_eq!(self.io.nr_links(), self.places.len());
        for (index, place) in self.places.iter().enumerate() {
            let (link, alive, load) = self.io.link_at(index as u16).unwrap();
            assert!(Rc::ptr_eq(&link, &place.link));
            assert_eq!((alive, load as usize), (place.alive, self.load(index)));
            assert_eq!(self.io.alive_at(index as u16).is_some(), place.alive);
            assert_eq!(self.io.leaves(&place.link), place.leaves);
            let done = !place.alive || self.load(index) == 0;
            assert_eq!(self.io.is_done(&place.link), done);
            let told = !place.alive || place.disconnected;
            assert_eq!(self.io.is_told(&place.link), told);
        }
        let speaks = |place: &Place| place.alive && !place.disconnected;
        assert_eq!(self.io.disconnect_pending(), self.places.iter().any(speaks));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn each_request_is_in_one_place_and_comes_out_once(
        links in 1..4u16,
        dead_timeout in any_timeout(),
        steps in prop::collection::vec(any_step(), 1..300),
    ) {
        let mut world = World::new(links, dead_timeout);
        for step in &steps {
            world.step(step);
        }
        // And nothing is left when the session ends.
        world.restart(1, 0);
    }
}
