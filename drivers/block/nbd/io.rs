// SPDX-License-Identifier: GPL-2.0

//! Where each request is: the state that the I/O path shares, behind one spinlock.
//!
//! A started request is a value that somebody owns, so it ends once. Until it ends it is in the slot
//! of its tag, or in the hands of the sender or the receiver of a connection; the slot tells:
//!
//! ```text
//!          queue_rq           sender            sender           receiver
//!   Idle ----------> Queued ---------> Sending --------> InFlight -------> Receiving --> Idle
//!                      |                  |                  |                  |
//!                      +---- the connection is lost: given back to blk-mq ------+------> Idle
//! ```
//!
//! When a connection is lost, whoever notices first takes `Queued` and `InFlight` requests from it;
//! sender and receiver see it when they come back with theirs. A request that is given back goes
//! through `queue_rq` again, and finds another connection, or waits for one, or fails there.
//!
//! Nothing is allocated here once a session has begun, and nothing sleeps. No request is *ended* under
//! the lock, because what waits for it may queue another one at once.

use crate::{
    disk::Disk,
    link::Link,
    logic::{
        fifo::Fifo,
        wire::Cookie, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::{
        Delta,
        Instant,
        Monotonic, //
    },
};
use rb::block::mq::Request;

/// What happens to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing is connected: they fail.
    Off,
    /// They go to a connection, or wait for one.
    Running,
    /// All connections are lost, or are about to be closed: they fail.
    Ended,
}

/// By how many requests a connection may be behind the one with least to do, and still get more.
const MAX_BEHIND: u32 = 8;

/// Whether the message that ends a connection is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    No,
    Wanted,
    Sent,
}

/// The place of the request with one tag.
struct Slot {
    /// Names the use, so that a late reply to one is not taken for one to the next.
    sequence: u32,
    /// How often the request has been found to take long.
    timeouts: u32,
    state: State,
}

enum State {
    Idle,
    Queued { rq: Request<Disk>, link: usize },
    Sending { link: usize },
    InFlight { rq: Request<Disk>, link: usize },
    Receiving { link: usize },
}

/// A connection as the I/O path sees it.
struct LinkState {
    link: Arc<Link>,
    /// Whether requests may go there. Never true again once it was false.
    alive: bool,
    /// What its sender is to send.
    fifo: Fifo<KVec<u16>>,
    /// How many requests it has, in any state.
    load: u32,
    /// Whether the sender sleeps, or is about to.
    sender_idle: bool,
    /// Whether the receiver waits for the sender.
    receiver_waits: bool,
    farewell: Farewell,
}

/// A request to be sent.
pub(crate) struct ToSend {
    pub(crate) rq: Request<Disk>,
    pub(crate) cookie: Cookie,
    /// Whether another one is sent next.
    pub(crate) more: bool,
}

/// What a sender is to do.
pub(crate) enum Next {
    /// Send a request.
    Send(ToSend),
    /// Send the message that ends the connection.
    Farewell,
    /// Sleep.
    Nothing,
    /// End.
    Lost,
}

/// Whose a reply is.
pub(crate) enum Answered {
    /// This request's, which is the receiver's now.
    Request(Request<Disk>),
    /// That of a request which the sender is not done with yet.
    NotYet,
    /// Nobody's: the server is confused.
    Nobody,
}

/// Why there is no connection for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoLink {
    /// One may come soon.
    Wait,
    /// None will come.
    Never,
}

/// What has become of a request that takes long.
pub(crate) enum Late {
    /// It has ended.
    Gone,
    /// It has, for the given number of times; the request is with this connection.
    Request(u32, Arc<Link>),
}

/// The shared state.
pub(crate) struct Io {
    slots: KVec<Slot>,
    links: KVec<LinkState>,
    pub(crate) phase: Phase,
    /// Counts the sessions.
    pub(crate) session: u64,
    /// Counts the requests that were sent.
    sequence: u32,
    /// How many connections are alive.
    live: usize,
    /// Where the search for a connection begins.
    turn: usize,
    /// How long requests wait for a new connection when all are lost.
    pub(crate) dead_timeout: Delta,
    /// When the last connection was lost.
    lost_at: Option<Instant<Monotonic>>,
    /// Whether somebody has asked for the end of the session.
    pub(crate) requested: bool,
    /// Whether a connection was given up because it took too long.
    pub(crate) timed_out: bool,
}

