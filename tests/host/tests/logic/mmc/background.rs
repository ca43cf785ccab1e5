// SPDX-License-Identifier: GPL-2.0

//! Media that the drive formats in the background: going on with that, and closing them.

use super::drive::{
    capacities, drive, failure, partly, Drive, CAPACITY, CLOSE, CONFIGURATION, DISC, FORMAT,
    FORMATS, PERFORMANCE, REQUEST_SENSE, SENSE, SPEED, TRACK, TUR,
};
use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::mmc::{
    cdb::{Command, MAX_SPEED},
    disc::Formatted,
    finish::{self, Finish, Finished},
    medium::{Medium, Restart},
    probe::{Access, Outcome, Probe, Step, BUFFER_LEN, RESTART_LIMIT_MS},
    profile::Kind,
    progress::{Activity, Progress},
    refusal::{Errno, Refusal},
    sense::Failure,
};

const BLOCKS: u32 = 4096;
const FORMATTED: u32 = 1000;
const STOPPED: u8 = 1;
const RUNNING: u8 = 2;
const COMPLETE: u8 = 3;

fn count(drive: &Drive, opcode: u8) -> usize {
    drive.opcodes().iter().filter(|&&own| own == opcode).count()
}

#[test]
fn a_format_that_was_stopped_is_gone_on_with_when_the_medium_is_to_be_written() {
    for (profile, kind) in [(0x1a, Kind::DvdPlusRw), (0x2a, Kind::DvdPlusRwDl)] {
        let mut drive = partly(profile, STOPPED, FORMATTED, BLOCKS);
        let medium = drive.probe(Access::Write).unwrap();

        assert_eq!(
            drive.opcodes(),
            [
                TUR,
                CONFIGURATION,
                DISC,
                TRACK,
                FORMATS,
                FORMAT,
                TUR,
                DISC,
                TRACK,
                FORMATS,
                CAPACITY,
                SENSE,
                PERFORMANCE,
                SPEED
            ]
        );
        assert_eq!(medium.writing.unwrap().kind, kind);
        assert_eq!(medium.restart, Restart::Done);
        assert_eq!(medium.formatted, Formatted::Running);
        assert_eq!(medium.blocks, u64::from(BLOCKS));
        // The lower device has to grow for that.
        assert_eq!(medium.reach, u64::MAX / 4);
    }
}

#[test]
fn a_reader_changes_nothing_and_has_what_is_formatted() {
    let mut drive = partly(0x1a, STOPPED, FORMATTED, BLOCKS);
    let medium = drive.probe(Access::Read).unwrap();

    assert_eq!(count(&drive, FORMAT), 0);
    // In whole packets.
    assert_eq!(medium.blocks, 992);
    assert_eq!(medium.restart, Restart::Untried);
    let geometry = medium.writing.unwrap().geometry;
    assert_eq!(geometry.capacity_sectors(), u64::from(BLOCKS) * 4);

    // Then somebody comes who writes.
    drive.log.clear();
    let written = drive
        .run(Probe::again(Access::Write, &medium, 4000))
        .unwrap();
    assert_eq!(
        drive.opcodes(),
        [
            TUR,
            DISC,
            FORMAT,
            TUR,
            DISC,
            CAPACITY,
            SENSE,
            PERFORMANCE,
            SPEED
        ]
    );
    assert_eq!(written.blocks, u64::from(BLOCKS));
    assert_eq!(written.reach, u64::from(BLOCKS));
    assert_eq!(written.restart, Restart::Done);
    assert_eq!(written.formatted, Formatted::Running);

    // It runs now, and is not started again; nor is one that is complete.
    for state in [RUNNING, COMPLETE] {
        drive.disc[7] = drive.disc[7] & !3 | state;
        drive.log.clear();
        drive
            .run(Probe::again(Access::Write, &medium, 4000))
            .unwrap();
        assert_eq!(count(&drive, FORMAT), 0);
    }
}

