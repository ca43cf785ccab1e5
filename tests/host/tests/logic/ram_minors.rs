// SPDX-License-Identifier: GPL-2.0

//! Minor numbers of RAM disks, against what the C driver computes.

use proptest::prelude::*;
use rblk_host_tests::ram::logic::minors::Minors;

/// What becomes of `max_part` in C, for what is not negative.
fn in_c(max_part: i64) -> i64 {
    let mut max_part = max_part.max(1);

    if (1 << 20) % max_part != 0 {
        max_part = 1 << (64 - max_part.leading_zeros());
    }
    max_part.min(256)
}

#[test]
fn max_part_is_what_c_makes_of_it() {
    for max_part in (0..2000).chain([1 << 20, (1 << 20) + 1, i32::MAX - 1, i32::MAX]) {
        let minors = Minors::new(max_part).unwrap();

        assert_eq!(i64::from(minors.max_part()), in_c(max_part.into()));
        assert_eq!(i64::from(minors.per_disk()), in_c(max_part.into()));
    }
    assert_eq!(Minors::new(-1), None);
    assert_eq!(Minors::new(i32::MIN), None);
}

proptest! {
    #[test]
    fn each_minor_belongs_to_one_disk(max_part in 0..300, minor in 0..1u32 << 20) {
        let minors = Minors::new(max_part).unwrap();
        let disk = minors.disk_of(minor);
        let first = minors.first_of(disk).unwrap();

        prop_assert!(disk < minors.max_disks());
        prop_assert!((first..first + minors.per_disk()).contains(&minor));
        prop_assert_eq!(minors.first_of(minors.max_disks()), None);
        prop_assert_eq!(minors.first_of(u32::MAX), None);
    }
}
