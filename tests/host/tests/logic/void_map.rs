// SPDX-License-Identifier: GPL-2.0

//! The map of void packets against a set, and which packets a discard makes void.

use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::{
    void_map::{words, VoidMap},
    zone::Geometry,
};
use std::collections::BTreeSet;

fn map(packets: u64) -> VoidMap<Vec<u64>> {
    VoidMap::new(vec![0; words(packets).unwrap()])
}

#[test]
fn a_word_has_64_packets() {
    for (packets, expected) in [(0, 0), (1, 1), (64, 1), (65, 2), (128, 2), (129, 3)] {
        assert_eq!(words(packets), Some(expected));
    }
    assert_eq!(words(u64::MAX), Some(1 << 58));
}

#[test]
fn a_mark_is_taken_once() {
    let mut map = map(130);

    for index in [0, 63, 64, 129] {
        assert!(!map.take(index));
        map.set(index);
        map.set(index);
        assert!(map.take(index));
        assert!(!map.take(index));
    }
}

#[test]
fn without_memory_nothing_is_void() {
    let mut map = VoidMap::new(vec![]);

    for index in [0, 1, 64, u64::MAX] {
        map.set(index);
        assert!(!map.take(index));
    }
}

proptest! {
    #[test]
    fn behaves_like_a_set(
        packets in 1..300u64,
        steps in prop::collection::vec((any::<bool>(), 0..400u64), 0..200),
    ) {
        let mut map = map(packets);
        let mut set = BTreeSet::new();
        // The last word may have room for more.
        let room = packets.div_ceil(64) * 64;

        for (mark, index) in steps {
            if mark {
                map.set(index);
                if index < room {
                    set.insert(index);
                }
            } else {
                prop_assert_eq!(map.take(index), set.remove(&index));
            }
        }
        for index in 0..400 {
            prop_assert_eq!(map.take(index), set.contains(&index));
        }
    }

    #[test]
    fn a_discard_makes_void_what_it_covers_whole(
        frames in 1..9u32,
        start in 0..20u64,
        packets in 1..40u64,
        rest in 0..4u64,
        sector in 0..2000u64,
        sectors in 0..1000u32,
    ) {
        let (size, start) = (frames * 4, start * 4);
        let device = start + packets * u64::from(size) + rest;
        let geometry = Geometry::new(size, start, device).unwrap();
        let end = sector + u64::from(sectors);

        // Sector by sector: a packet is void if each of its sectors is discarded.
        let expected: Vec<u64> = (0..packets)
            .map(|index| start + index * u64::from(size))
            .filter(|&at| (at..at + u64::from(size)).all(|s| (sector..end).contains(&s)))
            .collect();
        let zones = geometry.zones_within(sector, sectors);
        prop_assert_eq!(zones.map(|zone| zone.sector()).collect::<Vec<_>>(), expected);
    }
}
