// SPDX-License-Identifier: GPL-2.0

//! Disk names that cannot both exist.

use proptest::prelude::*;
use rblk_host_tests::disk_names::clash;
use rblk_host_tests::ram::logic::names::number_taken;

#[test]
fn names_and_their_partitions() {
    for (a, b, expected) in [
        ("rram0", "rram0", true),
        ("rram0", "rram1", false),
        ("rram0", "rram0p1", true),
        ("rram0", "rram0p", false),
        ("rram0", "rram0p12", true),
        ("rram0", "rram0px", false),
        // A name that ends in a digit has its partitions behind a `p`, any other has not.
        ("rram1", "rram10", false),
        ("disk", "disk1", true),
        ("disk", "diskp1", false),
        ("disk", "disks", false),
        ("p1", "0p1", false),
    ] {
        assert_eq!(clash(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        assert_eq!(clash(b.as_bytes(), a.as_bytes()), expected, "{b} {a}");
    }
}

#[test]
fn names_that_take_a_number() {
    for (name, expected) in [
        ("rram0", Some(0)),
        ("rram10", Some(10)),
        ("rram10p3", Some(10)),
        ("rram10p", None),
        ("rram10x", None),
        ("rram010", None),
        ("rram", None),
        ("rramp1", None),
        ("ram1", None),
        ("rram99999999999999999999999", None),
    ] {
        assert_eq!(number_taken(name.as_bytes()), expected, "{name}");
    }
}

proptest! {
    #[test]
    fn a_number_is_taken_by_what_clashes(name in "rram[0-9]{0,3}(p[0-9]{0,2}|x)?", number in 0..200usize) {
        prop_assume!(name != "rram");
        prop_assert_eq!(
            clash(name.as_bytes(), format!("rram{number}").as_bytes()),
            number_taken(name.as_bytes()) == Some(number)
        );
    }
}
