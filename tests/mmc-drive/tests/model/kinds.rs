// SPDX-License-Identifier: GPL-2.0-or-later
//! What formatting and blanking make of each kind of disc but DVD+RW.

use crate::bench::{sense, word, Bench};

/// Mode page 5: incremental recording, as tools set it for a DVD-RW that is not formatted.
fn incremental(bench: &mut Bench) {
    write_type(bench, 0xc0);
}

/// Mode page 5: track at once.
fn at_once(bench: &mut Bench) {
    write_type(bench, 0xc1);
}

fn write_type(bench: &mut Bench, kind: u8) {
    let mut list = vec![0; 8];
    let mut page = [0; 52];
    page[..5].copy_from_slice(&[5, 50, kind & 15, kind & 0xc0 | 5, 8]);
    list.extend(page);
    bench.tell(&[0x55, 0x10, 0, 0, 0, 0, 0, 0, 60], &list);
}

fn track(bench: &mut Bench) -> Vec<u8> {
    bench.ask(&[0x52, 1, 0, 0, 0, 1, 0, 0, 36])
}

#[test]
fn a_full_format_of_a_dvd_rw() {
    for kind in [0x00, 0x10] {
        let mut bench = Bench::new("dvd-rw,blank,blocks=1600");
        assert_eq!(bench.feature(0x21), (0x14, Some(true)));
        assert_eq!(
            bench.formats(),
            [(1, 1600), (0, 1600), (0x10, 1600), (0x15, 1600)]
        );
        assert_eq!((bench.states(), track(&mut bench)[6]), ((0, 0), 0x61));
        assert_eq!(bench.refused(0, 16), "5/64/00");
        assert_eq!(bench.format(1600, kind, 16), "Good");
        assert_eq!(bench.feature(0x26), (0x13, Some(true)));
        assert_eq!((bench.states(), track(&mut bench)[6]), ((14, 0), 0x31));
        assert_eq!(bench.formats()[0], (2, 1600));
        assert_eq!(bench.formats()[4], (0x13, 0));
        bench.fill(1584, 16, 1);
        bench.fill(0, 32, 1);
        assert_eq!(bench.refused(8, 16), "5/21/02");
        assert_eq!(bench.refused(0, 8), "5/64/01");
    }
}

#[test]
fn a_quick_format_of_a_dvd_rw_grows_by_writing() {
    let mut bench = Bench::new("dvd-rw,blank,blocks=1600");
    assert_eq!(bench.format(0, 0x15, 16), "Good");
    assert_eq!(bench.feature(0x26).0, 0x13);
    // Its last session is not complete, and nobody knows its capacity.
    assert_eq!(bench.states(), (6, 0));
    assert_eq!(
        bench.formats(),
        [(3, 1600), (0, 1600), (0x10, 1600), (0x15, 1600)]
    );
    assert_eq!(bench.refused(1600, 16), "5/21/00");
    assert_eq!(bench.refused(32, 16), "5/21/02");
    bench.fill(0, 16, 1);
    bench.fill(16, 32, 2);
    bench.fill(0, 16, 3);
    assert_eq!(bench.refused(64, 16), "5/21/02");
    assert_eq!((bench.size(), bench.count("formatted")), (48, 48));
    let info = track(&mut bench);
    assert_eq!((info[7], word(&info, 12), word(&info, 16)), (1, 48, 1552));
    bench.close(2);
    assert_eq!(bench.states(), (14, 0));
    assert_eq!(bench.formats()[0], (2, 48));
    assert_eq!(bench.formats()[4], (0x13, 1552));
    assert_eq!(bench.refused(48, 16), "5/21/00");
    // It can be made longer.
    assert_eq!(bench.format(0, 0x13, 16), "Good");
    assert_eq!((bench.states(), bench.byte(0)), ((6, 0), 3));
    bench.fill(48, 16, 4);
    bench.close(2);
    assert_eq!(bench.format(32, 0x11, 16), "Good");
    assert_eq!((bench.states(), bench.size()), ((14, 0), 96));
    assert_eq!(bench.byte(48), 4);
    assert_eq!(bench.format(0, 0x13, 16), "Good");
    for block in (96..1600).step_by(16) {
        bench.fill(block, 16, 5);
    }
    assert_eq!((bench.states(), bench.size()), ((14, 0), 1600));
    assert_eq!(bench.format(0, 0x13, 16), "5/26/00");
}

