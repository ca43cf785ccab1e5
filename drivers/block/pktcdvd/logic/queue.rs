// SPDX-License-Identifier: GPL-2.0

//! What waits for the thread of a device.

use super::{
    hold::Hold,
    marks::{
        Gate,
        Marks, //
    },
    pieces::{
        Claim,
        Pieces,
        Tree, //
    },
};

/// How many zones ahead of the elevator it chooses from.
const WINDOW: u32 = 32;

/// How many zones of the next sweep it may choose in a row.
const STRAYS: u32 = 2;

/// How many writes become due at a time at least, if there are others that are due already.
const RELEASED: usize = 64;

/// Where the release of writes that were held has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Release {
    /// Nothing is to be released.
    None,
    /// The writes from this zone on.
    From(u64),
}

/// The requests of a device that its thread has not taken, and the session `S` that they are for.
///
/// All writes of a zone are held, or all of them are due.
#[derive(Debug)]
pub struct Queue<S, T> {
    /// The session, whose last reference is never dropped here.
    session: Option<S>,
    /// The writes that are not due.
    held: Pieces<T>,
    /// The writes that are due in this sweep of the elevator.
    sweep: Pieces<T>,
    /// The writes that became due since it began: they wait for the next one, so that a stream of
    /// writes ahead of the elevator does not keep it from those behind.
    next_sweep: Pieces<T>,
    reads: Pieces<T>,
    others: Pieces<T>,
    gate: Gate,
    seq: u64,
    hold: Hold,
    release: Release,
    /// How many zones of the next sweep were chosen since one of this sweep was.
    strayed: u32,
}

impl<S, T: Tree> Queue<S, T> {
    /// An empty queue with the default marks.
    pub fn new() -> Self {
        Self {
            session: None,
            held: Pieces::new(),
            sweep: Pieces::new(),
            next_sweep: Pieces::new(),
            reads: Pieces::new(),
            others: Pieces::new(),
            gate: Gate::new(Marks::default()),
            seq: 0,
            hold: Hold::default(),
            release: Release::None,
            strayed: 0,
        }
    }

    /// The session, if there is one.
    pub fn session(&self) -> Option<&S> {
        self.session.as_ref()
    }

    /// Begins a session, or ends one with [`None`]; returns the one before.
    pub fn set_session(&mut self, session: Option<S>) -> Option<S> {
        core::mem::replace(&mut self.session, session)
    }

    /// The number of writes.
    pub fn size(&self) -> usize {
        self.held.len() + self.sweep.len() + self.next_sweep.len()
    }

    /// The congestion marks, and whether writers are held back.
    pub fn gate(&mut self) -> &mut Gate {
        &mut self.gate
    }

    /// Whether one more write may come in.
    pub fn admit(&mut self) -> bool {
        self.gate.admit(self.size())
    }

    /// Whether writers that were held back may go on, once.
    pub fn should_resume(&mut self) -> bool {
        self.gate.should_resume(self.size())
    }

    fn next_seq(&mut self) -> u64 {
        self.seq = self.seq.wrapping_add(1);
        self.seq
    }

    /// Files a write that lies in the packet at `zone`, and comes at the time `now`.
    pub fn push_write(&mut self, zone: u64, rq: T::Request, claim: Claim, now: u64) {
        let seq = self.next_seq();

        if claim.is_pressing() {
            self.make_due(zone);
        }
        if claim.is_pressing() || self.is_due(zone) {
            if self.next_sweep.insert(zone, seq, rq) {
                self.next_sweep.note(zone, seq, claim);
            }
            return;
        }
        if self.held.is_empty() {
            // Those that were held have left in another way.
            self.hold.end();
        }
        if self.held.insert(zone, seq, rq) {
            self.held.note(zone, seq, claim);
        }
        let claim = self.held.share(zone).and_then(|share| share.claim);
        if claim.is_none_or(Claim::is_pressing) {
            self.make_due(zone);
        } else {
            self.hold.came(now);
        }
    }

    /// Whether the writes of `zone` are due, if it has any.
    fn is_due(&self, zone: u64) -> bool {
        self.sweep.has(zone) || self.next_sweep.has(zone)
    }

    /// Makes the writes of `zone` due that are held; returns how many there were.
    ///
    /// They are no more than the packet has frames: else they would be due.
    fn make_due(&mut self, zone: u64) -> usize {
        if self.held.is_empty() {
            return 0;
        }
        let claim = self.held.share(zone).and_then(|share| share.claim);
        let mut moved = 0;

        while let Some((seq, rq)) = self.held.pop_of(zone) {
            let inserted = self.next_sweep.insert(zone, seq, rq);
            if let Some(claim) = claim.filter(|_| inserted && moved == 0) {
                self.next_sweep.note(zone, seq, claim);
            }
            moved += 1;
        }
        moved
    }

    /// For how long writes that nobody waits for are held still, if there are any. `wait` is for how
    /// long none must have come.
    pub fn held_for(&self, now: u64, wait: u64) -> Option<u64> {
        if self.held.is_empty() {
            return None;
        }
        match self.release {
            Release::From(_) => Some(0),
            Release::None => self.hold.left(now, wait),
        }
    }

    /// Makes writes due that are held: if `hurry` is set, if they were held long enough, or if they are so
    /// many that writers are about to be held back or to wait for one of the `tags`. The block layer sends
    /// as many writes as there are `tags` before it waits for one to end.
    ///
    /// If other writes are due, only some become due at a time, so that it does not take long.
    /// [`Queue::held_for`] then returns 0.
    pub fn release(&mut self, now: u64, wait: u64, hurry: bool, tags: usize) {
        let is_over = self.hold.left(now, wait) == Some(0);
        let are_many = self.gate.is_near(self.size()) || self.may_take_all(tags);

        if hurry || is_over || are_many {
            self.hold.end();
            self.release = Release::From(0);
        }
        self.go_on_releasing();
    }

