// SPDX-License-Identifier: GPL-2.0

//! What waits for the thread of a device.

use crate::{
    disk::Disk,
    logic::marks::{
        Gate,
        Marks, //
    },
    pieces::Pieces,
    session::Session, //
};
use kernel::sync::Arc;
use rb::block::mq::Request;

/// The requests of a device that its thread has not taken.
///
/// Lives in the spinlock [`Device::queue`](crate::device::Device::queue), which is the innermost
/// lock: nothing sleeps or takes another one under it. Completions do not take it.
pub(crate) struct Queue {
    /// The session, whose last reference is never dropped here.
    session: Option<Arc<Session>>,
    /// The writes of this sweep of the elevator.
    sweep: Pieces,
    /// The writes that came since it began: they wait for the next one, so that a stream of writes
    /// ahead of the elevator does not keep it from those behind.
    next_sweep: Pieces,
    reads: Pieces,
    others: Pieces,
    gate: Gate,
    seq: u64,
}

impl Queue {
    /// Returns an empty queue with the default marks.
    pub(crate) fn new() -> Self {
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

    /// Returns the session, if there is one.
    pub(crate) fn session(&self) -> Option<&Arc<Session>> {
        self.session.as_ref()
    }

    /// Begins a session, or ends one with [`None`]; returns the one before.
    pub(crate) fn set_session(&mut self, session: Option<Arc<Session>>) -> Option<Arc<Session>> {
        core::mem::replace(&mut self.session, session)
    }

    /// Returns the number of writes.
    pub(crate) fn size(&self) -> usize {
        self.sweep.len() + self.next_sweep.len()
    }

    /// Returns the congestion marks, and whether writers are held back.
    pub(crate) fn gate(&mut self) -> &mut Gate {
        &mut self.gate
    }

    /// Returns whether one more write may come in.
    pub(crate) fn admit(&mut self) -> bool {
        self.gate.admit(self.size())
    }

    /// Returns whether writers that were held back may go on, once.
    pub(crate) fn should_resume(&mut self) -> bool {
        self.gate.should_resume(self.size())
    }

    fn next_seq(&mut self) -> u64 {
        self.seq = self.seq.wrapping_add(1);
        self.seq
    }

    /// Files a write that lies in the packet at `zone`.
    pub(crate) fn push_write(&mut self, zone: u64, rq: Request<Disk>) {
        let seq = self.next_seq();
        self.next_sweep.insert(zone, seq, rq);
    }

    /// Files a read.
    pub(crate) fn push_read(&mut self, rq: Request<Disk>) {
        let seq = self.next_seq();
        self.reads.insert(0, seq, rq);
    }

    /// Files a request that moves no data.
    pub(crate) fn push_other(&mut self, rq: Request<Disk>) {
        let seq = self.next_seq();
        self.others.insert(0, seq, rq);
    }

    /// Takes the oldest write of the packet at `zone`.
    pub(crate) fn pop_write(&mut self, zone: u64) -> Option<Request<Disk>> {
        self.sweep
            .pop_of(zone)
            .or_else(|| self.next_sweep.pop_of(zone))
    }

    /// Returns whether a write waits for the packet at `zone`.
    pub(crate) fn has_write(&self, zone: u64) -> bool {
        self.sweep.has(zone) || self.next_sweep.has(zone)
    }

    /// Takes the oldest read.
    pub(crate) fn pop_read(&mut self) -> Option<Request<Disk>> {
        self.reads.pop()
    }

    /// Returns whether there is a read.
    pub(crate) fn has_read(&self) -> bool {
        !self.reads.is_empty()
    }

    /// Returns where the oldest read starts, in sectors.
    pub(crate) fn first_read(&self) -> Option<u64> {
        Some(self.reads.iter().next()?.sector())
    }

    /// Returns whether there is no request.
    pub(crate) fn is_empty(&self) -> bool {
        self.size() == 0 && self.reads.is_empty() && self.others.is_empty()
    }

    /// Takes the oldest request that moves no data.
    pub(crate) fn pop_other(&mut self) -> Option<Request<Disk>> {
        self.others.pop()
    }

    /// Returns the next zone to write: of this sweep the first from `from` on that is not `busy`,
    /// or else the first of all; and if all are busy, one of the next sweep.
    pub(crate) fn next_zone(&mut self, from: u64, busy: impl Fn(u64) -> bool) -> Option<u64> {
        if self.sweep.is_empty() {
            core::mem::swap(&mut self.sweep, &mut self.next_sweep);
        }
        next_zone_of(&self.sweep, from, &busy)
            .or_else(|| next_zone_of(&self.next_sweep, from, &busy))
    }
}

fn next_zone_of(writes: &Pieces, from: u64, busy: &impl Fn(u64) -> bool) -> Option<u64> {
    free_zone(writes, from, None, busy).or_else(|| free_zone(writes, 0, Some(from), busy))
}

/// Returns the first zone in `from..below` that is not `busy`. Each busy zone is one step, and
/// there are no more of them than packet buffers.
fn free_zone(
    writes: &Pieces,
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
