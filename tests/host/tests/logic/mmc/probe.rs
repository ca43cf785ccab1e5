// SPDX-License-Identifier: GPL-2.0

//! The probe as a whole: its commands in order, drives that are slow, changed, reset or hostile.

use super::drive::{
    drive, failure, partly, Drive, ATIP, CAPACITY, CONFIGURATION, DISC, FORMAT, FORMATS,
    PERFORMANCE, SELECT, SENSE, SPEED, TRACK, TUR,
};
use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::mmc::{
    cdb::Command,
    disc::Formatted,
    mode,
    probe::{Access, Outcome, Probe, Step, BUFFER_LEN, RESTART_LIMIT_MS},
    refusal::{Errno, Refusal},
    sense::{Failure, Sense},
};

const BLOCKS: u32 = 4096;
const LOOK: [u8; 5] = [TUR, CONFIGURATION, DISC, TRACK, CAPACITY];

fn commands(drive: &mut Drive, access: Access) -> Vec<u8> {
    drive.log.clear();
    drive.probe(access).unwrap().writing.unwrap();
    drive.opcodes()
}

#[test]
fn commands_come_in_order() {
    let mut cd = drive(0x0a, BLOCKS);
    let set = [SENSE, SELECT, SENSE, ATIP, SPEED];
    assert_eq!(commands(&mut cd, Access::Read), LOOK);
    assert_eq!(commands(&mut cd, Access::Write), [&LOOK[..], &set].concat());
    // The drive is not told twice.
    assert_eq!(
        commands(&mut cd, Access::WriteSameSpeed),
        [&LOOK[..], &[SENSE]].concat()
    );

    let mut dvd = drive(0x1a, BLOCKS);
    let look = [TUR, CONFIGURATION, DISC, TRACK, FORMATS, CAPACITY];
    let speed = [SENSE, PERFORMANCE, SPEED];
    assert_eq!(
        commands(&mut dvd, Access::Write),
        [&look[..], &speed].concat()
    );
    assert_eq!(commands(&mut dvd, Access::WriteSameSpeed), look);
}

#[test]
fn looking_changes_nothing() {
    let changes = [SELECT, SPEED, FORMAT, 0x1b, 0x1e, 0x35, 0x54, 0x5b];
    let stopped = partly(0x1a, 1, 1024, BLOCKS);

    for mut drive in [0x0a, 0x12, 0x13, 0x14, 0x1a, 0x43]
        .map(|profile| drive(profile, BLOCKS))
        .into_iter()
        .chain([stopped])
    {
        drive.probe(Access::Read).unwrap();
        assert!(drive
            .opcodes()
            .iter()
            .all(|opcode| !changes.contains(opcode)));
    }
}

#[test]
fn g28_the_laser_is_not_calibrated() {
    for profile in [0x0a, 0x12, 0x13, 0x1a, 0x2a, 0x43, 0x52] {
        let mut drive = drive(profile, BLOCKS);
        drive.write().unwrap();
        assert!(!drive.opcodes().contains(&0x54));
    }
}

#[test]
fn write_parameters_are_sent_again_after_a_reset() {
    let mut drive = drive(0x0a, BLOCKS);
    let medium = drive.probe(Access::Write).unwrap();
    let power_on = drive.pages.clone();

    for access in [Access::Write, Access::WriteSameSpeed] {
        drive.pages = super::drive::drive(0x0a, BLOCKS).pages;
        assert_ne!(drive.pages, power_on);
        drive.log.clear();
        drive = drive.script(TUR, 1, Err(failure(6, 0x29, 0)));
        let again = drive.run(Probe::again(access, &medium, u64::MAX)).unwrap();

        assert_eq!(
            (again.identity, again.blocks),
            (medium.identity, medium.blocks)
        );
        assert_eq!(drive.page(mode::WRITE_PARAMETERS)[13], 32);
        assert_eq!(drive.opcodes()[..4], [TUR, TUR, SENSE, SELECT]);
        assert_eq!(drive.opcodes().contains(&SPEED), access == Access::Write);
    }
    // Another medium is not readied.
    drive.log.clear();
    drive = drive.script(TUR, 1, Err(failure(6, 0x28, 0)));
    let changed = drive.run(Probe::again(Access::Write, &medium, u64::MAX));
    assert!(
        matches!(changed, Err(Refusal::Command("TEST UNIT READY", _))),
        "{changed:?}"
    );
    assert_eq!(drive.opcodes(), [TUR]);
    // Nor one that does not take them any more.
    drive = drive.fail(SENSE, 4, 0x44, 0);
    let failed = drive.run(Probe::again(Access::Write, &medium, u64::MAX));
    assert!(
        matches!(failed, Err(Refusal::Command("MODE SENSE", _))),
        "{failed:?}"
    );
}