#[test]
fn a_running_format_is_left_alone_and_all_can_be_written() {
    for access in [Access::Read, Access::Write] {
        let mut drive = partly(0x1a, RUNNING, FORMATTED, BLOCKS);
        let medium = drive.run(Probe::new(access, 4000)).unwrap();

        assert_eq!(count(&drive, FORMAT), 0);
        assert_eq!(medium.blocks, u64::from(BLOCKS));
        assert_eq!(medium.reach, u64::from(BLOCKS));
    }
}

#[test]
fn a_format_may_be_complete_as_soon_as_it_is_gone_on_with() {
    // The drive told a smaller size of the track, and of the disc, before.
    let mut drive = partly(0x1a, STOPPED, FORMATTED, BLOCKS);
    drive.completes = true;
    let medium = drive.run(Probe::new(Access::Write, 4000)).unwrap();

    assert_eq!(medium.formatted, Formatted::Complete);
    assert_eq!(medium.blocks, u64::from(BLOCKS));
    assert_eq!(medium.reach, u64::from(BLOCKS));
    // When it is looked at again it is the same.
    let again = drive.probe(Access::Read).unwrap();
    assert!(medium.identity.allows(&again.identity));
}

#[test]
fn a_mount_rainier_format_is_gone_on_with_by_its_own_type() {
    for (profile, kind) in [(0x0a, Kind::CdMrw), (0x1a, Kind::DvdMrw)] {
        let mut drive = drive(profile, BLOCKS);
        drive.features = vec![0x00, 0x28, 0x01, 4, 0x05, 0, 0, 0];
        drive.disc[7] |= STOPPED;
        drive.formats = Some(capacities(2, FORMATTED, &[(0x24, BLOCKS)]));
        let medium = drive.probe(Access::Write).unwrap();

        assert_eq!(medium.writing.unwrap().kind, kind);
        assert_eq!(count(&drive, FORMAT), 1);
        assert_eq!(drive.format_type, Some(0x24));
        assert_eq!(medium.blocks, u64::from(BLOCKS));
    }
    let mut plain = partly(0x1a, STOPPED, FORMATTED, BLOCKS);
    plain.write().unwrap();
    assert_eq!(plain.format_type, Some(0x26));
}

/// Runs a probe and notes what its owner is told meanwhile.
fn watch(drive: &mut Drive, mut probe: Probe) -> (Result<Medium, Refusal>, Vec<Activity>, u64) {
    let (mut buffer, mut seen, mut waited) = ([0; BUFFER_LEN], Vec::new(), 0);
    let mut step = probe.begin(&mut buffer);

    while let Step::Send { command, after_ms } = step {
        seen.push(probe.activity());
        waited += u64::from(after_ms);
        let outcome = drive.execute(&command, &mut buffer);
        step = probe.reply(outcome, &mut buffer);
    }
    seen.dedup();
    (probe.verdict().unwrap(), seen, waited)
}

fn progress(far: u16) -> Vec<u8> {
    let mut sense = vec![0x70, 0, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 4, 4, 0, 0x80];
    sense.extend(far.to_be_bytes());
    sense
}

