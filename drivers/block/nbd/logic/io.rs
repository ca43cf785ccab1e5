// SPDX-License-Identifier: GPL-2.0

//! The state that the I/O path shares, behind one spinlock: where each request is, and the
//! connections.
//!
//! When a connection is lost, the first task that notices takes the requests from it that are queued or
//! in flight. Sender and receiver see the loss when they come back with theirs. A request that is given
//! back goes through `queue_rq` again. There it finds another connection, waits for one, or fails.
//!
//! Nothing is allocated here once a session has begun, and nothing sleeps. No request is *ended* under
//! the lock, because what waits for it may queue another one at once.

pub mod fifo;
pub mod link;
mod links;
mod outcome;
mod parts;
pub mod service;
pub mod slots;

pub use self::{
    outcome::{
        Late,
        Next,
        NoLink,
        Taken,
        ToSend, //
    },
    parts::Parts,
    service::Moment, //
};

use self::{
    link::{
        Connection,
        LinkState, //
    },
    links::Links,
    service::Service,
    slots::{
        Answered,
        Slots,
        Tagged, //
    },
};
use super::wire::Cookie;

/// The shared state.
pub struct Io<P: Parts> {
    slots: Slots<P::Slots>,
    links: Links<P::Links>,
    service: Service<P::Moment>,
    /// Counts the sessions.
    session: u64,
    /// How long requests wait for a new connection when all are lost, in milliseconds.
    dead_timeout: u64,
    /// Whether a connection was given up because it took too long.
    timed_out: bool,
}

impl<P: Parts> Io<P> {
    /// Creates the state for as many requests as there are slots, all of them free; there is no
    /// session.
    pub fn new(slots: P::Slots) -> Self {
        Self {
            slots: Slots::new(slots),
            links: Links::new(P::Links::default()),
            service: Service::Off,
            session: 0,
            dead_timeout: 0,
            timed_out: false,
        }
    }

    /// Begins a session with these connections, which take no requests until it [runs](Self::run);
    /// returns its number.
    ///
    /// When all connections are lost, requests wait for `dead_timeout` milliseconds.
    pub fn begin(&mut self, links: P::Links, dead_timeout: u64) -> u64 {
        self.links = Links::new(links);
        self.session = self.session.wrapping_add(1);
        self.dead_timeout = dead_timeout;
        self.service = Service::Off;
        self.timed_out = false;
        self.session
    }

    /// Lets requests come, if there is a connection and nobody has asked for the end.
    pub fn run(&mut self) {
        let alive = self.live() != 0;
        self.service.run(alive);
    }

    /// Lets no requests come, and no connection come back.
    pub fn stop(&mut self) {
        self.service.stop();
    }

    /// Ends the session; the connections are for the caller to drop, without the lock.
    pub fn end(&mut self) -> P::Links {
        self.service = Service::Off;
        core::mem::replace(&mut self.links, Links::new(P::Links::default())).into_inner()
    }

    /// Sets for how many milliseconds requests wait when all connections are lost.
    pub fn set_dead_timeout(&mut self, milliseconds: u64) {
        self.dead_timeout = milliseconds;
    }

    /// Returns whether requests go to a connection, or wait for one.
    pub fn is_running(&self) -> bool {
        self.service.is_running()
    }

    /// Returns whether requests are served, or will be if a connection comes back in time.
    pub fn serves(&self) -> bool {
        self.is_running() && (self.live() != 0 || self.may_return())
    }

    /// Returns whether somebody has asked for the end of the session.
    pub fn end_requested(&self) -> bool {
        self.service.is_ending()
    }

    /// Returns whether a connection was given up because it took too long.
    pub fn has_timed_out(&self) -> bool {
        self.timed_out
    }

    /// Returns whether the session with this number has, or soon gets, no connection any more.
    pub fn is_over(&self, session: u64) -> bool {
        self.session != session || self.live() == 0
    }

    /// Returns how many connections are alive.
    pub fn live(&self) -> usize {
        self.links
            .iter()
            .filter(|(_, state)| state.is_alive())
            .count()
    }

    /// Returns how many connections there are.
    pub fn nr_links(&self) -> usize {
        self.links.len()
    }

    /// Returns a connection that is lost, and its index, under which another may take its place.
    pub fn first_lost(&self) -> Option<(u16, P::LinkRef)> {
        let (index, state) = self.links.iter().find(|(_, state)| !state.is_alive())?;
        Some((index, state.link.clone()))
    }

    /// Puts a connection in the place of one that was lost, and that nobody works with; returns what
    /// is for the caller to drop.
    pub fn replace(&mut self, link: P::LinkRef) -> P::LinkRef {
        match self.links.get_mut(link.index()) {
            Some(state) if !state.is_alive() => {
                let old = state.replace(link);
                self.timed_out = false;
                self.run();
                old
            }
            _ => link,
        }
    }