#[test]
fn a_drive_that_becomes_ready_is_waited_for() {
    for ascq in [1, 7, 8] {
        let mut drive = drive(0x0a, BLOCKS).script(TUR, 8, Err(failure(2, 4, ascq)));
        assert!(drive.write().is_ok());
        assert!(drive.waited_ms > 3000);
    }
    // One that never does, or formats, or is busy again and again, is not.
    let mut never = drive(0x0a, BLOCKS).fail(TUR, 2, 4, 1);
    assert_eq!(never.write().unwrap_err().errno(), Errno::Busy);
    assert!(never.waited_ms < 60_000);
    let mut formats = drive(0x0a, BLOCKS).fail(TUR, 2, 4, 4);
    assert_eq!(formats.write().unwrap_err().errno(), Errno::Busy);
    assert_eq!(formats.waited_ms, 0);

    let mut moody = drive(0x0a, BLOCKS);
    for opcode in LOOK {
        moody = moody.script(opcode, 20, Err(failure(2, 4, 8)));
    }
    assert!(moody.write().is_err());
    assert!(moody.waited_ms < 60_000);
}

#[test]
fn an_empty_drive() {
    for opcode in LOOK {
        for ascq in [0, 1, 2] {
            let mut drive = drive(0x0a, BLOCKS).fail(opcode, 2, 0x3a, ascq);
            let verdict = drive.probe(Access::Write);
            assert_eq!(verdict, Err(Refusal::NoMedium));
            assert_eq!(verdict.unwrap_err().errno(), Errno::NoMedium);
            assert_eq!(drive.opcodes().last(), Some(&opcode));
        }
    }
}

#[test]
fn a_medium_that_changes_meanwhile_is_looked_at_anew() {
    for opcode in LOOK.into_iter().chain([SENSE, SELECT, SPEED]) {
        for asc in [0x28, 0x29] {
            let mut drive = drive(0x0a, BLOCKS).script(opcode, 1, Err(failure(6, asc, 0)));
            drive.write().unwrap();
            let last = drive.opcodes();
            assert!(last.ends_with(&[ATIP, SPEED]));
            assert_eq!(drive.page(mode::WRITE_PARAMETERS)[13], 32);
            if opcode != TUR {
                assert_eq!(
                    last.iter()
                        .filter(|&&opcode| opcode == CONFIGURATION)
                        .count(),
                    2
                );
            }
        }
        let mut always = drive(0x0a, BLOCKS).fail(opcode, 6, 0x28, 0);
        let _ = always.write();
        assert!(always.log.len() < 60);
    }
}

#[test]
fn an_attention_or_an_abort_is_tried_again() {
    for opcode in LOOK.into_iter().chain([SENSE, SELECT]) {
        for key in [6, 11] {
            let drive = drive(0x0a, BLOCKS);
            let writing = drive.script(opcode, 3, Err(failure(key, 0x5a, 1))).write();
            assert_eq!(writing.unwrap().geometry.packet_frames(), 32);
        }
    }
}