#[test]
fn a_quick_format_of_so_many_blocks() {
    let mut bench = Bench::new("dvd-rw,blocks=1600");
    assert_eq!(bench.format(160, 0x15, 16), "Good");
    bench.fill(144, 16, 1);
    assert_eq!(bench.refused(176, 16), "5/21/02");
    bench.fill(160, 16, 1);
    assert_eq!(bench.size(), 176);
    let mut told = Bench::new("dvd-rw,quick,formatted=32,blocks=1600");
    assert_eq!((told.states(), told.size()), ((6, 0), 32));
    let mut told = Bench::new("dvd-rw,formatted=32,blocks=1600");
    assert_eq!((told.states(), told.size()), ((14, 0), 32));
}

#[test]
fn blanking_takes_the_format_from_a_dvd_rw() {
    for (kind, sequential) in [(0, true), (1, false)] {
        let mut bench = Bench::new("dvd-rw,blocks=1600");
        bench.fill(0, 16, 1);
        bench.tell(&[0xa1, kind], &[]);
        assert_eq!(bench.states(), (0, 0));
        // What was blanked in a hurry cannot be recorded bit by bit.
        assert_eq!(bench.feature(0x21), (0x14, Some(sequential)));
        assert_eq!(bench.count("blanks"), 1);
        assert_eq!(bench.format(0, 0x10, 16), "Good");
        assert_eq!(bench.byte(0), 0);
    }
    let mut bench = Bench::new("dvd-rw");
    for kind in [2, 3, 4, 5, 6] {
        assert_eq!(bench.failed(&[0xa1, kind]), "5/2c/00");
    }
    assert_eq!(bench.failed(&[0xa1, 7]), "5/24/00");
    assert_eq!(Bench::new("cdrw,read-only").failed(&[0xa1, 1]), "7/27/00");
}

#[test]
fn discs_are_recorded_from_their_start_on() {
    for (spec, select) in [
        ("dvd-rw,blank,blocks=1600", incremental as fn(&mut Bench)),
        ("cdrw,blank,blocks=1600", at_once),
    ] {
        let mut bench = Bench::new(spec);
        select(&mut bench);
        assert_eq!(bench.refused(16, 16), "5/21/02");
        bench.fill(0, 24, 1);
        bench.fill(24, 8, 2);
        assert_eq!(bench.refused(0, 16), "5/21/02");
        let info = track(&mut bench);
        assert_eq!((info[7], word(&info, 12), word(&info, 16)), (1, 32, 1568));
        assert_eq!(bench.states(), (5, 0));
        bench.close(1);
        bench.close(2);
        assert_eq!((bench.states(), bench.size()), ((14, 0), 32));
        assert_eq!((bench.byte(23), bench.byte(24)), (1, 2));
        assert_eq!(bench.refused(32, 16), "5/64/00");
        bench.tell(&[0xa1, 6], &[]);
        assert_eq!(bench.states(), (0, 0));
    }
}

#[test]
fn what_is_recorded_as_a_whole_needs_no_closing() {
    let mut bench = Bench::new("dvd-rw,blank,blocks=1600");
    write_type(&mut bench, 2);
    bench.fill(0, 32, 1);
    assert_eq!(
        (bench.states(), word(&track(&mut bench), 24)),
        ((5, 0), 1600)
    );
    bench.tell(&[0x35], &[]);
    assert_eq!(
        (bench.states(), word(&track(&mut bench), 24)),
        ((14, 0), 32)
    );
}