#[test]
fn the_drive_is_waited_for_until_it_goes_on() {
    // Whatever reason it has, or none.
    for ascq in [1, 4, 7, 8, 0, 5, 9, 0x10, 0x80] {
        let mut drive = partly(0x1a, STOPPED, FORMATTED, BLOCKS)
            .script(REQUEST_SENSE, 1, Ok(progress(0)))
            .script(REQUEST_SENSE, 1, Err(failure(5, 0x20, 0)))
            .script(REQUEST_SENSE, 1, Ok(progress(0x8000)))
            .script(REQUEST_SENSE, 20, Ok(Vec::new()));
        drive.busy_after_format = (20, failure(2, 4, ascq));
        let (verdict, seen, waited) = watch(&mut drive, Probe::new(Access::Write, u64::MAX));

        assert_eq!(verdict.unwrap().restart, Restart::Done);
        assert_eq!(
            seen,
            [
                Activity::None,
                Activity::Restarting(None),
                Activity::Restarting(Some(Progress(0))),
                Activity::Restarting(Some(Progress(0x8000))),
                Activity::None,
            ]
        );
        assert!((10_000..60_000).contains(&waited), "{waited}");
    }
    // Unless it wants somebody to do something.
    for ascq in [2, 3] {
        let mut drive = partly(0x1a, STOPPED, FORMATTED, BLOCKS);
        drive.busy_after_format = (20, failure(2, 4, ascq));
        let refusal = drive.probe(Access::Write).unwrap_err();
        assert_eq!(
            refusal,
            Refusal::Command("TEST UNIT READY", failure(2, 4, ascq))
        );
    }
    // But not for ever.
    let mut never = partly(0x1a, STOPPED, FORMATTED, BLOCKS);
    never.busy_after_format = (usize::MAX, failure(2, 4, 4));
    let (verdict, _, waited) = watch(&mut never, Probe::new(Access::Write, u64::MAX));
    assert_eq!(verdict.unwrap_err().errno(), Errno::Busy);
    assert!(waited <= u64::from(RESTART_LIMIT_MS), "{waited}");
    assert!(waited > u64::from(RESTART_LIMIT_MS) / 2);
}

#[test]
fn what_is_formatted_serves_if_the_drive_does_not_go_on() {
    // It refuses; it breaks; it does not answer; it says that it does and does not.
    for failing in [
        Some(failure(5, 0x24, 0)),
        Some(failure(3, 0x31, 1)),
        Some(Failure::Transport),
        None,
    ] {
        let with = |formatted: u32| {
            let drive = partly(0x1a, STOPPED, formatted, BLOCKS);
            match failing {
                Some(failing) => drive.script(FORMAT, usize::MAX, Err(failing)),
                None => drive.script(FORMAT, usize::MAX, Ok(Vec::new())),
            }
        };
        let medium = with(FORMATTED).probe(Access::Write).unwrap();
        assert_eq!(medium.restart, Restart::Failed(failing));
        assert_eq!(medium.blocks, 992);
        assert!(medium.writing.is_ok());

        let refusal = with(0).write().unwrap_err();
        assert_eq!(refusal, Refusal::FormatStopped(Kind::DvdPlusRw));
        assert_eq!(refusal.errno(), Errno::ReadOnly);
        let text = refusal.to_string();
        assert!(text.contains("(or dvd+rw-format -force DRIVE)"), "{text}");

        // So it is if it was only read before.
        let mut known = with(0);
        let medium = known.probe(Access::Read).unwrap();
        assert_eq!((medium.blocks, medium.restart), (0, Restart::Untried));
        let again = Probe::again(Access::Write, &medium, u64::MAX);
        assert_eq!(known.run(again), Err(refusal));
        let mut known = with(FORMATTED);
        let medium = known.probe(Access::Read).unwrap();
        let again = Probe::again(Access::Write, &medium, u64::MAX);
        assert_eq!(known.run(again).unwrap().blocks, 992);
    }
    // One that does not answer is reset, and says so. It is not told once more.
    for known in [false, true] {
        let mut drive = partly(0x1a, STOPPED, FORMATTED, BLOCKS);
        let medium = drive.probe(Access::Read).unwrap();
        let mut drive = drive
            .script(FORMAT, usize::MAX, Err(Failure::Transport))
            .script(CAPACITY, 1, Err(failure(6, 0x29, 0)));
        let probe = if known {
            Probe::again(Access::Write, &medium, u64::MAX)
        } else {
            Probe::new(Access::Write, u64::MAX)
        };
        assert_eq!(drive.run(probe).unwrap().blocks, 992);
        assert_eq!(count(&drive, FORMAT), 1);
    }
    // The disc is write protected, and the drive tells only now: also if it is known already.
    let protected = partly(0x1a, STOPPED, FORMATTED, BLOCKS).fail(FORMAT, 7, 0x27, 0);
    let known = protected.clone().probe(Access::Read).unwrap();
    let refusal = Refusal::Protected(Kind::DvdPlusRw);
    assert_eq!(protected.clone().write(), Err(refusal));
    let again = Probe::again(Access::Write, &known, u64::MAX);
    assert_eq!(protected.clone().run(again), Err(refusal));
}