    /// Adds a connection, which comes last; see [`Parts::join`].
    pub fn add(&mut self, room: P::Links, state: LinkState<P::LinkRef, P::Tags>) {
        self.links.regroup(|links| P::join(room, links, state));
        self.run();
    }

    /// Has a connection, if it is alive, get nothing more, as another one is to
    /// [take its place](Self::replace). Requests wait for that, if there is no other.
    pub fn leave(&mut self, index: u16) -> Option<P::LinkRef> {
        let state = self.links.get_mut(index)?;
        state.leaves = state.is_alive();
        state.leaves.then(|| state.link.clone())
    }

    /// Returns whether a connection has nothing to do any more.
    pub fn is_done(&mut self, link: &P::Link) -> bool {
        self.links.alive(link).is_none_or(|state| state.load == 0)
    }

    /// Asks the sender of a connection to end it, once it has sent what it has begun.
    pub fn want_disconnect_of(&mut self, link: &P::Link) {
        if let Some(state) = self.links.alive(link) {
            state.ask_for_end();
        }
    }

    /// Returns whether the end of a connection has been sent, or it is lost.
    pub fn is_told(&mut self, link: &P::Link) -> bool {
        self.links
            .state_of(link)
            .is_none_or(|state| state.is_told())
    }

    /// Returns whether another connection is about to take the place of this one.
    pub fn leaves(&mut self, link: &P::Link) -> bool {
        self.links.state_of(link).is_some_and(|state| state.leaves)
    }

    /// Returns the connection with this index, whether it is alive, and how many requests it has.
    pub fn link_at(&self, index: u16) -> Option<(P::LinkRef, bool, u32)> {
        let state = self.links.get(index)?;
        Some((state.link.clone(), state.is_alive(), state.load))
    }

    /// Returns the connection with this index, if it is alive.
    pub fn alive_at(&self, index: u16) -> Option<P::LinkRef> {
        let state = self.links.get(index)?;
        state.is_alive().then(|| state.link.clone())
    }

    /// Returns a connection that is alive.
    pub fn any_alive(&self) -> Option<P::LinkRef> {
        let (_, state) = self.links.iter().find(|(_, state)| state.is_alive())?;
        Some(state.link.clone())
    }

    /// Takes a request of a batch, of which this `is_last`, for a connection; `start` makes it one that
    /// can be queued. One that is not `sent` comes back, if there is a connection.
    ///
    /// Whatever becomes of the last one, those before it are sent.
    pub fn take<I>(
        &mut self,
        idle: I,
        is_last: bool,
        sent: bool,
        start: impl FnOnce(I) -> P::Request,
    ) -> Taken<I, P::Request> {
        let taken = match self.choose() {
            Err(why) => Taken::No(idle, why),
            Ok(link) if sent => match self.push(link, start(idle)) {
                Ok(()) => Taken::Queued,
                Err(rq) => Taken::Back(rq),
            },
            Ok(_) => Taken::Back(start(idle)),
        };
        if is_last {
            self.wake_senders();
        }
        taken
    }

    /// Chooses a connection for a request.
    pub fn choose(&mut self) -> Result<u16, NoLink> {
        if !self.is_running() {
            return Err(NoLink::Never);
        }
        match self.links.choose() {
            Some(index) => Ok(index),
            None if self.may_return() => Err(NoLink::Wait),
            None => {
                self.service = Service::Failing;
                Err(NoLink::Never)
            }
        }
    }

    /// Returns whether a lost connection may still be replaced in time.
    fn may_return(&self) -> bool {
        let is_due = self.is_replacing();
        self.service.may_wait(self.dead_timeout, is_due)
    }

    /// Returns whether a connection is about to come into the place of another one.
    fn is_replacing(&self) -> bool {
        self.links.iter().any(|(_, state)| state.leaves)
    }

    /// Queues a request for the connection that was [chosen](Self::choose).
    pub fn push(&mut self, link: u16, rq: P::Request) -> Result<(), P::Request> {
        let Some(state) = self.links.get_mut(link) else {
            return Err(rq);
        };
        // CAST: There are no more tags than slots, which are fewer.
        if !state.fifo.push(rq.tag() as u16) {
            return Err(rq);
        }
        // If there is no slot, the sender finds nothing under the tag.
        self.slots.queue(rq, link)?;
        state.load += 1;
        Ok(())
    }

    /// Wakes the senders that have something to send.
    pub fn wake_senders(&mut self) {
        for state in self.links.iter_mut() {
            if state.sender_idle && !state.fifo.is_empty() {
                state.wake_sender();
            }
        }
    }