#[test]
fn a_recovered_error_is_a_success() {
    for opcode in [TUR, SELECT, SPEED] {
        let mut drive = drive(0x0a, BLOCKS).fail(opcode, 1, 0x17, 1);
        let writing = drive.write().unwrap();
        assert_eq!(writing.speed, 8 * 177);
        assert_eq!(drive.log.len(), 10);
    }
    // But nothing is made up: what did not come is missing.
    assert!(drive(0x0a, BLOCKS).fail(TRACK, 1, 0x17, 1).write().is_err());
}

#[test]
fn a_deferred_error_is_about_another_command() {
    let deferred = Failure::Sense(Sense::new(0x71, 3, 0x0c, 0).unwrap());
    for opcode in LOOK.into_iter().chain([SENSE, SELECT, SPEED]) {
        let mut drive = drive(0x0a, BLOCKS).script(opcode, 1, Err(deferred));
        assert_eq!(drive.write().unwrap().speed, 8 * 177);
        assert_eq!(drive.log.len(), 11);
    }
    assert!(!Failure::Sense(Sense::new(0x71, 1, 0x17, 1).unwrap()).is_success());
}

#[test]
fn a_drive_that_does_not_answer_is_left_at_once() {
    for opcode in LOOK {
        let mut drive = drive(0x0a, BLOCKS).script(opcode, usize::MAX, Err(Failure::Transport));
        let refusal = drive.probe(Access::Write).unwrap_err();
        assert_eq!(refusal.errno(), Errno::Io);
        assert!(refusal.to_string().ends_with("does not answer"));
        assert_eq!(drive.opcodes().last(), Some(&opcode));
    }
    // It is no reason not to write that it does not tell speeds.
    for opcode in [ATIP, SPEED] {
        let mut drive = drive(0x0a, BLOCKS).script(opcode, usize::MAX, Err(Failure::Transport));
        assert_eq!(drive.write().unwrap().speed, 0);
        assert_eq!(drive.opcodes().last(), Some(&opcode));
    }
}

#[test]
fn a_drive_that_does_not_take_the_write_parameters_is_not_written() {
    for (key, asc, errno) in [
        (5, 0x26, Errno::ReadOnly),
        (5, 0x1a, Errno::Io),
        (4, 0x44, Errno::Io),
        (7, 0x27, Errno::ReadOnly),
    ] {
        for opcode in [SENSE, SELECT] {
            let mut drive = drive(0x0a, BLOCKS).fail(opcode, key, asc, 0);
            let medium = drive.probe(Access::Write).unwrap();
            assert_eq!(medium.writing.unwrap_err().errno(), errno);
            assert_eq!(medium.blocks, u64::from(BLOCKS));
            assert!(!drive.opcodes().contains(&SPEED));
        }
    }
}

#[test]
fn a_dvd_rw_is_written_without_write_parameters_too() {
    for (opcode, asc) in [(SENSE, 0x24), (SELECT, 0x26), (SELECT, 0x1a)] {
        let mut drive = drive(0x13, BLOCKS).script(opcode, 1, Err(failure(5, asc, 0)));
        assert_eq!(drive.write().unwrap().speed, 5540);
    }
    let mut drive = drive(0x13, BLOCKS).fail(SELECT, 4, 0x44, 0);
    assert_eq!(drive.write().unwrap_err().errno(), Errno::Io);
}

#[test]
fn nothing_follows_the_verdict() {
    let mut buffer = [0; BUFFER_LEN];
    let mut probe = Probe::new(Access::Read, u64::MAX);

    assert_eq!(probe.verdict(), None);
    let step = probe.begin(&mut buffer);
    assert!(matches!(step, Step::Send { after_ms: 0, .. }));
    assert_eq!(
        probe.reply(Err(failure(2, 0x3a, 0)), &mut buffer),
        Step::Done
    );
    assert_eq!(probe.verdict(), Some(Err(Refusal::NoMedium)));
    assert_eq!(probe.reply(Ok(512), &mut buffer), Step::Done);
    assert_eq!(probe.verdict(), Some(Err(Refusal::NoMedium)));
}