#[test]
fn dvd_rams_come_in_sizes() {
    let mut bench = Bench::new("dvdram,blocks=16384");
    let offered = bench.formats();
    assert_eq!(offered[..2], [(2, 16384), (0, 16384)]);
    assert!(offered[2].1 > 16384 && offered[3].1 < 16384 && offered[3].0 == 1);
    bench.fill(0, 16, 1);
    // More spare blocks cost nothing but capacity.
    assert_eq!(bench.format(offered[3].1, 0x01, 2048), "Good");
    assert_eq!((bench.size(), bench.byte(0)), (offered[3].1, 1));
    assert_eq!(bench.format(offered[2].1, 0x00, 2048), "Good");
    assert_eq!((bench.size(), bench.byte(0)), (offered[2].1, 0));
    assert_eq!(bench.format(16000, 0x00, 2048), "5/26/00");
    assert_eq!(bench.format(offered[2].1, 0x01, 2048), "5/26/00");
}

/// How long a format takes that is not answered before it is done.
fn seconds(bench: &mut Bench, second: u8, header: u8, descriptor: [u8; 8]) -> u64 {
    let mut list = vec![0, header, 0, 8];
    list.extend(descriptor);
    let outcome = bench.run(&[4, second], &list);
    assert_eq!(outcome.answer, rblk_mmc_drive::drive::Answer::Good);
    outcome.takes.as_secs()
}

#[test]
fn certification_takes_time() {
    let mut ram = Bench::new("dvdram,blocks=2236704,time=1");
    let all = 2_236_704_u32.to_be_bytes();
    let full = [all[0], all[1], all[2], all[3], 0, 0, 8, 0];
    let certified = seconds(&mut ram, 0x11, 0x80, full);
    assert!((1500..2000).contains(&certified), "{certified}");
    assert_eq!(seconds(&mut ram, 0x19, 0xa0, full), 60);
    // Without "these bits are valid" none of them counts.
    assert_eq!(seconds(&mut ram, 0x19, 0x20, full), certified);

    let mut bd = Bench::new("bd-re,blank,blocks=11826176,time=0.5");
    let all = 11_826_176_u32.to_be_bytes();
    let sub = |sub: u8| [all[0], all[1], all[2], all[3], 0x30 << 2 | sub, 0, 0x30, 0];
    assert_eq!(seconds(&mut bd, 0x11, 0x80, sub(3)), 30);
    let certified = seconds(&mut bd, 0x11, 0x80, sub(2));
    assert!((2500..3000).contains(&certified), "{certified}");
}

#[test]
fn bd_res_have_spare_areas() {
    let mut bench = Bench::new("bd-re,blank,blocks=11826176");
    assert_eq!(
        (bench.states(), bench.feature(0x20).1),
        ((0, 0), Some(false))
    );
    let offered = bench.formats();
    let kinds: Vec<u8> = offered.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [1, 0x00, 0x30, 0x30, 0x30, 0x31]);
    let sizes: Vec<u32> = offered.iter().map(|(_, blocks)| *blocks).collect();
    assert_eq!(sizes[0], sizes[5]);
    assert!(sizes[3] < sizes[2] && sizes[2] < sizes[4] && sizes[4] < sizes[5]);
    for (kind, blocks, spares) in [
        (0x00, sizes[1], true),
        (0x30, sizes[3], true),
        (0x30, sizes[3] + 320, true),
        (0x31, sizes[5], false),
    ] {
        assert_eq!(bench.format(blocks, kind, 0), "Good");
        assert_eq!((bench.states(), bench.size()), ((14, 0), blocks));
        assert_eq!(bench.formats()[0], (2, blocks));
        assert_eq!(bench.feature(0x24), (0x43, Some(spares)));
        assert_eq!(bench.feature(0x20).1, Some(true));
    }
    assert_eq!(bench.format(sizes[5], 0x30, 0), "5/26/00");
    assert_eq!(bench.format(sizes[2], 0x31, 0), "5/26/00");
    assert_eq!(bench.format(sizes[2] + 1, 0x30, 0), "5/26/00");
}

