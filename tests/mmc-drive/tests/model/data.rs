// SPDX-License-Identifier: GPL-2.0-or-later
//! What is written, what is refused, what a power cut leaves.

use crate::bench::{sense, transfer, Bench};
use rblk_mmc_drive::drive::Answer;

fn strict_cd() -> Bench {
    let mut bench = Bench::new("cdrw,blocks=1024");
    bench.packets_of(32, 10);
    bench
}

#[test]
fn rewritable_cds_want_mode_page_5() {
    let mut bench = Bench::new("cdrw,blocks=1024");
    assert_eq!(bench.refused(0, 32), "5/64/00");
    bench.packets_of(32, 8);
    assert_eq!(bench.refused(0, 32), "5/64/00");
    bench.packets_of(16, 10);
    assert_eq!(bench.refused(0, 32), "5/64/01");
    bench.packets_of(32, 10);
    bench.fill(0, 32, 7);
    assert_eq!(bench.byte(31), 7);
    assert_eq!(bench.count("rejected_mode"), 2);
    assert_eq!(bench.count("rejected_partial"), 1);
}

#[test]
fn strict_drives_take_whole_packets_only() {
    let mut bench = strict_cd();
    assert_eq!(bench.refused(1, 32), "5/21/02");
    assert_eq!(bench.refused(32, 31), "5/64/01");
    assert_eq!(bench.refused(32, 64), "5/64/01");
    assert_eq!(bench.refused(1024, 32), "5/21/00");
    assert_eq!(bench.refused(992, 64), "5/63/00");
    assert_eq!(bench.refused(u32::MAX, 32), "5/21/00");
    assert_eq!(bench.count("writes"), 0);
    assert_eq!(bench.count("writes_rejected"), 6);
    assert_eq!(bench.count("rejected_unaligned"), 1);
    assert_eq!(bench.count("rejected_range"), 3);
    assert_eq!(bench.count("wear_packets"), 0);
    assert_eq!(bench.byte(32), 0);
    bench.line("set multiples");
    bench.fill(32, 64, 9);
    assert_eq!(bench.byte(95), 9);
}

#[test]
fn alignment_counts_from_where_the_track_starts() {
    let mut bench = Bench::new("dvd+rw,strict,blocks=1024,start=8");
    assert_eq!(bench.refused(0, 16), "5/21/00");
    assert_eq!(bench.refused(16, 16), "5/21/02");
    bench.fill(8, 16, 3);
    assert_eq!(bench.byte(8), 3);
    assert_eq!(bench.line("wear"), "8 1\n");
}

#[test]
fn tolerant_drives_help_themselves() {
    let mut bench = Bench::new("dvd+rw,blocks=1024");
    bench.fill(0, 48, 1);
    assert_eq!(bench.count("rmw"), 0);
    bench.fill(8, 4, 2);
    assert_eq!(bench.count("rmw"), 1);
    bench.fill(24, 32, 3);
    assert_eq!(bench.count("rmw"), 3);
    let bytes: Vec<u8> = [7, 8, 11, 12, 23, 24, 55, 56]
        .map(|block| bench.byte(block))
        .into();
    assert_eq!(bytes, [1, 2, 2, 1, 1, 3, 3, 0]);
    assert_eq!(bench.count("writes_partial"), 2);
    assert_eq!(bench.count("wear_max"), 2);
}

#[test]
fn what_was_not_synchronised_is_lost() {
    let mut bench = strict_cd();
    bench.fill(0, 32, 1);
    bench.tell(&[0x35], &[]);
    bench.fill(0, 32, 2);
    bench.fill(32, 32, 2);
    assert_eq!(bench.byte(0), 2);
    assert_eq!(bench.count("cache"), 2);
    assert_eq!(bench.count("dirty_reads"), 1);
    bench.line("powercut");
    assert_eq!(bench.failed(&[0]), "6/29/00");
    assert_eq!((bench.byte(0), bench.byte(32)), (1, 0));
    assert_eq!(bench.count("cache_lost"), 2);
    assert_eq!(bench.refused(0, 32), "5/64/00");
}

