// SPDX-License-Identifier: GPL-2.0

//! Byte ranges and pages, against a model that looks at every byte.

use proptest::prelude::*;
use rblk_host_tests::ram::logic::limits::{extend_to_page, split_range, PartialPage, SplitRange};

fn partial(page: u64, offset: usize, len: usize) -> Option<PartialPage> {
    Some(PartialPage { page, offset, len })
}

#[test]
fn known_ranges() {
    for (start, len, head, pages, tail) in [
        (0, 0, None, 0..0, None),
        (100, 0, None, 0..0, None),
        (0, 4096, None, 0..1, None),
        (0, 8192, None, 0..2, None),
        (0, 512, partial(0, 0, 512), 0..0, None),
        (512, 512, partial(0, 512, 512), 0..0, None),
        (512, 3584, partial(0, 512, 3584), 1..1, None),
        // Across a border, but over no page as a whole.
        (512, 4096, partial(0, 512, 3584), 1..1, partial(1, 0, 512)),
        (4096, 4608, None, 1..2, partial(2, 0, 512)),
        (3584, 4608, partial(0, 3584, 512), 1..2, None),
        (3584, 9216, partial(0, 3584, 512), 1..3, partial(3, 0, 512)),
    ] {
        let split = split_range(start, len, 4096).unwrap();
        assert_eq!(
            (split.head, split.pages, split.tail),
            (head, pages, tail),
            "{start}+{len}"
        );
    }
}

#[test]
fn impossible_ranges_are_refused() {
    assert_eq!(split_range(0, 1, 0), None);
    assert_eq!(split_range(u64::MAX, 1, 4096), None);
    assert!(split_range(u64::MAX, 0, 4096).is_some());
    assert!(split_range(0, u64::MAX, 4096).is_some());
}

#[test]
fn a_range_to_the_end_of_the_disk_takes_all_of_the_last_page() {
    assert_eq!(extend_to_page(0, 5120, 5120, 4096), 8192);
    assert_eq!(extend_to_page(4608, 512, 5120, 4096), 3584);
    assert_eq!(extend_to_page(0, 4608, 5120, 4096), 4608);
    assert_eq!(extend_to_page(0, 8192, 8192, 4096), 8192);
    assert_eq!(extend_to_page(0, u64::MAX, u64::MAX, 4096), u64::MAX);
    assert_eq!(extend_to_page(1, u64::MAX, 0, 4096), u64::MAX);
    assert_eq!(extend_to_page(0, 512, 512, 0), 512);
}

/// The bytes that a split names, as (page, offset) in order.
fn bytes_of(split: &SplitRange, page_size: usize) -> Vec<(u64, usize)> {
    let part = |part: Option<PartialPage>| {
        part.into_iter()
            .flat_map(|part| (part.offset..part.offset + part.len).map(move |at| (part.page, at)))
    };

    part(split.head)
        .chain(
            split
                .pages
                .clone()
                .flat_map(|page| (0..page_size).map(move |at| (page, at))),
        )
        .chain(part(split.tail))
        .collect()
}

proptest! {
    #[test]
    fn every_byte_is_named_once(
        page_size in prop::sample::select(vec![1, 2, 7, 8, 64, 512]),
        start in 0..4000u64,
        len in 0..4000u64,
    ) {
        let split = split_range(start, len, page_size).unwrap();
        let expected: Vec<_> = (start..start + len)
            .map(|byte| (byte / page_size as u64, (byte % page_size as u64) as usize))
            .collect();

        prop_assert_eq!(bytes_of(&split, page_size), expected);
        for part in [split.head, split.tail].into_iter().flatten() {
            prop_assert!((1..page_size).contains(&part.len), "a whole page as a part");
        }
    }

    #[test]
    fn huge_ranges_do_not_panic(start: u64, len: u64, page_size: usize, disk: u64) {
        if let Some(split) = split_range(start, len, page_size) {
            let parts = [split.head, split.tail].into_iter().flatten().map(|part| part.len as u128);
            let whole = u128::from(split.pages.end - split.pages.start) * page_size as u128;
            prop_assert_eq!(parts.sum::<u128>() + whole, u128::from(len));
        }
        prop_assert!(extend_to_page(start, len, disk, page_size) >= len);
        let rest = disk.saturating_sub(start);
        prop_assert!(extend_to_page(start, rest, disk, 4096) - rest < 4096);
    }
}
