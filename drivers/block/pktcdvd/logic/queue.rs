// SPDX-License-Identifier: GPL-2.0

//! What waits for the thread of a device.

use super::{
    marks::{
        Gate,
        Marks, //
    },
    pieces::{
        Pieces,
        Tree, //
    },
};

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

    /// Files a write that lies in the packet at `zone`.
    pub fn push_write(&mut self, zone: u64, rq: T::Request) {
        let seq = self.next_seq();
        self.next_sweep.insert(zone, seq, rq);
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
        self.sweep
            .pop_of(zone)
            .or_else(|| self.next_sweep.pop_of(zone))
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

    /// The next zone to write: of this sweep the first from `from` on that is not `busy`,
    /// or else the first of all; and if all are busy, one of the next sweep.
    pub fn next_zone(&mut self, from: u64, busy: impl Fn(u64) -> bool) -> Option<u64> {
        if self.sweep.is_empty() {
            core::mem::swap(&mut self.sweep, &mut self.next_sweep);
        }
        next_zone_of(&self.sweep, from, &busy)
            .or_else(|| next_zone_of(&self.next_sweep, from, &busy))
    }
}

impl<S, T: Tree> Default for Queue<S, T> {
    fn default() -> Self {
        Self::new()
    }
}

fn next_zone_of<T: Tree>(
    writes: &Pieces<T>,
    from: u64,
    busy: &impl Fn(u64) -> bool,
) -> Option<u64> {
    free_zone(writes, from, None, busy).or_else(|| free_zone(writes, 0, Some(from), busy))
}

/// The first zone in `from..below` that is not `busy`. Each busy zone is one step, and
/// there are no more of them than packet buffers.
fn free_zone<T: Tree>(
    writes: &Pieces<T>,
    mut from: u64,
    below: Option<u64>,
    busy: &impl Fn(u64) -> bool,
) -> Option<u64> {
    loop {
        let zone = writes.zone_from(from)?;
        if below.is_some_and(|below| zone >= below) {
            return None;
        }
        if !busy(zone) {
            return Some(zone);
        }
        from = zone.checked_add(1)?;
    }
}
