// SPDX-License-Identifier: GPL-2.0

//! Each medium in each state, in drives that each have a way of their own.

use crate::bench::Bench;
use crate::quirks::Quirk;
use rblk_host_tests::pktcdvd::logic::mmc::{
    disc::Formatted,
    finish::Finished,
    medium::Restart,
    probe::{Access, Probe},
    refusal::{Errno, Refusal},
};

const BLOCKS: u64 = 16384;

/// What can be written, after the drive has gone on with its format if that was stopped.
const WRITTEN: [&str; 14] = [
    "cdrw",
    "dvd-rw",
    "dvd+rw",
    "dvd+rw,state=stopped,formatted=2048",
    "dvd+rw,state=stopped,formatted=0",
    "dvd+rw,state=running,formatted=2048",
    "dvd+rw-dl,state=stopped,formatted=2048",
    "dvd+rw-dl,state=running",
    "cdrw,mrw",
    "cdrw,mrw,state=stopped",
    "dvd+rw,mrw,state=stopped",
    "dvd+rw,mrw,state=running",
    "dvdram",
    "bd-re",
];

/// What drives do, and nothing at all.
fn quirks() -> impl Iterator<Item = &'static str> {
    Quirk::ALL.into_iter().map(|(name, _)| name).chain([""])
}

fn drive(media: &str, quirk: &str, more: &str) -> Bench {
    let options = "strict,strict-cache";
    Bench::new(&format!(
        "{media},{options},blocks={BLOCKS},quirks={quirk}{more}"
    ))
}

/// Whether the driver cannot know how to write that.
fn is_mystery(media: &str, quirk: &str) -> bool {
    let plain_cd = media == "cdrw";

    // Of a CD-RW nothing but its track tells the size of packets.
    plain_cd && matches!(quirk, "no-track-info" | "no-packet-size")
}

#[test]
fn each_medium_is_written_as_a_whole_in_each_drive() {
    for media in WRITTEN {
        for quirk in quirks() {
            // A drive that takes no time, and one that takes a quarter of an hour for a format.
            for more in ["", ",format-time=900000"] {
                let mut drive = drive(media, quirk, more);
                let verdict = drive.look(Access::Write);
                let medium = verdict.unwrap_or_else(|refusal| panic!("{media} {quirk}: {refusal}"));
                if media.contains("dvd+rw,mrw") && quirk == "few-features" {
                    // Nothing but a feature tells it from other DVD+RW.
                    continue;
                }
                if is_mystery(media, quirk) {
                    assert!(medium.writing.is_err(), "{media} {quirk}");
                    continue;
                }
                if let Err(refusal) = medium.writing {
                    panic!("{media} {quirk}{more}: {refusal}");
                }

                let usable = if media.contains("mrw") {
                    BLOCKS * 17 / 18 - 32..=BLOCKS
                } else {
                    BLOCKS..=BLOCKS
                };
                assert!(usable.contains(&medium.blocks), "{media} {quirk}{more}");
                assert!(drive.waited_ms < 120_000, "{media} {quirk}{more}");
                drive.use_all_over(&medium, 0x5a);
                let finish = drive.finish(&medium);
                assert!(
                    !matches!(finish.finished(), Finished::Failed(_)),
                    "{media} {quirk}{more}: {finish:?}"
                );
                assert_ne!(drive.get("bgformat"), 2, "{media} {quirk}{more}");

                // The next one finds it as it was left: with all of it, or what was reached.
                let mut again = drive.look(Access::Write).unwrap();
                assert!(
                    medium.identity.allows(&again.identity),
                    "{media} {quirk}{more}"
                );
                again.blocks = medium.blocks;
                drive.use_all_over(&again, 0xa5);
            }
        }
    }
}

#[test]
fn speeds_are_given_back() {
    // A disc that is for 4x, in a drive that can do more.
    let mut drive = drive("cdrw", "", ",patch=43@16:12");
    let own = (drive.get("read_speed"), drive.get("write_speed"));
    let medium = drive.look(Access::Write).unwrap();

    assert_eq!(drive.get("read_speed"), own.0);
    assert!(drive.get("write_speed") < own.1);
    drive.finish(&medium);
    let end = (drive.get("read_speed"), drive.get("write_speed"));
    assert_eq!(end, own);
}

#[test]
fn who_only_reads_changes_nothing() {
    for media in WRITTEN {
        for quirk in quirks() {
            let mut drive = drive(media, quirk, ",format-time=60000");
            let before = drive.get("bgformat");
            let medium = drive
                .look(Access::Read)
                .unwrap_or_else(|refusal| panic!("{media} {quirk}: {refusal}"));

            assert_eq!(drive.get("bgformat"), before, "{media} {quirk}");
            for count in [
                "restarts",
                "formats",
                "closes",
                "speed_sets",
                "mode_selects",
                "writes",
            ] {
                assert_eq!(drive.get(count), 0, "{media} {quirk} {count}");
            }
            if media == "dvd+rw,state=stopped,formatted=2048" && quirk != "run-out" {
                assert_eq!(medium.blocks, 2048, "{quirk}");
            }
        }
    }
}

