// SPDX-License-Identifier: GPL-2.0

//! Coverage against a list of flags.

use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::{
    coverage::Coverage,
    frames::{FrameRange, PACKET_MAX_FRAMES},
};

fn range(first: u32, count: u32) -> FrameRange {
    FrameRange::new(first, count).unwrap()
}

fn any_range() -> impl Strategy<Value = FrameRange> {
    (0..PACKET_MAX_FRAMES, 1..=PACKET_MAX_FRAMES)
        .prop_map(|(first, count)| range(first, count.min(PACKET_MAX_FRAMES - first)))
}

/// The maximal runs of `false`.
fn runs(flags: &[bool]) -> Vec<FrameRange> {
    let mut runs = vec![];
    let mut first = 0;

    for end in 0..=flags.len() {
        if flags.get(end).copied().unwrap_or(true) {
            if end > first {
                runs.push(range(first as u32, (end - first) as u32));
            }
            first = end + 1;
        }
    }
    runs
}

#[test]
fn overlaps_count_once() {
    let mut coverage = Coverage::new(32);

    assert_eq!(coverage.cover(range(0, 16)), 16);
    assert_eq!(coverage.cover(range(0, 16)), 0);
    assert_eq!(coverage.cover(range(8, 16)), 8);
    assert_eq!(coverage.count(), 24);
    // 48 frames were written, and yet not all 32 are there.
    assert!(!coverage.is_complete());
    assert_eq!(coverage.hull(), FrameRange::new(24, 8));
}

#[test]
fn the_largest_packet_fits() {
    let mut coverage = Coverage::new(PACKET_MAX_FRAMES);

    assert_eq!(coverage.hull(), FrameRange::new(0, 128));
    assert!(coverage.missing().eq([range(0, 128)]));
    assert_eq!(coverage.cover(range(1, 126)), 126);
    assert_eq!(coverage.hull(), FrameRange::new(0, 128));
    assert!(coverage.missing().eq([range(0, 1), range(127, 1)]));
    assert_eq!(coverage.cover(range(0, 128)), 2);
    assert!(coverage.is_complete());
    assert_eq!(coverage.hull(), None);
    assert_eq!(coverage.missing().next(), None);
}

#[test]
fn a_packet_of_no_frames_misses_nothing() {
    let coverage = Coverage::new(0);

    assert!(coverage.is_complete() && coverage.is_empty());
    assert_eq!(coverage.hull(), None);
}

#[test]
fn more_frames_than_can_be_are_not_there() {
    assert_eq!(Coverage::new(u32::MAX), Coverage::new(PACKET_MAX_FRAMES));
}

proptest! {
    #[test]
    fn behaves_like_a_list_of_flags(
        frames in 1..=PACKET_MAX_FRAMES,
        writes in prop::collection::vec(any_range(), 0..12),
        probe in any_range(),
    ) {
        let mut coverage = Coverage::new(frames);
        let mut flags = vec![false; frames as usize];

        for write in writes {
            let before = flags.iter().filter(|&&flag| flag).count();
            for flag in flags.iter_mut().take(write.end() as usize).skip(write.first() as usize) {
                *flag = true;
            }
            let after = flags.iter().filter(|&&flag| flag).count();
            prop_assert_eq!(coverage.cover(write) as usize, after - before);
        }

        let missing = runs(&flags);
        let hull = missing.first().zip(missing.last()).map(|(first, last)| {
            range(first.first(), last.end() - first.first())
        });
        let probed = |frame: u32| flags.get(frame as usize).copied();
        let frames_of = || probe.first()..probe.end();

        prop_assert_eq!(coverage.missing().collect::<Vec<_>>(), missing);
        prop_assert_eq!(coverage.hull(), hull);
        prop_assert_eq!(coverage.count() as usize, flags.iter().filter(|&&flag| flag).count());
        prop_assert_eq!(coverage.is_complete(), flags.iter().all(|&flag| flag));
        prop_assert_eq!(coverage.is_empty(), !flags.contains(&true));
        prop_assert_eq!(coverage.holds(probe), frames_of().all(|frame| probed(frame).is_some()));
        prop_assert_eq!(coverage.touches(probe), frames_of().any(|f| probed(f) == Some(true)));

        coverage.clear();
        prop_assert_eq!(coverage, Coverage::new(frames));
    }

    #[test]
    fn union_covers_what_either_does(
        frames in 1..=PACKET_MAX_FRAMES,
        mine in any_range(),
        other in any_range(),
    ) {
        let (mut a, mut b, mut both) =
            (Coverage::new(frames), Coverage::new(frames), Coverage::new(frames));

        a.cover(mine);
        b.cover(other);
        both.cover(mine);
        both.cover(other);
        prop_assert_eq!(a.union(&b), both);
        prop_assert_eq!(b.union(&a), both);
    }
}