#[test]
fn write_protection_can_be_seen() {
    for media in ["dvdram", "dvd+rw", "bd-re"] {
        let mut bench = Bench::new(&format!("{media},read-only"));
        assert_eq!(bench.feature(0x20).1, Some(false), "{media}");
        let header = bench.ask(&[0x5a, 8, 0x2a, 0, 0, 0, 0, 0, 8]);
        assert_eq!(header[3], 0x80);
        assert_eq!(bench.ask(&[0x1a, 8, 0x2a, 0, 4])[2], 0x80);
        assert_eq!(bench.refused(0, 32), "7/27/00");
        assert_eq!(bench.format(u32::MAX, 0x26, 0), "7/27/00");
        bench.line(&format!("insert {media}"));
        bench.failed(&[0]);
        assert_eq!(bench.feature(0x20).1, Some(true));
        assert_eq!(bench.ask(&[0x5a, 8, 0x2a, 0, 0, 0, 0, 0, 8])[3], 0);
    }
}

#[test]
fn mount_rainier_formats_run_in_the_background() {
    for media in ["cdrw", "dvd+rw"] {
        let mut bench = Bench::new(&format!(
            "{media},blank,rainier,blocks=16384,format-time=16000"
        ));
        let profile = bench.feature(0x28).0;
        assert_eq!(bench.feature(0x28).1, Some(false));
        let (kind, size) = *bench.formats().last().unwrap();
        assert_eq!((kind, size < 16384), (0x24, true));
        assert_eq!(bench.format(u32::MAX, 0x24, 1), "5/26/00");
        assert_eq!(bench.format(u32::MAX, 0x24, 0), "Good");
        assert_eq!(bench.failed(&[0]), "2/04/04");
        bench.pass(1000);
        assert_eq!((bench.states(), bench.size()), ((14, 2), size));
        assert_eq!(bench.feature(0x28), (profile, Some(true)));
        assert_eq!(bench.feature(0x20).1, Some(true));
        // Blocks of 2 KiB, anywhere.
        bench.fill(5, 1, 1);
        bench.pass(8000);
        bench.close(2);
        assert_eq!(bench.states(), (14, 1));
        assert_eq!(bench.format(u32::MAX, 0x24, 1), "Good");
        bench.pass(20_000);
        assert_eq!((bench.states(), bench.byte(5)), ((14, 3), 1));
        assert_eq!((bench.count("formats"), bench.count("restarts")), (1, 1));
    }
}

#[test]
fn mount_rainier_has_a_mode_page() {
    let mut bench = Bench::new("cdrw,mrw");
    let page = |bench: &mut Bench| bench.ask(&[0x5a, 8, 0x2c, 0, 0, 0, 0, 0, 16])[8..].to_vec();
    assert_eq!(page(&mut bench), [0x2c, 6, 0, 0, 0, 0, 0, 0]);
    let list = [0, 0, 0, 0, 0, 0, 0, 0, 0x2c, 6, 0, 1, 0, 0, 0, 0];
    let select = [0x55, 0x10, 0, 0, 0, 0, 0, 0, 16];
    bench.tell(&select, &list);
    assert_eq!(page(&mut bench)[3], 1);
    assert_eq!(bench.feature(0x28).1, Some(true));
    let mut plain = Bench::new("cdrw");
    assert_eq!(plain.failed(&[0x5a, 8, 0x2c, 0, 0, 0, 0, 0, 16]), "5/24/00");
    assert_eq!(sense(plain.run(&select, &list).answer), "5/26/00");
    assert_eq!(plain.feature(0x28).1, None);
    assert_eq!(plain.format(u32::MAX, 0x24, 0), "5/26/00");
}

#[test]
fn closing_takes_time_after_writes() {
    let mut bench = Bench::new("dvd+rw,state=stopped,time=1");
    let close = |bench: &mut Bench| bench.run(&[0x5b, 0, 2], &[]).takes.as_secs();
    assert_eq!(close(&mut bench), 0);
    bench.fill(0, 16, 1);
    assert_eq!(close(&mut bench), 20);
    assert_eq!(close(&mut bench), 0);
    bench.fill(0, 16, 1);
    bench.tell(&[0x5b, 1, 2], &[]);
    assert_eq!(bench.failed(&[0]), "2/04/07");
    bench.pass(20_500);
    bench.ask(&[0]);
    assert_eq!(bench.count("closes"), 4);
}
