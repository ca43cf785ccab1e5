// SPDX-License-Identifier: GPL-2.0

//! Disk names that cannot both exist.

use rblk_host_tests::ram::logic::names::clash;

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
