// SPDX-License-Identifier: GPL-2.0-or-later
//! DVD+RW: the format that goes on in the background, is stopped, and restarted.

use crate::bench::{word, Bench};
use rblk_mmc_drive::drive::Answer;

const PLUS: u8 = 0x26;
const ALL: u32 = u32::MAX;
const RESTART: u32 = 1;

/// A disc from the shop in a drive that takes a second for a whole format.
fn new() -> Bench {
    let mut bench = Bench::new("dvd+rw,blank,blocks=16000,format-time=16000");
    assert_eq!(bench.states(), (0, 0));
    assert_eq!(bench.formats(), [(1, 16000), (0x26, 16000)]);
    assert_eq!(bench.feature(0x20), (0x1a, Some(false)));
    assert_eq!(bench.refused(0, 16), "5/64/00");
    bench
}

/// The same with the format begun, so far that it can be written.
fn begun() -> Bench {
    let mut bench = new();
    assert_eq!(bench.format(ALL, PLUS, 0), "Good");
    assert_eq!(bench.failed(&[0]), "2/04/04");
    bench.pass(1000);
    bench.ask(&[0]);
    bench
}

#[test]
fn a_format_runs_while_the_disc_is_used() {
    let mut bench = begun();
    assert_eq!(bench.states(), (14, 2));
    assert_eq!(bench.count("formatted"), 0);
    assert_eq!(bench.feature(0x20).1, Some(true));
    // All of it can be had at once.
    assert_eq!(bench.size(), 16000);
    assert_eq!(bench.formats()[0], (2, 16000));
    bench.fill(8000, 16, 1);
    assert_eq!(bench.byte(8000), 1);
    bench.pass(16000);
    assert_eq!(bench.states(), (14, 3));
    assert_eq!(bench.byte(8000), 1);
    assert_eq!((bench.count("formats"), bench.count("restarts")), (1, 0));
}

#[test]
fn how_far_it_is_can_be_asked() {
    let mut bench = begun();
    bench.pass(4000);
    let sense = bench.ask(&[3, 0, 0, 0, 18]);
    assert_eq!((sense[2], sense[12], sense[13], sense[15]), (0, 4, 4, 0x80));
    assert_eq!(sense[16], 0x40);
    bench.pass(16000);
    assert_eq!(bench.ask(&[3, 0, 0, 0, 18])[12..16], [0; 4]);
}

#[test]
fn a_busy_drive_says_for_how_long() {
    let mut bench = new();
    let event = |bench: &mut Bench, classes| bench.ask(&[0x4a, 1, 0, 0, classes, 0, 0, 0, 8]);
    assert_eq!(event(&mut bench, 0x40), [0, 6, 6, 0x50, 0, 0, 0, 0]);
    bench.format(ALL, PLUS, 0);
    assert_eq!(event(&mut bench, 0x40), [0, 6, 6, 0x50, 1, 1, 0, 10]);
    assert_eq!(event(&mut bench, 0x50)[2..5], [4, 0x50, 2]);
    assert_eq!(event(&mut bench, 0x50)[2..5], [6, 0x50, 1]);
    assert_eq!(event(&mut bench, 0x02)[..4], [0, 2, 0x80, 0x50]);
    assert_eq!(bench.failed(&[0x23, 0, 0, 0, 0, 0, 0, 0, 255]), "2/04/04");
}

#[test]
fn closing_stops_it() {
    for function in [0, 2] {
        let mut bench = begun();
        bench.pass(4000);
        bench.close(function);
        assert_eq!(bench.states(), (14, 1));
        assert_eq!(bench.count("formatted"), 4000);
        assert_eq!(bench.size(), 4000);
        assert_eq!(bench.formats(), [(2, 4000), (0x26, 16000)]);
        let track = bench.ask(&[0x52, 1, 0, 0, 0, 1, 0, 0, 36]);
        assert_eq!(word(&track, 24), 4000);
        bench.pass(100_000);
        bench.fill(3984, 16, 1);
        assert_eq!(bench.refused(4000, 16), "5/21/00");
        assert_eq!(bench.refused(3984, 32), "5/63/00");
        assert_eq!(bench.states(), (14, 1));
    }
    let mut bench = begun();
    assert_eq!(bench.failed(&[0x5b, 1, 6]), "5/24/00");
    assert_eq!(bench.count("closes"), 0);
}