impl Io {
    /// Makes room for `depth` requests.
    pub(crate) fn new(depth: usize) -> Result<Self> {
        let mut slots = KVec::with_capacity(depth, GFP_KERNEL)?;
        for _ in 0..depth {
            slots.push(
                Slot {
                    sequence: 0,
                    timeouts: 0,
                    state: State::Idle,
                },
                GFP_KERNEL,
            )?;
        }
        Ok(Self {
            slots,
            links: KVec::new(),
            phase: Phase::Off,
            session: 0,
            sequence: 0,
            live: 0,
            turn: 0,
            dead_timeout: Delta::ZERO,
            lost_at: None,
            requested: false,
            timed_out: false,
        })
    }

    /// Returns how many connections are alive.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Returns how many connections there are.
    pub(crate) fn nr_links(&self) -> usize {
        self.links.len()
    }

    /// Begins a session with these connections, which take no requests yet.
    pub(crate) fn begin(&mut self, links: Links) {
        self.live = links.0.len();
        self.links = links.0;
        self.session = self.session.wrapping_add(1);
        self.turn = 0;
        self.lost_at = None;
        self.requested = false;
        self.timed_out = false;
    }

    /// Ends the session; the connections are for the caller to drop, without the lock.
    pub(crate) fn end(&mut self) -> Links {
        self.phase = Phase::Off;
        self.live = 0;
        Links(core::mem::take(&mut self.links))
    }

    /// Returns a connection that is lost, and its number, under which another may take its place.
    pub(crate) fn first_lost(&self) -> Option<(usize, Arc<Link>)> {
        let mut links = self.links.iter().enumerate();
        let (index, state) = links.find(|(_, state)| !state.alive)?;
        Some((index, state.link.clone()))
    }

    /// Puts a connection in the place of one that was lost, and that nobody works with; returns what
    /// is for the caller to drop.
    pub(crate) fn replace(&mut self, index: usize, link: Arc<Link>) -> Arc<Link> {
        match self.links.get_mut(index) {
            Some(state) if !state.alive => {
                state.alive = true;
                state.fifo.clear();
                state.farewell = Farewell::No;
                state.sender_idle = false;
                self.live += 1;
                self.lost_at = None;
                self.timed_out = false;
                core::mem::replace(&mut state.link, link)
            }
            _ => link,
        }
    }

    /// Returns the connection with this number, whether it is alive, and how much it has to do.
    pub(crate) fn link_at(&self, index: usize) -> Option<(Arc<Link>, bool, u32)> {
        let state = self.links.get(index)?;
        Some((state.link.clone(), state.alive, state.load))
    }

    /// Returns the connection with this number, if it is alive.
    pub(crate) fn alive_at(&self, index: usize) -> Option<Arc<Link>> {
        let state = self.links.get(index)?;
        state.alive.then(|| state.link.clone())
    }

    /// Returns a connection that is alive, if there is one from number `index` on.
    pub(crate) fn alive_from(&self, index: usize) -> Option<(usize, Arc<Link>)> {
        let mut links = self.links.iter().enumerate().skip(index);
        links
            .find(|(_, state)| state.alive)
            .map(|(index, state)| (index, state.link.clone()))
    }

    /// Chooses a connection: they take turns, but one that is behind the others is passed over.
    pub(crate) fn choose(&mut self) -> Result<usize, NoLink> {
        if self.phase != Phase::Running {
            return Err(NoLink::Never);
        }
        let takes = |state: &LinkState| state.alive && state.farewell == Farewell::No;
        let links = || self.links.iter().enumerate().filter(|(_, s)| takes(s));
        let least = links().map(|(_, state)| state.load).min().unwrap_or(0);
        // The first of those that are not behind, from the one whose turn it is on.
        let best = links()
            .filter(|(_, state)| state.load <= least.saturating_add(MAX_BEHIND))
            .map(|(index, _)| index)
            .min_by_key(|index| (*index < self.turn, *index));

        match best {
            Some(index) => {
                self.turn = index + 1;
                Ok(index)
            }
            None if self.may_return() => Err(NoLink::Wait),
            None => {
                self.phase = Phase::Ended;
                Err(NoLink::Never)
            }
        }
    }

    /// Returns whether a lost connection may still be replaced in time.
    fn may_return(&self) -> bool {
        !self.requested
            && self.dead_timeout > Delta::ZERO
            && self
                .lost_at
                .is_none_or(|since| since.elapsed() < self.dead_timeout)
    }

