// SPDX-License-Identifier: GPL-2.0

//! Nobody waits for ever.

use std::{
    cell::{
        Cell,
        RefCell, //
    },
    collections::BTreeMap,
};

/// What is waited for.
#[derive(Debug, Default)]
pub struct Progress {
    next: Cell<u64>,
    /// What each one waits for, and since when.
    waiting: RefCell<BTreeMap<u64, (String, u64)>>,
}

/// Somebody who waits.
#[derive(Debug)]
pub struct Waiting(u64);

impl Progress {
    /// Notes that somebody waits for `what` from now on.
    pub fn begin(&self, what: String, now: u64) -> Waiting {
        let number = self.next.get();
        self.next.set(number + 1);
        self.waiting.borrow_mut().insert(number, (what, now));
        Waiting(number)
    }

    /// Notes that the wait is over.
    pub fn end(&self, waiting: Waiting) {
        self.waiting.borrow_mut().remove(&waiting.0);
    }

    /// Returns who waits for longer than `limit`, if anybody does. In the time of the simulation, that
    /// is a time that nothing takes which ends at all.
    pub fn look(&self, now: u64, limit: u64) -> Result<(), String> {
        let waiting = self.waiting.borrow();
        let is_late = |since: u64| now.saturating_sub(since) > limit;
        if !waiting.values().any(|(_, since)| is_late(*since)) {
            return Ok(());
        }
        Err(format!("somebody waits for ever: {waiting:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_too_long_is_told() {
        let progress = Progress::default();
        let one = progress.begin("a read".to_owned(), 5);
        let other = progress.begin("a write".to_owned(), 100);
        assert_eq!(progress.look(105, 100), Ok(()));
        assert!(progress.look(106, 100).is_err());
        progress.end(one);
        assert_eq!(progress.look(106, 100), Ok(()));
        progress.end(other);
        assert_eq!(progress.look(u64::MAX, 100), Ok(()));
    }
}