#[test]
fn time_is_counted_as_a_real_drive_takes_it() {
    let mut bench = strict_cd();
    bench.line("reset-stats");
    bench.fill(0, 32, 1);
    bench.fill(32, 32, 1);
    // Ten times 176.4 kB/s, one packet after the other.
    let packets = 2 * 32 * 2048 * 1000 / 1764;
    assert!(bench.count("time_write").abs_diff(packets) < 10);
    assert_eq!(bench.count("time_seek"), 0);
    bench.tell(&[0x35], &[]);
    let end = bench.count("time_sync");
    assert!(end > 0 && end < packets, "written once more: {end}");
    // There is nothing to end.
    bench.tell(&[0x35], &[]);
    assert_eq!(bench.count("time_sync"), end);
    bench.byte(0);
    assert!(bench.count("time_seek") > 0 && bench.count("time_read") > 0);
    assert!(bench.count("time_write").abs_diff(packets) < 10);
}

#[test]
fn forced_writes_and_full_caches_reach_the_disc() {
    let mut bench = Bench::new("dvd+rw,blocks=1024,cache=2");
    let mut forced = transfer(0x2a, 0, 16);
    forced[1] = 8;
    bench.tell(&forced, &vec![1; 16 * 2048]);
    for packet in 1..5 {
        bench.fill(packet * 16, 16, 1);
    }
    bench.line("powercut");
    bench.failed(&[0]);
    let kept: Vec<u8> = (0..5).map(|packet| bench.byte(packet * 16)).collect();
    assert_eq!(kept, [1, 1, 1, 0, 0]);
    assert_eq!(bench.count("evictions"), 2);
}

#[test]
fn without_write_back_nothing_is_lost() {
    let mut bench = Bench::new("dvd+rw,blocks=1024");
    let mut list = vec![0; 8];
    list.extend([8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bench.tell(&[0x55, 0x10, 0, 0, 0, 0, 0, 0, 20], &list);
    bench.fill(0, 16, 1);
    assert_eq!(bench.count("cache"), 0);
}

#[test]
fn reads_before_a_flush_can_be_refused() {
    let mut bench = Bench::new("dvd+rw,blocks=1024,strict-cache");
    bench.fill(0, 16, 1);
    assert_eq!(bench.failed(&transfer(0x28, 512, 1)), "5/2c/00");
    bench.tell(&[0x35], &[]);
    assert_eq!(bench.byte(0), 1);
}

#[test]
fn protected_and_blank_discs_take_nothing() {
    assert_eq!(Bench::new("dvdram,read-only").refused(0, 16), "7/27/00");
    let mut blank = Bench::new("cdrw,blank");
    blank.packets_of(32, 10);
    assert_eq!(blank.refused(0, 32), "5/64/00");
    assert_eq!(blank.failed(&transfer(0x28, 0, 1)), "5/64/00");
}

#[test]
fn all_forms_of_commands_transfer() {
    let mut bench = Bench::new("bd-re,blocks=1024");
    let long = |op| [op, 0, 0, 0, 0, 32, 0, 0, 0, 32, 0, 0];
    let data = vec![5; 32 * 2048];
    bench.tell(&long(0xaa), &data);
    assert_eq!(bench.ask(&long(0xa8)), data);
    assert_eq!(bench.failed(&transfer(0x28, 1023, 2)), "5/21/00");
    assert!(bench.read(0, 0).is_empty());
}

#[test]
fn a_write_without_its_data_is_refused() {
    let mut bench = Bench::new("dvd+rw");
    let answer = bench.run(&transfer(0x2a, 0, 16), &[0; 2048]).answer;
    assert_eq!(sense(answer), "5/24/00");
    assert_eq!(bench.run(&transfer(0x2a, 0, 0), &[]).answer, Answer::Good);
}

#[test]
fn a_file_has_what_is_on_the_disc() {
    let path = std::env::temp_dir().join(format!("mmc-drive-{}", std::process::id()));
    let spec = format!("dvd+rw,blocks=64,file={}", path.display());
    let mut bench = Bench::new(&spec);
    bench.fill(16, 16, 6);
    bench.tell(&[0x35], &[]);
    bench.fill(32, 16, 6);
    let content = std::fs::read(&path).unwrap();
    let mut again = Bench::new(&spec);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(content.len(), 64 * 2048);
    assert_eq!((content[16 * 2048], content[32 * 2048]), (6, 0));
    assert_eq!((again.byte(16), again.byte(32)), (6, 0));
}
