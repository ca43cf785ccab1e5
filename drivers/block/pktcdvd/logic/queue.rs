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
        Share,
        Tree, //
    },
};

/// How many zones ahead of the elevator it chooses from.
const WINDOW: u32 = 32;

/// How many zones of the next sweep it may choose in a row.
const STRAYS: u32 = 2;

/// The requests of a device that its thread has not taken, and the session `S` that they are for.
#[derive(Debug)]
pub struct Queue<S, T> {
    /// The session, whose last reference is never dropped here.
    session: Option<S>,
    /// The writes of this sweep of the elevator.
    sweep: Pieces<T>,
    /// The writes that came since it began: they wait for the next one, so that a stream of writes
    /// ahead of the elevator does not keep it from those behind.
    next_sweep: Pieces<T>,
    reads: Pieces<T>,
    others: Pieces<T>,
    gate: Gate,
    seq: u64,
    hold: Hold,
    /// Writes up to this number are due.
    released: u64,
    /// There may be writes that are due.
    pressing: bool,
    /// How many zones of the next sweep were chosen since one of this sweep was.
    strayed: u32,
}

impl<S, T: Tree> Queue<S, T> {
    /// An empty queue with the default marks.
    pub fn new() -> Self {
        Self {
            session: None,
            sweep: Pieces::new(),
            next_sweep: Pieces::new(),
            reads: Pieces::new(),
            others: Pieces::new(),
            gate: Gate::new(Marks::default()),
            seq: 0,
            hold: Hold::default(),
            released: 0,
            pressing: false,
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
        self.sweep.len() + self.next_sweep.len()
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

        if self.size() == 0 {
            // Those that were held have left in another way.
            self.hold.end();
        }
        if self.next_sweep.insert(zone, seq, rq) {
            self.next_sweep.note(zone, seq, claim);
        }
        if !claim.is_pressing() {
            self.hold.came(now);
        }
        self.pressing |= self.due(zone).is_some();
    }

    /// For how long writes that nobody waits for are held still, if there are any. `wait` is for how
    /// long none must have come.
    pub fn held_for(&self, now: u64, wait: u64) -> Option<u64> {
        self.hold.left(now, wait).filter(|_| self.size() != 0)
    }

    /// Lets go of the writes that are there, if `hurry` is set, if they were held long enough, or if
    /// they are so many that writers are about to be held back.
    pub fn release(&mut self, now: u64, wait: u64, hurry: bool) {
        let is_over = self.held_for(now, wait) == Some(0);

        if hurry || is_over || self.gate.is_near(self.size()) {
            self.pressing |= self.released != self.seq;
            self.released = self.seq;
            self.hold.end();
        }
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

    /// Takes the oldest write of the packet at `zone`, and returns when it came, too.
    pub fn pop_write(&mut self, zone: u64) -> Option<(u64, T::Request)> {
        let popped = self
            .sweep
            .pop_of(zone)
            .or_else(|| self.next_sweep.pop_of(zone));

        // What those asked for that are left may be forgotten.
        self.pressing |= popped.is_some() && self.has_write(zone);
        popped
    }

    /// Whether a write waits for the packet at `zone`.
    pub fn has_write(&self, zone: u64) -> bool {
        self.sweep.has(zone) || self.next_sweep.has(zone)
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

    /// The next zone to write: of some that are due ahead of the elevator at `from`, and not `busy`,
    /// the one with the most data; or the first, if its packet is full.
    ///
    /// The elevator wraps around. Zones of the next sweep are chosen, too, but only some in a row as
    /// long as there is one of this sweep.
    pub fn next_zone(&mut self, from: u64, busy: impl Fn(u64) -> bool) -> Option<u64> {
        if self.sweep.is_empty() {
            core::mem::swap(&mut self.sweep, &mut self.next_sweep);
        }
        if !self.pressing {
            return None;
        }
        let mut any = false;
        let mut best = |mine| self.best(from, mine, &busy, &mut any);
        let zone = match self.strayed < STRAYS {
            true => best(false),
            false => best(true).or_else(|| best(false)),
        };

        self.pressing = any;
        let zone = zone?;
        self.strayed = if self.sweep.has(zone) {
            0
        } else {
            self.strayed.saturating_add(1)
        };
        Some(zone)
    }

    /// The best zone ahead of the elevator, of this sweep only if `mine` is set. Sets `any` if a zone
    /// is due.
    fn best(
        &self,
        from: u64,
        mine: bool,
        busy: &impl Fn(u64) -> bool,
        any: &mut bool,
    ) -> Option<u64> {
        let mut best: Option<(u32, u64)> = None;
        let mut seen = 0;

        for (mut at, below) in [(from, None), (0, Some(from))] {
            while let Some(zone) = self.zone_from(at, mine) {
                if below.is_some_and(|below| zone >= below) {
                    break;
                }
                let due = self.due(zone);
                *any |= due.is_some();
                if let Some((frames, full)) = due.filter(|_| !busy(zone)) {
                    if full && best.is_none() {
                        return Some(zone);
                    }
                    if best.is_none_or(|(most, _)| frames > most) {
                        best = Some((frames, zone));
                    }
                    seen = u32::saturating_add(seen, 1);
                    if seen == WINDOW {
                        break;
                    }
                }
                let Some(next) = zone.checked_add(1) else {
                    break;
                };
                at = next;
            }
            if seen == WINDOW {
                break;
            }
        }
        best.map(|(_, zone)| zone)
    }

    /// The lowest zone with a write from `zone` on, of this sweep only if `mine` is set.
    fn zone_from(&self, zone: u64, mine: bool) -> Option<u64> {
        let theirs = self.next_sweep.zone_from(zone).filter(|_| !mine);
        self.sweep.zone_from(zone).into_iter().chain(theirs).min()
    }

    /// How many frames the writes of `zone` have, and whether these are all, if they are due.
    fn due(&self, zone: u64) -> Option<(u32, bool)> {
        let share = match self.sweep.share(zone) {
            Some(share) => share.and(self.next_sweep.share(zone)),
            None => self.next_sweep.share(zone)?,
        };
        self.is_due(share).then(|| {
            share
                .claim
                .map_or((0, false), |c| (c.frames(), c.is_full()))
        })
    }

    fn is_due(&self, share: Share) -> bool {
        share.seq <= self.released || share.claim.is_none_or(Claim::is_pressing)
    }
}

impl<S, T: Tree> Default for Queue<S, T> {
    fn default() -> Self {
        Self::new()
    }
}