#[test]
fn a_writer_who_comes_after_readers_gets_all_of_it() {
    for media in [
        "dvd+rw,state=stopped,formatted=2048",
        "dvd+rw-dl,state=stopped",
    ] {
        for quirk in quirks() {
            let mut drive = drive(media, quirk, ",format-time=900000");
            let seen = drive.look(Access::Read).unwrap();
            let medium = drive.run(Probe::again(Access::Write, &seen, 0)).unwrap();

            assert_eq!(medium.restart, Restart::Done, "{media} {quirk}");
            assert_eq!(medium.formatted, Formatted::Running);
            assert_eq!(medium.blocks, BLOCKS, "{media} {quirk}");
            drive.use_all_over(&medium, 1);
        }
    }
}

#[test]
fn a_drive_that_loses_its_power_goes_on() {
    for quirk in quirks() {
        let mut drive = drive(
            "dvd+rw,state=stopped,formatted=2048",
            quirk,
            ",format-time=900000",
        );
        let medium = drive.look(Access::Write).unwrap();

        drive.order("powercut");
        assert_eq!(drive.get("bgformat"), 1);
        // As after each reset: what is it, and is it ready.
        let found = drive.look(Access::Read).unwrap();
        assert!(medium.identity.allows(&found.identity), "{quirk}");
        drive.run(Probe::again(Access::Write, &medium, 0)).unwrap();
        assert_eq!(drive.get("restarts"), 2, "{quirk}");
        drive.use_all_over(&medium, 2);
    }
}

#[test]
fn what_has_to_be_formatted_is_refused_and_not_touched() {
    for (media, command) in [
        ("cdrw,blank", "cdrwtool -d DRIVE -q"),
        ("dvd-rw,blank", "dvd+rw-format -force=full DRIVE"),
        ("dvd-rw,blank,profile=13", "dvd+rw-format -force=full DRIVE"),
        ("dvd-rw,quick", "dvd+rw-format -force=full DRIVE"),
        ("dvd+rw,blank", "dvd+rw-format -force DRIVE"),
        ("dvd+rw,state=none", "dvd+rw-format -force DRIVE"),
        ("dvd+rw-dl,state=none", "dvd+rw-format -force DRIVE"),
        ("dvdram,blank", "dvd+rw-format -force=full DRIVE"),
        ("bd-re,blank", "dvd+rw-format -force DRIVE"),
    ] {
        for quirk in quirks() {
            if is_mystery(media.split(',').next().unwrap(), quirk) {
                continue;
            }
            let mut drive = drive(media, quirk, "");
            let refusal = drive.write().unwrap_err();

            assert_eq!(
                refusal.errno(),
                Errno::ReadOnly,
                "{media} {quirk}: {refusal}"
            );
            let text = refusal.to_string();
            assert!(
                text.contains("format it with pktcdvd format DRIVE") && text.contains(command),
                "{media} {quirk}: {text}"
            );
            for count in ["restarts", "formats", "blanks", "writes", "mode_selects"] {
                assert_eq!(drive.get(count), 0, "{media} {quirk} {count}");
            }
        }
    }
}

#[test]
fn a_dvd_rw_that_was_not_written_to_its_end_has_what_was() {
    for quirk in quirks() {
        let mut drive = drive("dvd-rw,formatted=4096", quirk, "");
        let medium = drive.look(Access::Write).unwrap();
        assert_eq!(medium.blocks, 4096, "{quirk}");
        drive.use_all_over(&medium, 3);
    }
}

#[test]
fn what_is_write_protected_is_refused_if_the_drive_tells() {
    for media in [
        "cdrw",
        "dvd-rw",
        "dvd+rw",
        "dvd+rw,state=stopped",
        "dvd+rw-dl",
        "dvdram",
        "bd-re",
    ] {
        for quirk in quirks() {
            if quirk == "hides-protection" || is_mystery(media, quirk) {
                continue;
            }
            let mut drive = drive(&format!("{media},read-only"), quirk, "");
            let medium = drive.look(Access::Write).unwrap();
            let refusal = medium.writing.unwrap_err();

            assert!(
                matches!(refusal, Refusal::Protected(_)),
                "{media} {quirk}: {refusal}"
            );
            assert_eq!(refusal.errno(), Errno::ReadOnly);
            assert_eq!(drive.get("writes_rejected"), 0, "{media} {quirk}");
        }
    }
}