    /// Takes what the sender of `link` is to send next.
    pub fn next_to_send(&mut self, link: &P::Link) -> Next<P::Request> {
        let Some(state) = self.links.alive(link) else {
            return Next::Lost;
        };
        while let Some(tag) = state.fifo.pop() {
            let more = !state.fifo.is_empty();
            if let Some((rq, cookie)) = self.slots.begin_sending(tag, link.index()) {
                return Next::Send(ToSend { rq, cookie, more });
            }
        }
        if state.is_ending() {
            return Next::Disconnect;
        }
        state.sender_idle = true;
        Next::Nothing
    }

    /// Notes that the message that ends the connection was sent.
    pub fn disconnect_sent(&mut self, link: &P::Link) {
        if let Some(state) = self.links.state_of(link) {
            state.told();
        }
    }

    /// Notes that a request was sent as a whole. It comes back if the connection is lost meanwhile.
    pub fn sent(&mut self, link: &P::Link, rq: P::Request) -> Result<(), P::Request> {
        let Some(state) = self.links.alive(link) else {
            return Err(rq);
        };
        state.wake_receiver();
        self.slots.sent(rq, link.index())
    }

    /// Finds the request that a reply over `link` is for.
    pub fn answered(&mut self, link: &P::Link, cookie: Cookie) -> Answered<P::Request> {
        let Some(state) = self.links.alive(link) else {
            return Answered::Nobody;
        };
        let answered = self.slots.answered(cookie, link.index());
        match answered {
            Answered::NotYet => state.receiver_waits = true,
            Answered::Request(_) => state.has_answered(cookie.sequence),
            Answered::Nobody => {}
        }
        answered
    }

    /// Frees the slot of a request that the caller owns, and is about to end or give back.
    pub fn free_slot(&mut self, rq: &P::Request) {
        if let Some(link) = self.slots.free(rq.tag()) {
            self.links.unload(link);
        }
    }

    /// Notes that a connection is lost `now`, `timed_out` if because it took too long; returns
    /// whether it was alive before.
    ///
    /// Its requests are [taken](Self::take_from) next, by a worker if it has timed out: see
    /// [`Self::take_overdue`].
    pub fn mark_lost(&mut self, link: &P::Link, timed_out: bool, now: P::Moment) -> bool {
        let Some(state) = self.links.alive(link) else {
            return false;
        };
        state.mark_lost(timed_out);
        self.timed_out |= timed_out;
        if self.live() == 0 {
            let may_wait = self.dead_timeout > 0 || self.is_replacing();
            self.service.lose_last(now, may_wait);
        }
        true
    }

    /// Returns a connection that has timed out, for a worker to close and to take the requests of. Each
    /// is returned once, and not if another one has taken its place.
    pub fn take_overdue(&mut self) -> Option<P::LinkRef> {
        let mut links = self.links.iter_mut();
        links.find_map(|state| state.take_overdue().then(|| state.link.clone()))
    }

    /// Takes a request out of the slots from `cursor` on that belongs to connection `link`, or to
    /// any without one, and that nobody works on.
    pub fn take_from(&mut self, link: Option<&P::Link>, cursor: &mut u32) -> Option<P::Request> {
        if let Some(link) = link {
            // Or another connection has its place: the task that put it there has taken them.
            self.links.state_of(link)?;
        }
        let (rq, at) = self.slots.take_from(link.map(Connection::index), cursor)?;
        self.links.unload(at);
        Some(rq)
    }

    /// Counts one more time that the request with this tag takes long: `timeout` milliseconds since it
    /// was queued, or since the last time. Zero for any time.
    ///
    /// A request may have to wait for others, here, on its way and at the server, as long as those move.
    /// So its connection is given up if nothing has moved there for three quarters of the time. It is
    /// given up, too, if the server has answered later requests instead, twice in a row.
    pub fn late(&mut self, tag: u32, timeout: u64) -> Late<P::LinkRef> {
        let late = self.slots.late(tag);
        let Some((times, state)) =
            late.and_then(|(times, link)| Some((times, self.links.get(link)?)))
        else {
            return Late::Gone;
        };
        let link = state.link.clone();
        let newest = state.answered;
        if timeout == 0 {
            return Late::Request(times, link);
        }
        let passed_over = newest.is_some_and(|newest| self.slots.is_passed_over(tag, newest));
        if passed_over || link.quiet_ms() >= timeout / 4 * 3 {
            Late::Lost(link)
        } else {
            Late::Request(times, link)
        }
    }

    /// Asks all senders to end their connections, once they have sent what they have begun.
    pub fn want_disconnect(&mut self) {
        self.stop();
        for state in self.links.iter_mut().filter(|state| state.is_alive()) {
            state.ask_for_end();
        }
    }

    /// Returns whether the end of a connection that is alive has not been sent.
    pub fn disconnect_pending(&self) -> bool {
        let mut links = self.links.iter();
        links.any(|(_, state)| !state.is_told())
    }
}
