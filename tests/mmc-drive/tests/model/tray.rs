// SPDX-License-Identifier: GPL-2.0-or-later
//! Tray, lock and events; speeds.

use crate::bench::{transfer, word, Bench};
use std::time::Duration;

const EJECT: [u8; 5] = [0x1b, 0, 0, 0, 2];
const LOAD: [u8; 5] = [0x1b, 0, 0, 0, 3];

fn event(bench: &mut Bench) -> (u8, u8) {
    let reply = bench.ask(&[0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8]);
    (reply[4], reply[5])
}

fn lock(bench: &mut Bench, locked: u8) {
    bench.tell(&[0x1e, 0, 0, 0, locked], &[]);
}

#[test]
fn a_locked_tray_stays_shut() {
    let mut bench = Bench::new("cdrw");
    lock(&mut bench, 1);
    assert_eq!(bench.failed(&EJECT), "5/53/02");
    assert_eq!(bench.line("button"), "locked\n");
    assert_eq!(event(&mut bench), (1, 2));
    assert_eq!(event(&mut bench), (0, 2));
    lock(&mut bench, 0);
    bench.tell(&EJECT, &[]);
    assert_eq!(event(&mut bench), (3, 1));
    assert_eq!(bench.failed(&[0]), "2/3a/02");
    bench.tell(&LOAD, &[]);
    assert_eq!(bench.failed(&[0]), "6/28/00");
    assert_eq!(event(&mut bench), (2, 2));
    bench.ask(&[0]);
    assert_eq!((bench.count("locks"), bench.count("unlocks")), (1, 1));
}

#[test]
fn an_eject_flushes_and_a_pull_does_not() {
    let mut bench = Bench::new("dvd+rw");
    bench.fill(0, 16, 1);
    bench.tell(&EJECT, &[]);
    bench.tell(&LOAD, &[]);
    bench.failed(&[0]);
    bench.fill(16, 16, 1);
    lock(&mut bench, 1);
    bench.line("eject");
    bench.line("load");
    bench.failed(&[0]);
    assert_eq!((bench.byte(0), bench.byte(16)), (1, 0));
    assert_eq!(bench.count("cache_lost"), 1);
}

#[test]
fn another_disc_is_another_disc() {
    let mut bench = Bench::new("cdrw");
    bench.packets_of(32, 10);
    bench.fill(0, 32, 1);
    bench.line("insert dvd+rw,blocks=2048");
    assert_eq!(bench.failed(&[0]), "6/28/00");
    assert_eq!(word(&bench.ask(&[0x25]), 0), 2047);
    assert_eq!(bench.byte(0), 0);
    assert_eq!(bench.count("strict"), 0);
    bench.line("insert none");
    assert_eq!(bench.failed(&[0]), "2/3a/01");
    bench.line("reset");
    assert_eq!(bench.failed(&[0]), "6/29/00");
    assert_eq!(bench.failed(&[0]), "6/28/00");
    assert_eq!(bench.count("blocks"), 32768);
}

#[test]
fn discs_have_numbers_if_they_are_given_some() {
    let mut bench = Bench::new("dvd+rw,id=cafe0001");
    let info = bench.ask(&[0x51, 0, 0, 0, 0, 0, 0, 0, 34]);
    assert_eq!((info[7] & 0x80, word(&info, 12)), (0x80, 0xcafe_0001));
    bench.line("insert dvd+rw");
    assert_eq!(bench.failed(&[0]), "6/28/00");
    let info = bench.ask(&[0x51, 0, 0, 0, 0, 0, 0, 0, 34]);
    assert_eq!((info[7] & 0x80, word(&info, 12)), (0, 0));
}

#[test]
fn an_exchange_goes_unseen() {
    let mut bench = Bench::new("dvd+rw,blocks=1024");
    bench.line("spare dvd+rw,blocks=2048");
    bench.line("fault op=35 act=exchange");
    bench.fill(0, 16, 1);
    bench.tell(&[0x35], &[]);
    assert_eq!(event(&mut bench), (0, 2));
    assert_eq!(word(&bench.ask(&[0x25]), 0), 2047);
    assert_eq!(bench.byte(0), 0);
    // There was one disc at hand.
    bench.line("fault op=35 act=exchange");
    bench.tell(&[0x35], &[]);
    assert_eq!(bench.failed(&[0]), "2/3a/01");
}

#[test]
fn a_drive_is_made_another_and_reset() {
    let mut bench = Bench::new("cdrw,strict-cache,blocks=2048");
    bench.line("reset dvd+rw,blocks=1024,cache=4");
    assert_eq!(bench.failed(&[0]), "6/29/00");
    assert_eq!(bench.failed(&[0]), "6/28/00");
    bench.fill(0, 16, 1);
    bench.read(0, 1);
    assert_eq!(bench.count("blocks"), 1024);
    assert!(bench.try_line("reset dvd+rw,blocks=1").is_err());
    bench.line("reset");
    bench.failed(&[0]);
    bench.failed(&[0]);
    assert_eq!((bench.count("blocks"), bench.count("strict")), (2048, 1));
}