#[test]
fn a_drive_that_wants_to_know_how_far_is_told() {
    let mut drive = partly(0x1a, STOPPED, FORMATTED, BLOCKS);
    drive.wants_size = true;
    let medium = drive.probe(Access::Write).unwrap();

    assert_eq!(medium.restart, Restart::Done);
    assert_eq!(medium.blocks, u64::from(BLOCKS));
    assert_eq!(count(&drive, FORMAT), 2);
    // Also if it was only read before.
    let mut drive = partly(0x1a, STOPPED, FORMATTED, BLOCKS);
    drive.wants_size = true;
    let known = drive.probe(Access::Read).unwrap();
    let again = Probe::again(Access::Write, &known, u64::MAX);
    assert_eq!(drive.run(again).unwrap().restart, Restart::Done);
    assert_eq!(count(&drive, FORMAT), 2);
    // One that has told no number is not asked twice.
    let mut drive = partly(0x1a, STOPPED, FORMATTED, BLOCKS);
    drive.formats = Some(capacities(2, FORMATTED, &[]));
    drive = drive.script(FORMAT, usize::MAX, Err(failure(5, 0x26, 0)));
    let medium = drive.probe(Access::Write).unwrap();
    assert_eq!(medium.restart, Restart::Failed(Some(failure(5, 0x26, 0))));
    assert_eq!(count(&drive, FORMAT), 1);
}

#[test]
fn a_medium_that_is_exchanged_meanwhile_is_looked_at_anew() {
    let mut drive = partly(0x1a, STOPPED, FORMATTED, BLOCKS);
    drive.busy_after_format = (1, failure(6, 0x28, 0));
    let medium = drive.probe(Access::Write).unwrap();
    assert_eq!(count(&drive, CONFIGURATION), 2);
    assert_eq!(medium.blocks, u64::from(BLOCKS));

    // One that is known is not looked at.
    let mut drive = partly(0x1a, STOPPED, FORMATTED, BLOCKS);
    let known = drive.probe(Access::Read).unwrap();
    drive.busy_after_format = (1, failure(6, 0x28, 0));
    let verdict = drive.run(Probe::again(Access::Write, &known, u64::MAX));
    assert!(
        matches!(verdict, Err(Refusal::Command("TEST UNIT READY", _))),
        "{verdict:?}"
    );
}

#[test]
fn a_disc_with_no_format_at_all_is_blank() {
    let mut blank = partly(0x1a, 0, 0, BLOCKS);
    blank.disc[2] = 0x10;
    blank.formats = Some(capacities(1, BLOCKS, &[(0x26, BLOCKS)]));
    let refusal = blank.write().unwrap_err();
    assert_eq!(refusal, Refusal::Blank(Kind::DvdPlusRw));
    assert!(!blank.opcodes().contains(&FORMAT));
    // Whatever the one or the other says of a disc of which some is formatted.
    for (disc, formats) in [(0x10, 1), (0x1e, 1), (0x10, 2)] {
        let mut drive = partly(0x1a, COMPLETE, BLOCKS, BLOCKS);
        drive.disc[2] = disc;
        drive.formats = Some(capacities(formats, BLOCKS, &[(0x26, BLOCKS)]));
        assert!(drive.write().is_ok());
    }
}

