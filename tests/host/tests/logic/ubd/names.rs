// SPDX-License-Identifier: GPL-2.0

//! Names of disks.

use proptest::prelude::*;
use rblk_host_tests::disk_names::clash;
use rblk_host_tests::ubd::logic::names::{number_taken, ChosenName};

#[test]
fn chosen() {
    for (number, name) in [
        (0, "ubda"),
        (25, "ubdz"),
        (26, "ubdaa"),
        (701, "ubdzz"),
        (702, "ubdaaa"),
    ] {
        assert_eq!(ChosenName::new(number).as_str(), name);
    }
}

#[test]
fn clashes() {
    for (a, b, expected) in [
        ("ubda", "ubda", true),
        ("ubda", "ubda1", true),
        ("ubda", "ubdaa", false),
        ("ubd0", "ubd01", false),
        ("ubd0", "ubd0p1", true),
        ("ubda", "ubdap1", false),
        ("x", "ubda", false),
    ] {
        assert_eq!(clash(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        assert_eq!(clash(b.as_bytes(), a.as_bytes()), expected, "{b} {a}");
    }
    for (name, number) in [
        ("ubda", Some(0)),
        ("ubda1", Some(0)),
        ("ubdap1", Some(41)),
        ("ubd0", None),
        ("ubd", None),
        ("ubdA", None),
        ("ubdzzzzzzzz", None),
    ] {
        assert_eq!(number_taken(name.as_bytes()), number, "{name}");
    }
}

proptest! {
    /// The number that is found is the only one that clashes.
    #[test]
    fn taken(name in "ubd[a-c]{0,2}(p?[0-9]{1,2})?", number in 0..100_u32) {
        let clashes = clash(name.as_bytes(), ChosenName::new(number).as_str().as_bytes());
        prop_assert_eq!(clashes, number_taken(name.as_bytes()) == Some(number));
    }

    #[test]
    fn numbers(number in prop_oneof![Just(u32::MAX - 1), 0..u32::MAX]) {
        let name = ChosenName::new(number);
        prop_assert_eq!(number_taken(name.as_str().as_bytes()), Some(number));
    }
}