    /// Whether writers may have to wait for one of the `tags` because of what is held, as they may if
    /// they are not held back before. Schedulers leave to writes that nobody waits for as little as a
    /// quarter of the tags.
    fn may_take_all(&self, tags: usize) -> bool {
        !self.gate.is_within(tags) && self.held.len() >= (tags / 4).max(1)
    }

    fn go_on_releasing(&mut self) {
        let Release::From(mut at) = self.release else {
            return;
        };

        if self.sweep.is_empty() {
            core::mem::swap(&mut self.sweep, &mut self.next_sweep);
        }
        if self.next_sweep.is_empty() {
            core::mem::swap(&mut self.held, &mut self.next_sweep);
        }
        let mut moved = 0;
        self.release = loop {
            let Some(zone) = self.held.zone_from(at) else {
                break Release::None;
            };
            if moved >= RELEASED {
                break Release::From(zone);
            }
            moved += self.make_due(zone);
            at = zone.saturating_add(1);
        };
    }

    /// Files a read.
    pub fn push_read(&mut self, rq: T::Request) {
        let seq = self.next_seq();
        self.reads.insert(0, seq, rq);
    }

    /// Files a request that moves no data.
    pub fn push_other(&mut self, rq: T::Request) {
        let seq = self.next_seq();
        self.others.insert(0, seq, rq);
    }

    /// Takes the oldest write of the packet at `zone`, and returns when it came, too. The others are
    /// due then.
    pub fn pop_write(&mut self, zone: u64) -> Option<(u64, T::Request)> {
        self.make_due(zone);
        self.sweep
            .pop_of(zone)
            .or_else(|| self.next_sweep.pop_of(zone))
    }

    /// Whether a write waits for the packet at `zone`.
    pub fn has_write(&self, zone: u64) -> bool {
        self.is_due(zone) || self.held.has(zone)
    }

    /// Takes the oldest read.
    pub fn pop_read(&mut self) -> Option<T::Request> {
        self.reads.pop()
    }

    /// Whether there is a read.
    pub fn has_read(&self) -> bool {
        !self.reads.is_empty()
    }

    /// The oldest read.
    pub fn first_read(&self) -> Option<&T::Request> {
        self.reads.iter().next()
    }

    /// Whether there is no request.
    pub fn is_empty(&self) -> bool {
        self.size() == 0 && self.reads.is_empty() && self.others.is_empty()
    }

    /// Takes the oldest request that moves no data.
    pub fn pop_other(&mut self) -> Option<T::Request> {
        self.others.pop()
    }

    /// The next zone to write. If the packet of the first zone that is due ahead of the elevator at `from`,
    /// and not `busy`, is full, it is that. Otherwise it is the one with the most data of some zones.
    ///
    /// The elevator wraps around. Zones of the next sweep are chosen, too, but only some in a row as
    /// long as there is one of this sweep. What is held costs no time.
    pub fn next_zone(&mut self, from: u64, busy: impl Fn(u64) -> bool) -> Option<u64> {
        if self.sweep.is_empty() {
            core::mem::swap(&mut self.sweep, &mut self.next_sweep);
        }
        let best = |mine| self.best(from, mine, &busy);
        let zone = match self.strayed < STRAYS {
            true => best(false),
            false => best(true).or_else(|| best(false)),
        }?;

        self.strayed = if self.sweep.has(zone) {
            0
        } else {
            self.strayed.saturating_add(1)
        };
        Some(zone)
    }

    /// The best zone ahead of the elevator, of this sweep only if `mine` is set.
    fn best(&self, from: u64, mine: bool, busy: &impl Fn(u64) -> bool) -> Option<u64> {
        let mut best: Option<(u32, u64)> = None;
        let mut seen = 0;

        for (mut at, below) in [(from, None), (0, Some(from))] {
            while let Some(zone) = self.zone_from(at, mine) {
                if seen == WINDOW || below.is_some_and(|below| zone >= below) {
                    break;
                }
                if !busy(zone) {
                    let (frames, full) = self.claim(zone);
                    if full && best.is_none() {
                        return Some(zone);
                    }
                    if best.is_none_or(|(most, _)| frames > most) {
                        best = Some((frames, zone));
                    }
                    seen = u32::saturating_add(seen, 1);
                }
                let Some(next) = zone.checked_add(1) else {
                    break;
                };
                at = next;
            }
        }
        best.map(|(_, zone)| zone)
    }

    /// The lowest zone from `zone` on with a write that is due, of this sweep only if `mine` is set.
    fn zone_from(&self, zone: u64, mine: bool) -> Option<u64> {
        let theirs = self.next_sweep.zone_from(zone).filter(|_| !mine);
        self.sweep.zone_from(zone).into_iter().chain(theirs).min()
    }

    /// How many frames the writes of `zone` have that are due, and whether these are all.
    fn claim(&self, zone: u64) -> (u32, bool) {
        let (sweep, next) = (self.sweep.share(zone), self.next_sweep.share(zone));
        let share = sweep.map_or(next, |share| Some(share.and(next)));

        share
            .and_then(|share| share.claim)
            .map_or((0, false), |claim| (claim.frames(), claim.is_full()))
    }
}

impl<S, T: Tree> Default for Queue<S, T> {
    fn default() -> Self {
        Self::new()
    }
}