#[test]
fn each_command_that_is_advised_is_one_for_such_discs() {
    for (kind, command) in [
        (Kind::CdRw, Some("cdrwtool -d DRIVE -q")),
        (Kind::CdMrw, Some("cdrwtool -d DRIVE -q")),
        (Kind::DvdRw, Some("dvd+rw-format -force=full DRIVE")),
        (Kind::DvdRam, Some("dvd+rw-format -force=full DRIVE")),
        (Kind::DvdPlusRw, Some("dvd+rw-format -force DRIVE")),
        (Kind::DvdMrw, Some("dvd+rw-format -force DRIVE")),
        (Kind::DvdPlusRwDl, Some("dvd+rw-format -force DRIVE")),
        (Kind::BdRe, Some("dvd+rw-format -force DRIVE")),
        (Kind::HdDvdRam, None),
        (Kind::Removable, None),
    ] {
        let text = Refusal::Blank(kind).to_string();
        let advice = match command {
            Some(command) => format!("pktcdvd format DRIVE (or {command})"),
            None => "pktcdvd format DRIVE".to_string(),
        };

        assert!(
            text.ends_with(&format!("format it with {advice}")),
            "{text}"
        );
        for refusal in [
            Refusal::FormatStopped(kind),
            Refusal::NotPackets(kind),
            Refusal::Protected(kind),
        ] {
            let text = refusal.to_string();
            assert!(text.len() < 160, "{text}");
            assert_eq!(refusal.errno(), Errno::ReadOnly);
        }
    }
}

#[test]
fn a_medium_is_the_same_while_it_grows() {
    let found = |state: u8, formatted: u32, blocks: u32| {
        let mut drive = partly(0x1a, state, formatted, blocks);
        drive.probe(Access::Read).unwrap().identity
    };
    let before = found(STOPPED, FORMATTED, BLOCKS);
    let running = found(RUNNING, 2000, BLOCKS);
    let complete = found(COMPLETE, BLOCKS, BLOCKS);

    for later in [&before, &running, &complete] {
        assert!(before.allows(later) && running.allows(later));
    }
    // One that does not grow has its size.
    assert!(!complete.allows(&found(COMPLETE, FORMATTED, BLOCKS)));
    // Another has another size when it is done, or another number.
    assert!(!before.allows(&found(RUNNING, 2000, 2 * BLOCKS)));
    let mut other = partly(0x1a, RUNNING, 2000, BLOCKS);
    other.disc[7] |= 0x80;
    let other = other.probe(Access::Read).unwrap().identity;
    assert!(!before.allows(&other));
}

/// Runs a finish to its end.
fn close(drive: &mut Drive, mut finish: Finish) -> (Finish, Vec<Activity>, u64) {
    let (mut buffer, mut seen, mut waited) = ([0xff; BUFFER_LEN], Vec::new(), 0);
    let mut step = finish.begin(&mut buffer);

    drive.log.clear();
    for _ in 0..5000 {
        let Step::Send { command, after_ms } = step else {
            seen.dedup();
            return (finish, seen, waited);
        };
        seen.push(finish.activity());
        waited += u64::from(after_ms);
        let outcome = drive.execute(&command, &mut buffer);
        step = finish.reply(outcome, &mut buffer);
    }
    panic!("closing does not end");
}

fn written(drive: &mut Drive) -> Finish {
    let medium = drive.probe(Access::Write).unwrap();

    Finish::new(&medium, medium.writing.unwrap().speed)
}