    /// Queues a request for the connection that was [chosen](Self::choose).
    pub(crate) fn push(&mut self, link: usize, rq: Request<Disk>) -> Result<(), Request<Disk>> {
        let tag = rq.tag();
        let (Some(slot), Some(state)) =
            (self.slots.get_mut(tag as usize), self.links.get_mut(link))
        else {
            return Err(rq);
        };
        // CAST: There are no more tags than slots, which are fewer.
        if !state.fifo.push(tag as u16) {
            return Err(rq);
        }
        state.load += 1;
        slot.timeouts = 0;
        slot.state = State::Queued { rq, link };
        Ok(())
    }

    /// Wakes the senders that have something to send.
    pub(crate) fn wake_senders(&mut self) {
        for state in self.links.iter_mut() {
            if state.sender_idle && !state.fifo.is_empty() {
                state.wake_sender();
            }
        }
    }

    /// Returns what the I/O path knows of `link`, unless it is none of this session any more.
    fn state_of(&mut self, link: &Link) -> Option<&mut LinkState> {
        let state = self.links.get_mut(usize::from(link.index()))?;
        core::ptr::eq(&*state.link, link).then_some(state)
    }

    /// Takes what the sender of `link` is to send next.
    pub(crate) fn next_to_send(&mut self, link: &Link) -> Next {
        loop {
            let Some(state) = self.state_of(link).filter(|state| state.alive) else {
                return Next::Lost;
            };
            let Some(tag) = state.fifo.pop() else {
                if state.farewell == Farewell::Wanted {
                    return Next::Farewell;
                }
                state.sender_idle = true;
                return Next::Nothing;
            };
            let more = !state.fifo.is_empty();
            if let Some((rq, cookie)) = self.take_queued(link, tag) {
                return Next::Send(ToSend { rq, cookie, more });
            }
        }
    }

    /// Notes that the message that ends the connection was sent.
    pub(crate) fn said_farewell(&mut self, link: &Link) {
        if let Some(state) = self.state_of(link) {
            state.farewell = Farewell::Sent;
        }
    }

    fn take_queued(&mut self, link: &Link, tag: u16) -> Option<(Request<Disk>, Cookie)> {
        let slot = self.slots.get_mut(usize::from(tag))?;
        let sending = State::Sending {
            link: usize::from(link.index()),
        };
        match core::mem::replace(&mut slot.state, sending) {
            State::Queued { rq, .. } => {
                // Of the device, not of the slot: a reply with the tag of another request must not
                // be taken for its own.
                self.sequence = self.sequence.wrapping_add(1);
                slot.sequence = self.sequence;
                let cookie = Cookie {
                    tag,
                    link: link.index(),
                    sequence: slot.sequence,
                };
                Some((rq, cookie))
            }
            other => {
                slot.state = other;
                None
            }
        }
    }

    /// Notes that a request was sent as a whole. It comes back if the connection is lost meanwhile.
    pub(crate) fn sent(&mut self, link: &Link, rq: Request<Disk>) -> Result<(), Request<Disk>> {
        let tag = rq.tag() as usize;
        let Some(state) = self.state_of(link).filter(|state| state.alive) else {
            self.release(tag);
            return Err(rq);
        };
        if state.receiver_waits {
            state.receiver_waits = false;
            state.link.wake_receiver();
        }
        let link = usize::from(link.index());
        match self.slots.get_mut(tag) {
            Some(slot) => {
                slot.state = State::InFlight { rq, link };
                Ok(())
            }
            None => Err(rq),
        }
    }

    /// Finds the request that a reply over `link` is for.
    pub(crate) fn answered(&mut self, link: &Link, cookie: Cookie) -> Answered {
        let index = usize::from(link.index());
        let alive = self.state_of(link).is_some_and(|state| state.alive);
        let slot = self.slots.get_mut(usize::from(cookie.tag));
        let Some(slot) = slot.filter(|slot| {
            alive && cookie.link == link.index() && slot.sequence == cookie.sequence
        }) else {
            return Answered::Nobody;
        };
        match core::mem::replace(&mut slot.state, State::Receiving { link: index }) {
            State::InFlight { rq, link } if link == index => Answered::Request(rq),
            other => {
                let sending = matches!(other, State::Sending { link } if link == index);
                slot.state = other;
                match self.state_of(link) {
                    Some(state) if sending => {
                        state.receiver_waits = true;
                        Answered::NotYet
                    }
                    _ => Answered::Nobody,
                }
            }
        }
    }