/// What a hostile drive does with a command.
#[derive(Debug, Clone)]
enum Trick {
    Fail(u8, u8, u8),
    Hang,
    /// Says to have sent so much of these bytes.
    Reply(Vec<u8>, usize),
    /// Answers as it should, but for some bytes.
    Bend(Vec<(usize, u8)>),
}

fn trick() -> impl Strategy<Value = Trick> {
    let bend = prop::collection::vec((0..64usize, any::<u8>()), 0..4);

    prop_oneof![
        2 => (0..16u8, prop_oneof![Just(4u8), Just(0x28), Just(0x29), Just(0x3a), any::<u8>()],
            any::<u8>()).prop_map(|(key, asc, ascq)| Trick::Fail(key, asc, ascq)),
        1 => Just(Trick::Hang),
        3 => (prop::collection::vec(any::<u8>(), 0..BUFFER_LEN), any::<usize>())
            .prop_map(|(bytes, len)| Trick::Reply(bytes, len)),
        10 => bend.prop_map(Trick::Bend),
    ]
}

fn play(
    drive: &mut Drive,
    trick: Option<&Trick>,
    command: &Command,
    buffer: &mut [u8; BUFFER_LEN],
) -> Outcome {
    match trick {
        Some(Trick::Fail(key, asc, ascq)) => Err(failure(*key, *asc, *ascq)),
        Some(Trick::Hang) => Err(Failure::Transport),
        Some(Trick::Reply(bytes, len)) => {
            buffer[..bytes.len()].copy_from_slice(bytes);
            Ok(*len)
        }
        // The page is not the drive's any more once it was bent, so it takes anything.
        _ if matches!(command.opcode(), SELECT | FORMAT) => Ok(0),
        Some(Trick::Bend(bytes)) => {
            let outcome = drive.execute(command, buffer);
            for (at, byte) in bytes {
                buffer[*at] = *byte;
            }
            outcome
        }
        None => drive.execute(command, buffer),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn g20_a_hostile_drive_gets_a_verdict_within_its_bounds(
        profile in prop::sample::select(vec![0x0au16, 0x12, 0x13, 0x14, 0x1a, 0x43]),
        tricks in prop::collection::vec(trick(), 1..24),
        lower in prop_oneof![0..100_000u64, any::<u64>()],
        again: bool,
        stopped: bool,
    ) {
        let mut drive = if stopped {
            partly(0x1a, 1, 1024, BLOCKS)
        } else {
            drive(profile, BLOCKS)
        };
        let mut probe = Probe::new(Access::Write, lower);
        let mut buffer = [0; BUFFER_LEN];
        let mut rest = tricks.iter();
        let mut waited = 0;
        let mut step = probe.begin(&mut buffer);

        for _ in 0..2000 {
            let Step::Send { command, after_ms } = step else { break };
            prop_assert!(command.data_len() <= BUFFER_LEN);
            waited += after_ms;
            let trick = rest.next();
            if again && trick.is_none() {
                rest = tricks.iter();
            }
            let outcome = play(&mut drive, trick, &command, &mut buffer);
            step = probe.reply(outcome, &mut buffer);
        }
        prop_assert_eq!(step, Step::Done);
        prop_assert!(waited < 60_000 + RESTART_LIMIT_MS);
        match probe.verdict().unwrap() {
            Ok(medium) => {
                let grows = medium.formatted == Formatted::Stopped;
                prop_assert!((medium.blocks > 0 || grows) && medium.blocks <= medium.reach);
                if let Ok(writing) = medium.writing {
                    prop_assert!(medium.sectors() <= writing.geometry.capacity_sectors());
                    prop_assert!(writing.geometry.packet_frames() <= 128);
                }
            }
            Err(refusal) => prop_assert!(refusal.to_string().len() < 160),
        }
    }
}