#[test]
fn attentions_do_not_stop_everything() {
    let mut bench = Bench::new("cdrw");
    bench.line("powercut");
    bench.ask(&[0x12, 0, 0, 0, 36]);
    event(&mut bench);
    bench.ask(&[0x46, 0, 0, 0, 0, 0, 0, 0, 8]);
    let sense = bench.ask(&[3, 0, 0, 0, 18]);
    assert_eq!((sense[2], sense[12]), (6, 0x29));
    bench.ask(&[0]);
    assert_eq!(bench.failed(&[0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8]), "5/24/00");
}

#[test]
fn speeds_are_kept_and_take_time() {
    let mut bench = Bench::new("cdrw,time=1");
    bench.packets_of(32, 10);
    bench.tell(&[0xbb, 0, 255, 255, 2, 0xc0], &[]);
    assert_eq!(
        (bench.count("read_speed"), bench.count("write_speed")),
        (1764, 704)
    );
    let outcome = bench.run(&transfer(0x2a, 0, 32), &[0; 32 * 2048]);
    let wanted = Duration::from_secs_f64(65536.0 / 704_000.0);
    assert!(
        outcome.takes.abs_diff(wanted) < Duration::from_millis(1),
        "{outcome:?}"
    );
    let far = bench.run(&transfer(0x28, 32000, 1), &[]);
    assert!(far.takes > Duration::from_millis(140), "{far:?}");
    let mut streaming = [0; 28];
    for (at, n) in [(12, 1000u32), (16, 1000), (20, 500), (24, 1000)] {
        streaming[at..at + 4].copy_from_slice(&n.to_be_bytes());
    }
    bench.tell(&[0xb6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 28], &streaming);
    assert_eq!(
        (bench.count("read_speed"), bench.count("write_speed")),
        (1000, 500)
    );
    assert_eq!(bench.count("speed_sets") + bench.count("streaming_sets"), 2);
    let list = bench.ask(&[0xac, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3]);
    assert_eq!((word(&list, 12), word(&list, 20)), (32767, 1764));
}

#[test]
fn speeds_outlast_the_disc() {
    let mut bench = Bench::new("cdrw,time=1");
    let speeds = |bench: &mut Bench| (bench.count("read_speed"), bench.count("write_speed"));
    bench.tell(&[0xbb, 0, 2, 0xc0, 1, 0x60], &[]);
    assert_eq!(speeds(&mut bench), (704, 352));
    bench.line("insert dvd+rw,blocks=1600");
    bench.failed(&[0]);
    assert_eq!(speeds(&mut bench), (704, 352));
    // Reads are as slow as the read speed says.
    let outcome = bench.run(&transfer(0x28, 0, 176), &[]);
    assert_eq!(outcome.takes.as_millis(), 512);
    let current = bench.ask(&[0xac, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    assert_eq!((current[4], word(&current, 12)), (2, 352));
    bench.tell(&[0xbb, 0, 0xff, 0xff, 0xff, 0xff], &[]);
    assert_eq!(speeds(&mut bench), (5540, 5540));
    bench.tell(&[0xbb, 0, 2, 0xc0, 1, 0x60], &[]);
    bench.line("powercut");
    assert_eq!(speeds(&mut bench), (5540, 5540));
}

#[test]
fn write_speeds_are_listed() {
    let mut bench = Bench::new("bd-re");
    let ask = |bench: &mut Bench, n| bench.ask(&[0xac, 0, 0, 0, 0, 0, 0, 0, 0, n, 3]);
    assert_eq!((ask(&mut bench, 1).len(), ask(&mut bench, 1)[3]), (24, 36));
    assert_eq!(ask(&mut bench, 9).len(), 40);
}

#[test]
fn slow_drives_are_slow() {
    let mut bench = Bench::new("dvd+rw");
    bench.line("set slow=250");
    let outcome = bench.run(&transfer(0x2a, 0, 16), &[0; 16 * 2048]);
    assert_eq!(outcome.takes, Duration::from_millis(250));
    bench.tell(&[0x54, 1], &[]);
    assert_eq!(bench.count("opc"), 1);
}

#[test]
fn a_guest_that_gives_up_the_controller() {
    for (option, lost) in [("", 0), (",guest-power", 1)] {
        let mut bench = Bench::new(&format!("dvd+rw{option}"));
        bench.fill(0, 16, 1);
        lock(&mut bench, 1);
        bench.drive.given_up();
        assert_eq!(bench.count("cache_lost"), lost);
        assert_eq!(bench.count("power_cuts"), lost);
        assert_eq!(bench.count("locked"), 0);
        assert_eq!(bench.failed(&[0]), "6/29/00");
    }
}