    /// Frees the slot of a request that the caller owns, and is about to end or give back.
    pub(crate) fn release(&mut self, tag: usize) {
        let Some(slot) = self.slots.get_mut(tag) else {
            return;
        };
        let (State::Queued { link, .. }
        | State::Sending { link }
        | State::InFlight { link, .. }
        | State::Receiving { link }) = core::mem::replace(&mut slot.state, State::Idle)
        else {
            return;
        };
        if let Some(state) = self.links.get_mut(link) {
            state.load = state.load.saturating_sub(1);
        }
    }

    /// Notes that a connection is lost; returns whether it was alive until now.
    ///
    /// Its requests are [taken](Self::take_from) next.
    pub(crate) fn lose(&mut self, link: &Link) -> bool {
        let Some(state) = self.state_of(link).filter(|state| state.alive) else {
            return false;
        };
        state.alive = false;
        state.fifo.clear();
        state.wake_sender();
        state.receiver_waits = false;
        state.link.wake_receiver();
        self.live = self.live.saturating_sub(1);
        if self.live == 0 {
            self.lost_at = Some(Instant::now());
            if self.requested || self.dead_timeout <= Delta::ZERO {
                self.phase = Phase::Ended;
            }
        }
        true
    }

    /// Takes a request out of the slots from `cursor` on that belongs to connection `link`, or to
    /// any without one, and that nobody works on.
    pub(crate) fn take_from(
        &mut self,
        link: Option<&Link>,
        cursor: &mut usize,
    ) -> Option<Request<Disk>> {
        if link.is_some_and(|link| self.state_of(link).is_none()) {
            // Another connection has its place: whoever put it there has taken them.
            return None;
        }
        let link = link.map(|link| usize::from(link.index()));
        loop {
            let tag = *cursor;
            let slot = self.slots.get_mut(tag)?;
            *cursor = tag + 1;

            let (State::Queued { link: at, .. } | State::InFlight { link: at, .. }) = slot.state
            else {
                continue;
            };
            if link.is_some_and(|link| link != at) {
                continue;
            }
            let state = core::mem::replace(&mut slot.state, State::Idle);
            if let Some(state) = self.links.get_mut(at) {
                state.load = state.load.saturating_sub(1);
            }
            if let State::Queued { rq, .. } | State::InFlight { rq, .. } = state {
                return Some(rq);
            }
        }
    }

    /// Counts one more time that the request with this tag takes long.
    pub(crate) fn late(&mut self, tag: usize) -> Late {
        let Some(slot) = self.slots.get_mut(tag) else {
            return Late::Gone;
        };
        slot.timeouts = slot.timeouts.saturating_add(1);
        let times = slot.timeouts;
        let (State::Queued { link, .. }
        | State::Sending { link }
        | State::InFlight { link, .. }
        | State::Receiving { link }) = slot.state
        else {
            return Late::Gone;
        };
        match self.links.get(link) {
            Some(state) => Late::Request(times, state.link.clone()),
            None => Late::Gone,
        }
    }

    /// Asks all senders to say goodbye, once they have sent what they have begun.
    pub(crate) fn want_farewells(&mut self) {
        self.requested = true;
        for state in self.links.iter_mut().filter(|state| state.alive) {
            if state.farewell == Farewell::No {
                state.farewell = Farewell::Wanted;
            }
            if state.sender_idle {
                state.wake_sender();
            }
        }
    }

    /// Returns whether a connection that is alive has not been told goodbye.
    pub(crate) fn farewells_pending(&self) -> bool {
        let mut alive = self.links.iter().filter(|state| state.alive);
        alive.any(|state| state.farewell != Farewell::Sent)
    }
}

impl LinkState {
    fn wake_sender(&mut self) {
        self.sender_idle = false;
        self.link.wake_sender();
    }
}

/// Connections with all that the I/O path needs for them.
pub(crate) struct Links(KVec<LinkState>);

impl Links {
    /// Makes room for `capacity` connections.
    pub(crate) fn with_capacity(capacity: usize) -> Result<Self> {
        Ok(Self(KVec::with_capacity(capacity, GFP_KERNEL)?))
    }

    /// Adds a connection for up to `depth` requests.
    pub(crate) fn push(&mut self, link: Arc<Link>, depth: usize) -> Result {
        self.0.push(
            LinkState {
                link,
                alive: true,
                fifo: Fifo::new(KVec::from_elem(0, depth, GFP_KERNEL)?),
                load: 0,
                sender_idle: false,
                receiver_waits: false,
                farewell: Farewell::No,
            },
            GFP_KERNEL,
        )?;
        Ok(())
    }
}