#[test]
fn a_format_that_runs_is_stopped_and_the_session_closed() {
    for profile in [0x1a, 0x2a] {
        let mut drive = partly(profile, RUNNING, FORMATTED, BLOCKS);
        let finish = written(&mut drive);
        let (finish, ..) = close(&mut drive, finish);

        assert_eq!(
            drive.opcodes(),
            [DISC, CLOSE, TUR, CLOSE, TUR, CAPACITY, SPEED]
        );
        let functions: Vec<u8> = drive
            .log
            .iter()
            .filter(|command| command.opcode() == CLOSE)
            .map(|command| command.cdb()[2])
            .collect();
        assert_eq!(functions, [0, 2]);
        assert_eq!(finish.finished(), Finished::Closed);
        assert_eq!(finish.blocks(), Some(FORMATTED.into()));
        assert_eq!(drive.disc[7] & 3, STOPPED);
    }
}

#[test]
fn what_need_not_be_closed_is_not() {
    for (mut drive, asks) in [
        (partly(0x1a, COMPLETE, BLOCKS, BLOCKS), true),
        (drive(0x0a, BLOCKS), false),
        (drive(0x12, BLOCKS), false),
        (drive(0x13, BLOCKS), false),
        (drive(0x43, BLOCKS), false),
    ] {
        let finish = written(&mut drive);
        let (finish, ..) = close(&mut drive, finish);

        assert_eq!(finish.finished(), Finished::Nothing);
        let asked = [DISC, SPEED];
        assert_eq!(drive.opcodes(), asked[usize::from(!asks)..]);
        let [h, l] = MAX_SPEED.to_be_bytes();
        let last = drive.log.last().unwrap();
        assert_eq!(last.bytes()[2..6], [h, l, h, l]);
    }
    // A drive whose speed was not set has its own.
    let mut cd = drive(0x0a, BLOCKS).fail(SPEED, 5, 0x24, 0);
    let finish = written(&mut cd);
    close(&mut cd, finish);
    assert_eq!(cd.opcodes(), []);
}

#[test]
fn closing_takes_its_time_and_tells_how_far_it_is() {
    let mut drive = partly(0x1a, RUNNING, FORMATTED, BLOCKS)
        .script(REQUEST_SENSE, 3, Ok(progress(0x4000)))
        .script(REQUEST_SENSE, 10_000, Ok(progress(0xc000)));
    let finish = written(&mut drive);
    drive.busy_after_close = (200, failure(2, 4, 8));
    let (finish, seen, waited) = close(&mut drive, finish);

    assert_eq!(finish.finished(), Finished::Closed);
    assert!(waited > 200_000);
    assert_eq!(seen[0], Activity::None);
    for far in [0x4000, 0xc000] {
        assert!(seen.contains(&Activity::Closing(Some(Progress(far)))));
    }

    // It is not waited for without end.
    let mut never = partly(0x1a, RUNNING, FORMATTED, BLOCKS);
    let finish = written(&mut never);
    never.busy_after_close = (usize::MAX, failure(2, 4, 7));
    let (finish, _, waited) = close(&mut never, finish);
    assert_eq!(finish.finished(), Finished::Failed(failure(2, 4, 7)));
    assert!(waited <= u64::from(finish::LIMIT_MS), "{waited}");
}

#[test]
fn drives_that_say_to_be_ready_too_early_are_waited_for() {
    for opcode in [CLOSE, CAPACITY, SPEED] {
        let mut drive = partly(0x1a, RUNNING, FORMATTED, BLOCKS);
        let finish = written(&mut drive);
        drive = drive.script(opcode, 100, Err(failure(2, 4, 7)));
        let (finish, _, waited) = close(&mut drive, finish);

        assert_eq!(finish.finished(), Finished::Closed);
        assert!(waited > 100_000);
        assert_eq!(drive.opcodes().last(), Some(&SPEED));
    }
}

