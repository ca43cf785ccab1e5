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

    /// A connection is not fine any more, as the world has `spoilt` it, or the client has ended it.
    pub(super) fn leave(&self, spoilt: bool) -> Result<(), String> {
        self.fine.set(self.fine.get().saturating_sub(1));
        self.note();
        if spoilt {
            self.spoilt.set(self.spoilt.get() + 1);
            return Ok(());
        }
        if self.all_may_end.get() {
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