#[test]
fn it_goes_on_where_it_was_stopped() {
    let mut bench =
        Bench::new("dvd+rw,state=stopped,formatted=4000,blocks=16000,format-time=16000");
    assert_eq!((bench.states(), bench.size()), ((14, 1), 4000));
    bench.fill(0, 16, 7);
    assert_eq!(bench.format(0, PLUS, RESTART), "Good");
    bench.pass(1000);
    bench.ask(&[0]);
    assert_eq!((bench.states(), bench.size()), ((14, 2), 16000));
    assert_eq!((bench.byte(0), bench.count("formatted")), (7, 4000));
    assert_eq!((bench.count("formats"), bench.count("restarts")), (0, 1));
    bench.pass(12000);
    assert_eq!(bench.states(), (14, 3));
    // What is complete stays so.
    assert_eq!(bench.format(ALL, PLUS, RESTART), "Good");
    bench.pass(1000);
    assert_eq!((bench.states(), bench.byte(0)), ((14, 3), 7));
    // From the start means: nothing is left.
    assert_eq!(bench.format(16000, PLUS, 0), "Good");
    bench.pass(1000);
    assert_eq!((bench.states(), bench.byte(0)), ((14, 2), 0));
}

#[test]
fn a_write_ahead_of_it_waits_for_it() {
    let mut bench = begun();
    let data = vec![1; 16 * 2048];
    let outcome = bench.run(&crate::bench::transfer(0x2a, 1984, 16), &data);
    assert_eq!(outcome.takes.as_millis(), 2000);
    assert_eq!(bench.count("formatted"), 2000);
    let outcome = bench.run(&crate::bench::transfer(0x2a, 0, 16), &data);
    assert!(outcome.takes.is_zero());
}

#[test]
fn without_power_it_stops() {
    for end in ["powercut", "eject", "unplug"] {
        let mut bench = begun();
        bench.pass(2000);
        bench.ask(&[0]);
        match end {
            "unplug" => bench.drive.unplug(),
            _ => drop(bench.line(end)),
        }
        bench.line("load");
        bench.drive.plug();
        while bench.run(&[0], &[]).answer != Answer::Good {}
        assert_eq!(bench.states(), (14, 1), "{end}");
        assert_eq!(bench.count("bgformat"), 1);
        assert_eq!(bench.count("formatted"), 2000);
    }
}

#[test]
fn two_layers_are_as_one() {
    let mut bench = Bench::new("dvd+rw-dl,blank,format-time=16000");
    assert_eq!(bench.format(ALL, PLUS, 0), "Good");
    bench.pass(9000);
    bench.close(0);
    assert_eq!((bench.states(), bench.size()), ((14, 1), 16384));
    assert_eq!(bench.feature(0x3a), (0x2a, Some(true)));
}

#[test]
fn what_is_no_format_of_it() {
    let mut bench = new();
    assert_eq!(bench.format(ALL, PLUS, RESTART), "5/26/00");
    assert_eq!(bench.format(ALL, 0x00, 0), "5/26/00");
    assert_eq!(bench.format(8000, PLUS, 0), "5/26/00");
    assert_eq!(bench.format(ALL, 0x24, 0), "5/26/00");
    assert_eq!(bench.states(), (0, 0));
}

#[test]
fn without_time_it_is_done_at_once_and_a_running_one_stays() {
    let mut bench = Bench::new("dvd+rw,blank");
    assert_eq!(bench.format(ALL, PLUS, 0), "Good");
    assert_eq!(bench.states(), (14, 3));
    let mut bench = Bench::new("dvd+rw,state=running,formatted=16");
    bench.pass(1_000_000);
    assert_eq!((bench.states(), bench.count("formatted")), ((14, 2), 16));
    assert_eq!(bench.count("bgformat"), 2);
    bench.line("set time=0.001");
    bench.pass(1_000_000);
    assert_eq!(bench.states(), (14, 3));
}

#[test]
fn discs_come_as_told() {
    for (spec, state, blocks) in [
        ("dvd+rw", (14, 3), 32768),
        ("dvd+rw,state=complete", (14, 3), 32768),
        ("dvd+rw,state=stopped", (14, 1), 16384),
        ("dvd+rw,state=running", (14, 2), 32768),
        ("dvd+rw,state=none", (0, 0), 1),
    ] {
        let mut bench = Bench::new(spec);
        assert_eq!((bench.states(), bench.size()), (state, blocks), "{spec}");
    }
    for wrong in [
        "dvdram,state=stopped",
        "dvd+rw,state=4",
        "dvd+rw,formatted=16",
        "dvd+rw,state=stopped,formatted=17",
        "dvd+rw,state=stopped,formatted=32784",
        "dvd+rw,quick",
        "bd-re,mrw",
    ] {
        let (_, medium) = rblk_mmc_drive::options::parse(wrong).unwrap_or_default();
        assert!(
            medium.is_none_or(|medium| medium.make().is_err()),
            "{wrong}"
        );
    }
}
