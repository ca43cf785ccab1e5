// SPDX-License-Identifier: GPL-2.0-or-later
//! The control line: the write log, cuts, traces.

use crate::bench::Bench;

/// A log: A and B, flush, A again, C.
fn logged() -> Bench {
    let mut bench = Bench::new("dvd+rw,blocks=1024");
    bench.fill(0, 16, 1);
    bench.line("log start");
    bench.fill(0, 16, 2);
    bench.fill(16, 16, 2);
    bench.tell(&[0x35], &[]);
    bench.fill(0, 16, 3);
    bench.fill(32, 16, 3);
    bench
}

fn after(bench: &mut Bench, cut: &str) -> Vec<u8> {
    bench.line(cut);
    assert_eq!(bench.failed(&[0]), "6/29/00");
    assert_eq!(bench.failed(&[0]), "6/28/00");
    [0, 16, 32].map(|block| bench.byte(block)).into()
}

#[test]
fn the_disc_after_a_power_cut_anywhere() {
    let mut bench = logged();
    assert_eq!(bench.line("log count"), "5\n");
    assert_eq!(after(&mut bench, "cut 5"), [2, 2, 0]);
    assert_eq!(after(&mut bench, "cut 5 all"), [3, 2, 3]);
    assert_eq!(after(&mut bench, "cut 2"), [1, 0, 0]);
    assert_eq!(after(&mut bench, "cut 1 all"), [2, 0, 0]);
    assert_eq!(after(&mut bench, "cut 0"), [1, 0, 0]);
    assert!(bench.try_line("cut 6").is_err());
}

#[test]
fn some_of_what_was_not_flushed_stays() {
    let mut bench = logged();
    let mut seen: Vec<Vec<u8>> = (0..40)
        .map(|n| after(&mut bench, &format!("cut 5 {n}")))
        .collect();
    assert_eq!(after(&mut bench, "cut 5 7"), seen[7]);
    seen.sort();
    seen.dedup();
    assert_eq!(seen, [[2, 2, 0], [2, 2, 3], [3, 2, 0], [3, 2, 3]]);
}

#[test]
fn the_log_tells_what_was_written() {
    let mut bench = logged();
    let list = bench.line("log list");
    let crc = crc32fast::hash(&[2; 16 * 2048]);
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines[1], format!("2 write 16 16 {crc:08x}"));
    assert_eq!(lines[2], "3 sync");
    assert_eq!(bench.line("log list 5").lines().count(), 1);
    bench.line("log stop");
    bench.fill(0, 16, 9);
    assert_eq!(bench.line("log count"), "5\n");
}

#[test]
fn a_failed_flush_is_none() {
    let mut bench = Bench::new("dvd+rw");
    bench.line("log start");
    bench.fill(0, 16, 1);
    bench.line("fault op=35 act=sense:4/44/00");
    bench.failed(&[0x35]);
    assert_eq!(bench.line("log count"), "1\n");
}

#[test]
fn counters_and_traces() {
    let mut bench = Bench::new("dvd+rw");
    bench.fill(16, 16, 1);
    bench.refused(40000, 16);
    let trace = bench.line("trace 2");
    assert_eq!(trace, "2 2a 16 16 ok\n3 2a 40000 16 5/21/00\n");
    assert!(bench.line("stats").contains("\nsense_5/21/00 1\n"));
    bench.line("reset-stats");
    assert_eq!(bench.count("writes") + bench.count("commands"), 0);
    assert!(bench.try_line("dance").is_err());
    assert!(bench.try_line("set dance=1").is_err());
    assert!(bench.try_line("insert dvd-r").is_err());
    assert!(bench.line("page5").starts_with("05 32 01 c5 08"));
}

#[test]
fn a_drive_begins_anew() {
    let mut bench = Bench::new("dvd+rw,blocks=1024");
    bench.fill(0, 16, 1);
    bench.line("set strict");
    bench.line("fault act=hang");
    bench.line("reset");
    bench.failed(&[0]);
    bench.failed(&[0]);
    assert_eq!(bench.byte(0), 0);
    assert_eq!((bench.count("strict"), bench.count("writes")), (0, 0));
}