#[test]
fn drives_that_close_in_another_way_or_not_at_all() {
    // Some cannot stop without closing.
    let mut drive = partly(0x1a, RUNNING, FORMATTED, BLOCKS);
    let finish = written(&mut drive);
    drive = drive.script(CLOSE, 1, Err(failure(5, 0x24, 0)));
    let (finish, ..) = close(&mut drive, finish);
    assert_eq!(finish.finished(), Finished::Closed);

    let mut drive = partly(0x1a, RUNNING, FORMATTED, BLOCKS);
    let finish = written(&mut drive);
    drive = drive.fail(CLOSE, 3, 0x0c, 0);
    let (finish, ..) = close(&mut drive, finish);
    assert_eq!(finish.finished(), Finished::Failed(failure(3, 0x0c, 0)));
    assert_eq!(drive.opcodes().last(), Some(&SPEED));

    for failing in [Failure::Transport, failure(2, 0x3a, 0)] {
        let mut drive = partly(0x1a, RUNNING, FORMATTED, BLOCKS);
        let finish = written(&mut drive);
        drive = drive.script(CLOSE, usize::MAX, Err(failing));
        let (finish, ..) = close(&mut drive, finish);
        assert_eq!(finish.finished(), Finished::Failed(failing));
        assert_eq!(drive.opcodes(), [DISC, CLOSE]);
    }
}

#[test]
fn a_drive_that_is_reset_while_it_closes_is_told_again() {
    let reset = failure(6, 0x29, 0);
    // It still formats; it has stopped; it has formatted all of it.
    for (state, closes) in [(RUNNING, 4), (STOPPED, 3), (COMPLETE, 2)] {
        let mut drive = partly(0x1a, RUNNING, FORMATTED, BLOCKS);
        let finish = written(&mut drive);
        let info = {
            let mut info = drive.disc.clone();
            info[7] = info[7] & !3 | state;
            info
        };
        let running = drive.disc.clone();
        // Once while it closes the session.
        drive = drive
            .script(TUR, 1, Ok(Vec::new()))
            .script(TUR, 1, Err(reset))
            .script(DISC, 1, Ok(running))
            .script(DISC, 1, Ok(info));
        let (finish, ..) = close(&mut drive, finish);

        assert_eq!(finish.finished(), Finished::Closed);
        assert_eq!(count(&drive, CLOSE), closes);
        assert_eq!(finish.blocks(), Some(FORMATTED.into()));
    }
    // One that is always reset is given up.
    let mut drive = partly(0x1a, RUNNING, FORMATTED, BLOCKS);
    let finish = written(&mut drive);
    drive = drive.script(TUR, usize::MAX, Err(reset));
    let (finish, ..) = close(&mut drive, finish);
    assert_eq!(finish.finished(), Finished::Failed(reset));
    assert_eq!(count(&drive, DISC), 4);
    // And so is a medium that is not the same any more.
    let mut drive = partly(0x1a, RUNNING, FORMATTED, BLOCKS);
    let finish = written(&mut drive);
    drive = drive.script(TUR, usize::MAX, Err(failure(6, 0x28, 0)));
    let (finish, ..) = close(&mut drive, finish);
    assert_eq!(finish.finished(), Finished::Failed(failure(6, 0x28, 0)));
    assert_eq!(count(&drive, DISC), 1);
}

#[test]
fn a_drive_that_does_not_tell_whether_to_close_has_not_closed() {
    for failing in [
        Failure::Transport,
        failure(2, 0x3a, 0),
        failure(3, 0x11, 0),
        failure(6, 0x29, 0),
    ] {
        let mut drive = partly(0x1a, RUNNING, FORMATTED, BLOCKS);
        let finish = written(&mut drive);
        drive = drive.script(DISC, usize::MAX, Err(failing));
        let (finish, ..) = close(&mut drive, finish);

        assert_eq!(finish.finished(), Finished::Failed(failing));
        assert_eq!(count(&drive, CLOSE), 0);
    }
}

