// SPDX-License-Identifier: GPL-2.0-or-later
//! Faults.

use crate::bench::{sense, transfer, word, Bench};
use rblk_mmc_drive::drive::Answer;
use std::time::Duration;

fn bench(rule: &str) -> Bench {
    let mut bench = Bench::new("dvd+rw,blocks=1024");
    bench.fill(0, 64, 1);
    bench.line(&format!("fault {rule}"));
    bench
}

#[test]
fn rules_choose_commands() {
    let mut bench = bench("op=write lba=16-31 skip=1 count=2 act=sense:3/0c/00");
    bench.fill(0, 16, 2);
    bench.fill(16, 16, 2);
    assert_eq!(bench.refused(16, 16), "3/0c/00");
    assert_eq!(bench.refused(0, 32), "3/0c/00");
    assert_eq!(bench.line("fault list"), "");
    bench.fill(16, 16, 3);
    assert_eq!(bench.count("faults"), 2);
}

#[test]
fn a_read_fails_at_the_first_bad_block() {
    let mut bench = bench("op=read lba=20 count=inf act=sense:3/11/00");
    let outcome = bench.run(&transfer(0x28, 16, 16), &[]);
    let Answer::Check(found) = outcome.answer else {
        panic!("{outcome:?}")
    };
    assert_eq!(word(&found.bytes(), 3), 20);
    assert_eq!(found.bytes()[0], 0xf0);
    assert_eq!(outcome.data, vec![1; 4 * 2048]);
    assert_eq!(bench.read(16, 4).len(), 4 * 2048);
    bench.line("fault clear");
    assert_eq!(bench.byte(20), 1);
}

#[test]
fn packets_are_torn() {
    let mut bench = bench("op=write act=sense:3/0c/00 done=5");
    let answer = bench.write(16, &[9; 16 * 2048]);
    let Answer::Check(found) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(found.info, Some(21));
    bench.line("powercut");
    bench.failed(&[0]);
    assert_eq!((bench.byte(20), bench.byte(21)), (9, 1));
    assert_eq!(bench.count("torn"), 1);
}

#[test]
fn what_would_be_refused_is_refused_first() {
    let mut bench = bench("op=write act=sense:3/0c/00 done=5");
    assert_eq!(bench.refused(1020, 8), "5/63/00");
}

#[test]
fn failed_writes_change_nothing() {
    let mut bench = bench("op=write act=sense:4/44/00");
    assert_eq!(bench.refused(0, 16), "4/44/00");
    assert_eq!(bench.count("writes"), 1);
    bench.line("fault op=write act=busy");
    assert_eq!(bench.write(0, &[9; 16 * 2048]), Answer::Busy);
    bench.line("fault op=write act=transport:6");
    assert_eq!(bench.write(0, &[9; 16 * 2048]), Answer::Transport(6));
    bench.line("fault op=write act=lose");
    assert_eq!(bench.write(0, &[9; 16 * 2048]), Answer::Good);
    assert_eq!(bench.byte(0), 1);
}

#[test]
fn recovered_errors_do_the_work() {
    let mut bench = bench("op=write act=sense:1/17/01");
    assert_eq!(bench.refused(0, 16), "1/17/01");
    bench.line("fault op=read act=sense:1/17/01");
    let outcome = bench.run(&transfer(0x28, 0, 1), &[]);
    assert_eq!(sense(outcome.answer), "1/17/01");
    assert_eq!(outcome.data.len(), 2048);
    assert_eq!(bench.count("writes"), 2);
}

#[test]
fn deferred_errors_come_later() {
    let mut bench = bench("op=write act=deferred:3/0c/00");
    bench.fill(0, 16, 9);
    let outcome = bench.run(&[0x35], &[]);
    let Answer::Check(found) = outcome.answer else {
        panic!("{outcome:?}")
    };
    assert_eq!(found.bytes()[0], 0x71);
    bench.tell(&[0x35], &[]);
    assert_eq!(bench.byte(0), 1);
}

#[test]
fn late_wrong_and_missing_answers() {
    let mut bench = bench("op=write act=delay:1500");
    let outcome = bench.run(&transfer(0x2a, 0, 16), &[9; 16 * 2048]);
    assert_eq!(outcome.takes, Duration::from_millis(1500));
    bench.line("fault op=read act=corrupt");
    let wrong = bench.read(0, 1);
    assert_eq!(wrong.iter().filter(|byte| **byte != 9).count(), 1);
    assert_eq!(bench.read(0, 1), vec![9; 2048]);
    bench.line("fault op=write act=corrupt");
    bench.fill(0, 16, 4);
    assert_eq!(
        bench.read(0, 16).iter().filter(|byte| **byte != 4).count(),
        1
    );
    bench.line("fault op=35 act=hang");
    assert_eq!(bench.run(&[0x35], &[]).answer, Answer::Never);
}

#[test]
fn a_flush_can_fail_or_lie() {
    let mut bench = bench("op=35 act=sense:3/0c/00");
    assert_eq!(bench.failed(&[0x35]), "3/0c/00");
    assert!(bench.count("cache") > 0);
    bench.line("fault op=35 act=lose");
    bench.tell(&[0x35], &[]);
    assert!(bench.count("cache") > 0);
    bench.tell(&[0x35], &[]);
    assert_eq!(bench.count("cache"), 0);
}

#[test]
fn power_disc_and_drive_go() {
    let mut bench = bench("op=write act=powercut");
    assert_eq!(bench.refused(0, 16), "6/29/00");
    assert_eq!(bench.byte(0), 0);
    bench.line("fault op=write act=eject");
    assert_eq!(bench.refused(0, 16), "2/3a/02");
    bench.line("fault op=any act=unplug");
    assert_eq!(bench.run(&[0], &[]).answer, Answer::Transport(3));
    assert_eq!(bench.count("plugged"), 0);
}

#[test]
fn chance_is_the_same_in_each_run() {
    let failures = || {
        let mut bench = bench("op=read prob=300 count=inf act=sense:3/11/00");
        let read = transfer(0x28, 0, 1);
        let list: Vec<bool> = (0..200)
            .map(|_| bench.run(&read, &[]).answer != Answer::Good)
            .collect();
        list
    };
    let first = failures();
    let n = first.iter().filter(|failed| **failed).count();
    assert!((30..90).contains(&n), "{n}");
    assert_eq!(first, failures());
}

#[test]
fn nonsense_is_no_rule() {
    let mut bench = bench("act=hang");
    let bad = [
        "op=write",
        "act=explode",
        "op=zz act=hang",
        "count=x act=hang",
        "act=hang done=2",
    ];
    for rule in bad
        .iter()
        .chain(&["act=sense:3/0c", "act=sense:33/0c/00", "hang"])
    {
        assert!(bench.try_line(&format!("fault {rule}")).is_err(), "{rule}");
    }
}
