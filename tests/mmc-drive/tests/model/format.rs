// SPDX-License-Identifier: GPL-2.0-or-later
//! Blanking and formatting.

use crate::bench::{word, Bench};

fn format(bench: &mut Bench, blocks: u32, kind: u8, parameter: u32) -> String {
    bench.format(blocks, kind, parameter)
}

#[test]
fn a_cd_is_blanked_and_formatted_as_cdrwtool_does() {
    let mut bench = Bench::new("cdrw,blocks=4096");
    bench.packets_of(32, 8);
    bench.tell(&[0xa1, 0x11], &[]);
    let info = bench.ask(&[0x51, 0, 0, 0, 0, 0, 0, 0, 34]);
    assert_eq!(info[2], 0x10);
    let (m, s, f) = (
        u32::from(info[21]),
        u32::from(info[22]),
        u32::from(info[23]),
    );
    let b = (m * 60 + s) * 75 + f - 152;
    assert_eq!((b + 7) / 39 * 32, 4096);
    assert_eq!(bench.failed(&[0x43, 0, 0, 0, 0, 0, 0, 0, 12]), "5/24/00");
    assert_eq!(format(&mut bench, 2048, 0x10, 32), "Good");
    assert_eq!(word(&bench.ask(&[0x25]), 0), 2047);
    let track = bench.ask(&[0x52, 1, 0, 0, 0, 1, 0, 0, 36]);
    assert_eq!((track[6], word(&track, 24)), (0x31, 2048));
    bench.fill(0, 32, 1);
    assert_eq!(bench.count("blanks") + bench.count("formats"), 2);
}

#[test]
fn long_operations_tell_how_far_they_are() {
    let mut bench = Bench::new("cdrw,format-time=1000");
    bench.tell(&[0xa1, 0x11], &[]);
    bench.pass(500);
    let outcome = bench.run(&[0], &[]);
    let rblk_mmc_drive::drive::Answer::Check(sense) = outcome.answer else {
        panic!("{outcome:?}")
    };
    assert_eq!(sense.to_string(), "2/04/04");
    assert!((32000..33500).contains(&sense.progress.unwrap()));
    let sense = bench.ask(&[3, 0, 0, 0, 18]);
    assert_eq!((sense[2], sense[15]), (0, 0x80));
    bench.pass(600);
    bench.ask(&[0]);
}

#[test]
fn formats_of_other_discs() {
    assert_eq!(format(&mut Bench::new("dvd+rw"), u32::MAX, 0x26, 0), "Good");
    assert_eq!(format(&mut Bench::new("dvdram"), 0, 0x00, 2048), "Good");
    assert_eq!(format(&mut Bench::new("bd-re"), 0, 0x30, 0), "Good");
    assert_eq!(format(&mut Bench::new("dvd+rw"), 0, 0x10, 32), "5/26/00");
    assert_eq!(
        format(&mut Bench::new("cdrw,blocks=64"), 96, 0x10, 32),
        "5/26/00"
    );
    assert_eq!(format(&mut Bench::new("cdrw"), 65, 0x10, 32), "5/26/00");
    assert_eq!(
        format(&mut Bench::new("dvdram,read-only"), 0, 0, 0),
        "7/27/00"
    );
    assert_eq!(Bench::new("dvd+rw").failed(&[0xa1, 0x11]), "5/64/00");
    assert_eq!(Bench::new("cdrw").failed(&[4, 0x11]), "5/1a/00");
}

#[test]
fn what_was_on_it_is_gone() {
    let mut bench = Bench::new("dvd+rw");
    bench.fill(0, 16, 1);
    bench.tell(&[0x35], &[]);
    bench.fill(16, 16, 1);
    format(&mut bench, 0, 0x26, 0);
    assert_eq!((bench.byte(0), bench.byte(16)), (0, 0));
}

#[test]
fn capacities_for_format_tools() {
    let mut bench = Bench::new("cdrw,blocks=4096");
    let list = bench.ask(&[0x23, 0, 0, 0, 0, 0, 0, 0, 255]);
    assert_eq!(list.len(), 4 + usize::from(list[3]));
    assert_eq!((word(&list, 4), list[8], word(&list, 12)), (4096, 2, 4096));
    assert_eq!(list[16] >> 2, 0x10);
    bench.line("eject");
    assert_eq!(bench.ask(&[0x23, 0, 0, 0, 0, 0, 0, 0, 255])[8], 3);
}

#[test]
fn tracks_are_reserved_on_blank_discs() {
    let mut bench = Bench::new("cdrw,blank");
    bench.tell(&[0x53], &[]);
    assert_eq!(bench.ask(&[0x51, 0, 0, 0, 0, 0, 0, 0, 34])[2], 0x18);
    assert_eq!(Bench::new("cdrw").failed(&[0x53]), "5/2c/00");
    Bench::new("cdrw").tell(&[0x5b, 1, 1], &[]);
}

#[test]
fn what_was_on_it_stays_unless_it_is_certified() {
    for (spec, packet, certify) in [
        ("dvdram,blocks=4096", 16, [0x80, 0x00]),
        ("bd-re,blocks=65536", 32, [0x80, 0x30 << 2 | 2]),
    ] {
        let mut bench = Bench::new(spec);
        // One is on the disc, the other still in the cache.
        bench.fill(0, packet, 1);
        bench.tell(&[0x35], &[]);
        bench.fill(packet.into(), packet, 1);
        bench.tell(&[4, 0x11], &[0, 0xa0, 0, 8, 0, 0, 0, 0, 0, 0, 8, 0]);
        assert_eq!((bench.byte(0), bench.byte(packet.into())), (1, 1), "{spec}");
        let [flags, kind] = certify;
        bench.tell(&[4, 0x11], &[0, flags, 0, 8, 0, 0, 0, 0, kind, 0, 0, 0]);
        assert_eq!((bench.byte(0), bench.byte(packet.into())), (0, 0), "{spec}");
    }
}

#[test]
fn a_disc_of_a_recorder() {
    for kind in ["cdrw", "dvd-rw"] {
        let mut bench = Bench::new(&format!("{kind},recorder=512,blocks=4096"));
        // It is not closed, and so is its last session.
        assert_eq!(bench.ask(&[0x51, 0, 0, 0, 0, 0, 0, 0, 34])[2] & 15, 5);
        assert_eq!(
            bench.failed(&crate::bench::transfer(0x28, 511, 1)),
            "5/21/00"
        );
        assert_eq!(bench.byte(512), 0);
        bench.tell(&[0xa1, 0x11], &[]);
        assert_eq!(bench.ask(&[0x51, 0, 0, 0, 0, 0, 0, 0, 34])[2] & 15, 0);
        bench.format(4096, 0x10, 32);
        assert_eq!(bench.byte(0), 0);
    }
    for spec in [
        "dvd+rw,recorder=16",
        "dvd-rw,quick,recorder=16",
        "cdrw,recorder=4096,blocks=32",
    ] {
        assert!(rblk_mmc_drive::options::parse(spec)
            .unwrap()
            .1
            .unwrap()
            .make()
            .is_err());
    }
}
