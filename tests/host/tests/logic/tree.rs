// SPDX-License-Identifier: GPL-2.0

//! The sorted map that the host keeps requests in.

use rblk_host_tests::pktcdvd::logic::pieces::{Claim, Key, Tree};
use std::{cell::Cell, collections::BTreeMap};

thread_local! {
    /// How often trees of this thread were searched.
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

fn step() {
    STEPS.set(STEPS.get() + 1);
}

/// How often `f` searches trees.
pub fn steps(f: impl FnOnce()) -> usize {
    let before = STEPS.get();
    f();
    STEPS.get() - before
}

/// As the kernel's tree, but with memory of its own.
#[derive(Debug)]
pub struct Sorted<R>(BTreeMap<Key, (R, Option<Claim>)>);

impl<R> Tree for Sorted<R> {
    type Request = R;

    fn new() -> Self {
        Self(BTreeMap::new())
    }

    fn insert(&mut self, key: Key, rq: R) -> bool {
        step();
        assert!(self.0.insert(key, (rq, None)).is_none(), "two at one place");
        true
    }

    fn first_from(&self, key: Key) -> Option<Key> {
        step();
        self.0.range(key..).next().map(|(key, _)| *key)
    }

    fn take_first_from(&mut self, key: Key) -> Option<(Key, Option<R>)> {
        let first = self.first_from(key)?;
        if first.zone != key.zone {
            return None;
        }
        step();
        let rq = self.0.remove(&first).map(|(rq, _)| rq);
        Some((first, rq))
    }

    fn iter(&self) -> impl Iterator<Item = &R> {
        self.0.values().map(|(rq, _)| rq)
    }

    fn note(&mut self, zone: u64, change: impl FnOnce(Key, &mut Option<Claim>)) {
        step();
        let first = self.0.range_mut(Key::first_of(zone)..).next();
        if let Some((&key, (_, noted))) = first.filter(|(key, _)| key.zone == zone) {
            change(key, noted);
        }
    }

    fn noted(&self, key: Key) -> Option<(Key, Option<Claim>)> {
        step();
        let (&key, (_, noted)) = self.0.range(key..).next()?;
        Some((key, *noted))
    }
}
