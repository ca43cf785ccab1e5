// SPDX-License-Identifier: GPL-2.0

//! Which connections of a session are fine, and when none was.

use kernel::sim::clock;
use std::cell::{
    Cell,
    RefCell, //
};

/// A time in which no connection was fine.
#[derive(Clone, Copy, Debug)]
struct Outage {
    from: u64,
    to: Option<u64>,
}

/// What is known of the connections of a session.
#[derive(Debug, Default)]
pub struct Health {
    fine: Cell<u64>,
    outages: RefCell<Vec<Outage>>,
    /// How many were spoilt.
    spoilt: Cell<u64>,
    /// How many that are fine the client may end.
    may_end: Cell<u64>,
    /// The client may end all.
    all_may_end: Cell<bool>,
    /// For how long the client waits for a reply, in nanoseconds; 0 for any time.
    limit: Cell<u64>,
}

impl Health {
    /// Begins a session, of which there is no connection yet.
    pub fn begin(&self) {
        self.fine.set(0);
        self.all_may_end.set(false);
        self.may_end.set(0);
        self.outages.borrow_mut().clear();
        self.note();
    }

    /// Forgets when there was no connection, until now.
    pub fn settle(&self) {
        self.outages
            .borrow_mut()
            .retain(|outage| outage.to.is_none());
    }

    /// Lets the client end all that are fine, or that many more.
    pub fn let_end(&self, count: Option<u64>) {
        match count {
            Some(count) => self.may_end.set(self.may_end.get() + count),
            None => self.all_may_end.set(true),
        }
    }

    /// Lets the client end those that take longer than that to answer; 0 for none.
    pub fn limit(&self, nanos: u64) {
        self.limit.set(nanos);
    }

    /// Returns whether the client may think that a connection takes too long which it has had for `lasted`
    /// nanoseconds, and where nothing has moved for `quiet`. Where something moves, a request may be passed
    /// over, but the client waits for it for twice that time.
    fn may_be_slow(&self, lasted: u64, quiet: u64) -> bool {
        let limit = self.limit.get();
        limit != 0 && (quiet >= limit / 4 * 3 || lasted / 2 >= limit)
    }

    /// Returns how many are fine.
    pub fn fine(&self) -> u64 {
        self.fine.get()
    }

    /// Returns how many were spoilt so far.
    pub fn spoilt(&self) -> u64 {
        self.spoilt.get()
    }

    pub(super) fn join(&self) {
        self.fine.set(self.fine.get() + 1);
        self.note();
    }

    /// A connection is not fine any more, as the world has `spoilt` it.
    pub(super) fn spoil(&self) {
        self.leave();
        self.spoilt.set(self.spoilt.get() + 1);
    }

    fn leave(&self) {
        self.fine.set(self.fine.get().saturating_sub(1));
        self.note();
    }

    /// A connection is not fine any more, as the client has ended it. It has had it for `lasted`
    /// nanoseconds, and nothing had moved for `quiet`.
    pub(super) fn end(&self, lasted: u64, quiet: u64) -> Result<(), String> {
        self.leave();
        if self.all_may_end.get() || self.may_be_slow(lasted, quiet) {
            return Ok(());
        }
        match self.may_end.get().checked_sub(1) {
            Some(left) => {
                self.may_end.set(left);
                Ok(())
            }
            None => Err("a connection is given up that was fine".to_owned()),
        }
    }

    fn note(&self) {
        let now = clock::now();
        let mut outages = self.outages.borrow_mut();
        let out = outages.last().is_some_and(|last| last.to.is_none());
        match (self.fine.get(), out) {
            (0, false) => outages.push(Outage {
                from: now,
                to: None,
            }),
            (1.., true) => {
                if let Some(last) = outages.last_mut() {
                    last.to = Some(now);
                }
            }
            _ => {}
        }
    }

    /// Returns whether, at some time from `began` until now, there had been no connection for as long as
    /// `least` nanoseconds.
    pub fn was_out(&self, began: u64, least: u64) -> bool {
        let now = clock::now();
        let outages = self.outages.borrow();
        outages.iter().any(|outage| {
            let to = outage.to.unwrap_or(now);
            to >= began && to - outage.from >= least
        })
    }
}
