// SPDX-License-Identifier: GPL-2.0

//! Sets of writes that have no room for one, or have lost one.

use rblk_host_tests::pktcdvd::logic::{
    buffer::Buffer,
    contents::{self, Part, Transfer},
    pieces::{Claim, Key, Pieces, Tree},
    state::Action,
    zone::Geometry,
};
use std::collections::BTreeMap;

/// What becomes of a write of one frame, the number of which it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    Kept(u64),
    Lost(u64),
    Refused(u64),
}
use Write::*;

struct Frame;

impl Part for Frame {
    fn bytes(&self) -> usize {
        2048
    }
}

impl Transfer for Write {
    type Part = Frame;

    fn sector(&self) -> u64 {
        let (Kept(frame) | Lost(frame) | Refused(frame)) = self;
        frame * 4
    }

    fn sectors(&self) -> u32 {
        4
    }

    fn is_urgent(&self) -> bool {
        matches!(self, Refused(_))
    }

    fn parts(&self) -> impl Iterator<Item = &Frame> {
        std::iter::once(&Frame)
    }
}

#[derive(Debug)]
struct Holey(BTreeMap<Key, Option<Write>>);

impl Tree for Holey {
    type Request = Write;

    fn new() -> Self {
        Self(BTreeMap::new())
    }

    fn insert(&mut self, key: Key, rq: Write) -> bool {
        if matches!(rq, Refused(_)) {
            return false;
        }
        self.0
            .insert(key, Some(rq).filter(|rq| !matches!(rq, Lost(_))));
        true
    }

    fn first_from(&self, key: Key) -> Option<Key> {
        self.0.range(key..).next().map(|(key, _)| *key)
    }

    fn take_first_from(&mut self, key: Key) -> Option<(Key, Option<Write>)> {
        let first = self
            .first_from(key)
            .filter(|first| first.zone == key.zone)?;
        self.0.remove_entry(&first)
    }

    fn note(&mut self, _: u64, _: impl FnOnce(Key, &mut Option<Claim>)) {}

    fn noted(&self, key: Key) -> Option<(Key, Option<Claim>)> {
        Some((self.first_from(key)?, None))
    }

    fn iter(&self) -> impl Iterator<Item = &Write> {
        self.0.values().flatten()
    }
}

#[test]
fn what_is_lost_is_counted_off() {
    let mut pieces = Pieces::<Holey>::new();

    assert!(pieces.insert(0, 1, Lost(0)));
    assert!(pieces.insert(0, 2, Kept(1)));
    assert!(!pieces.insert(0, 3, Refused(2)));
    assert!(pieces.insert(0, 4, Lost(3)));
    assert_eq!(pieces.len(), 3);
    assert_eq!(pieces.pop_of(0), Some((2, Kept(1))));
    assert_eq!(pieces.pop_of(0), None);
    assert!(pieces.is_empty());
}

#[test]
fn a_write_without_room_covers_nothing() {
    let geometry = Geometry::new(64, 0, 1 << 20).unwrap();
    let mut buffer = Buffer::<i32>::new(16);
    let mut pieces = Pieces::<Holey>::new();
    let action = buffer.start(geometry.zone_of(0).unwrap(), false, 1);
    assert_eq!(action, Action::AwaitTurn);

    let mut join = |write| {
        let mut next = Some((1, write));
        contents::join(&geometry, &mut buffer, &mut pieces, |_| next.take(), |_| {});
        (buffer.coverage().is_empty(), pieces.len())
    };
    assert_eq!(join(Refused(2)), (true, 0));
    assert_eq!(join(Kept(2)), (false, 1));
}