#[test]
fn what_the_drive_was_told_is_known_whatever_came_of_it() {
    // It is write protected after all, or not ready at last.
    let mut drive = partly(0x1a, STOPPED, FORMATTED, BLOCKS);
    let known = drive.probe(Access::Read).unwrap();
    drive.mode_flags = 0x80;
    let mut again = Probe::again(Access::Write, &known, u64::MAX);
    assert!(!again.has_restarted());
    let (mut buffer, mut step) = ([0; BUFFER_LEN], Step::Done);
    let mut next = again.begin(&mut buffer);
    while let Step::Send { command, .. } = next {
        step = next;
        let outcome = drive.execute(&command, &mut buffer);
        next = again.reply(outcome, &mut buffer);
    }
    assert_ne!(step, Step::Done);
    assert_eq!(
        again.verdict(),
        Some(Err(Refusal::Protected(Kind::DvdPlusRw)))
    );
    assert!(again.has_restarted());

    // Who has opened it closes it: what the medium was, or what was found.
    drive.mode_flags = 0;
    let (finish, ..) = close(&mut drive, Finish::new(&known, 0));
    assert_eq!(finish.finished(), Finished::Closed);
    drive.mode_flags = 0x80;
    let medium = drive.probe(Access::Write).unwrap();
    assert_eq!(medium.restart, Restart::Done);
    assert!(medium.writing.is_err());
    let (finish, ..) = close(&mut drive, Finish::new(&medium, 0));
    assert_eq!(finish.finished(), Finished::Closed);
}

#[test]
fn activities_fit_into_a_number() {
    for progress in [
        None,
        Some(Progress(0)),
        Some(Progress(0x1234)),
        Some(Progress(0xffff)),
    ] {
        for activity in [Activity::Restarting(progress), Activity::Closing(progress)] {
            assert_eq!(Activity::from_bits(activity.to_bits()), activity);
        }
    }
    assert_eq!(
        Activity::from_bits(Activity::None.to_bits()),
        Activity::None
    );
    let half = Activity::Closing(Some(Progress(0x8000)));
    assert_eq!(half.to_string(), "closes the medium, 50 %");
    assert_eq!(Activity::Restarting(None).to_string(), "goes on formatting");
}

/// A drive that answers each command as it likes.
fn any_outcome() -> impl Strategy<Value = (u8, u8, u8, Vec<u8>)> {
    (
        prop_oneof![3 => Just(0xffu8), 3 => Just(2u8), 1 => 0..16u8],
        prop_oneof![3 => Just(4u8), 1 => any::<u8>()],
        prop_oneof![Just(4u8), Just(8), any::<u8>()],
        prop::collection::vec(any::<u8>(), 0..64),
    )
}

proptest! {
    #[test]
    fn a_hostile_drive_is_not_closed_for_ever(
        tricks in prop::collection::vec(any_outcome(), 1..30),
    ) {
        let mut drive = partly(0x1a, RUNNING, FORMATTED, BLOCKS);
        let mut finish = written(&mut drive);
        let mut buffer = [0; BUFFER_LEN];
        let mut tricks = tricks.iter().cycle();
        let mut waited = 0u64;
        let mut step = finish.begin(&mut buffer);
        let mut carry_out = |command: &Command, buffer: &mut [u8; BUFFER_LEN]| -> Outcome {
            let (key, asc, ascq, bytes) = tricks.next().unwrap();
            buffer[..bytes.len()].copy_from_slice(bytes);
            if command.opcode() == DISC {
                buffer[..9].copy_from_slice(&[0, 32, 0, 1, 1, 1, 1, 2, 0]);
                return Ok(BUFFER_LEN);
            }
            match key {
                0xff => Ok(BUFFER_LEN),
                key => Err(failure(*key, *asc, *ascq)),
            }
        };

        for _ in 0..10_000 {
            let Step::Send { command, after_ms } = step else { break };
            waited += u64::from(after_ms);
            let outcome = carry_out(&command, &mut buffer);
            step = finish.reply(outcome, &mut buffer);
        }
        prop_assert_eq!(step, Step::Done);
        prop_assert!(waited <= u64::from(finish::LIMIT_MS) + 5 * 60_000);
    }
}
