// SPDX-License-Identifier: GPL-2.0

//! The life of a packet, told step by step.

use rblk_host_tests::pktcdvd::logic::{
    frames::FrameRange,
    state::{Action, Event, Packet, State, WRITE_RETRIES},
    zone::{Geometry, Zone},
};

const FRAMES: u32 = 8;

/// The errors of the lower device in these tests.
const BAD: Result<(), i32> = Err(-5);
const WORSE: Result<(), i32> = Err(-61);

fn zone(index: u64) -> Zone {
    Geometry::new(FRAMES * 4, 0, 1 << 20)
        .unwrap()
        .zone_at(index)
        .unwrap()
}

fn range(first: u32, count: u32) -> FrameRange {
    FrameRange::new(first, count).unwrap()
}

fn gather(first: u32, count: u32) -> Action<i32> {
    Action::Gather(range(first, count))
}

/// A packet that waits, with the given writes in it.
fn waiting(writes: &[(u32, u32)]) -> Packet<i32> {
    let mut packet = Packet::new(FRAMES);

    assert_eq!(start(&mut packet, 0), Action::AwaitTurn);
    for &(first, count) in writes {
        assert_eq!(join(&mut packet, first, count), Action::Nothing);
    }
    packet
}

fn start(packet: &mut Packet<i32>, index: u64) -> Action<i32> {
    packet.handle(Event::Start {
        zone: zone(index),
        no_gather: false,
    })
}

fn join(packet: &mut Packet<i32>, first: u32, count: u32) -> Action<i32> {
    packet.handle(Event::Joined {
        frames: range(first, count),
    })
}

/// Lets a write join, and gives the packet its turn.
fn join_last(packet: &mut Packet<i32>, first: u32, count: u32) -> Action<i32> {
    assert_eq!(join(packet, first, count), Action::Nothing);
    packet.handle(Event::Turn)
}

fn finish(packet: &mut Packet<i32>, action: Action<i32>, result: Result<(), i32>) {
    let end = if result.is_ok() {
        State::Done
    } else {
        State::Failed
    };

    assert_eq!(action, Action::Finish(result));
    assert_eq!((packet.state(), packet.error()), (end, result.err()));
    assert_eq!(packet.handle(Event::Released), Action::Nothing);
    assert_eq!(packet.state(), State::Idle);
}

#[test]
fn states_have_the_numbers_and_labels_of_the_info_file() {
    for (number, (state, label)) in State::ALL
        .into_iter()
        .zip(["i", "ow", "rw", "ww", "rec", "fin"])
        .enumerate()
    {
        assert_eq!((state.number(), state.label()), (number, label));
    }
}

#[test]
fn a_full_packet_is_written_without_reading() {
    let mut packet = waiting(&[(0, 4)]);

    assert_eq!(join_last(&mut packet, 4, 4), Action::Write);
    assert_eq!(packet.state(), State::Writing);
    let action = packet.handle(Event::WriteDone(Ok(())));
    finish(&mut packet, action, Ok(()));
    assert!(packet.data_valid());
}

#[test]
fn overlapping_writes_do_not_make_a_packet_full() {
    // Counted by frames, these are all eight; yet two are missing.
    let mut packet = waiting(&[(0, 4), (2, 4)]);

    assert_eq!(packet.state(), State::Waiting);
    assert_eq!(packet.handle(Event::Turn), gather(6, 2));
}

#[test]
fn a_turn_too_many_is_ignored() {
    let mut packet = waiting(&[(0, 1)]);

    assert_eq!(packet.handle(Event::Turn), gather(1, 7));
    assert_eq!(packet.handle(Event::Turn), Action::Nothing);
    assert_eq!(packet.handle(Event::GatherDone(Ok(()))), Action::Write);
    assert_eq!(packet.handle(Event::Turn), Action::Nothing);
    assert_eq!(packet.state(), State::Writing);
}

#[test]
fn a_packet_without_writes_is_not_written() {
    let mut packet = waiting(&[]);
    let action = packet.handle(Event::Turn);

    finish(&mut packet, action, Ok(()));
    assert!(!packet.data_valid());
}

#[test]
fn what_was_written_last_need_not_be_read() {
    let mut packet = waiting(&[]);
    assert_eq!(join_last(&mut packet, 0, 8), Action::Write);
    let action = packet.handle(Event::WriteDone(Ok(())));
    finish(&mut packet, action, Ok(()));

    assert_eq!(start(&mut packet, 0), Action::AwaitTurn);
    assert!(packet.data_valid());
    // It still waits, since more writes may come for the same zone.
    assert_eq!(join(&mut packet, 3, 1), Action::Nothing);
    assert_eq!(packet.handle(Event::Turn), Action::Write);
    assert!(!packet.data_valid());
    let action = packet.handle(Event::WriteDone(Ok(())));
    finish(&mut packet, action, Ok(()));

    // Another zone is another matter, and so is a device that may have changed.
    assert_eq!(start(&mut packet, 1), Action::AwaitTurn);
    assert!(!packet.data_valid());
    assert_eq!(join(&mut packet, 3, 5), Action::Nothing);
    assert_eq!(packet.handle(Event::Turn), gather(0, 3));
}

#[test]
fn what_may_have_changed_below_is_read_again() {
    let mut packet = waiting(&[]);
    assert_eq!(join_last(&mut packet, 0, 8), Action::Write);
    let action = packet.handle(Event::WriteDone(Ok(())));
    finish(&mut packet, action, Ok(()));

    packet.invalidate();
    assert_eq!(start(&mut packet, 0), Action::AwaitTurn);
    assert_eq!(join(&mut packet, 0, 7), Action::Nothing);
    assert_eq!(packet.handle(Event::Turn), gather(7, 1));
}

#[test]
fn what_was_discarded_is_not_read() {
    let mut packet = Packet::<i32>::new(FRAMES);
    let event = Event::Start {
        zone: zone(0),
        no_gather: true,
    };

    assert_eq!(packet.handle(event), Action::AwaitTurn);
    assert_eq!(join(&mut packet, 1, 1), Action::Nothing);
    assert_eq!(packet.handle(Event::Turn), Action::Write);
}

#[test]
fn a_bad_frame_under_a_write_is_no_harm() {
    // Frame 4 is bad, and covered; the one read goes over it, the two that follow do not.
    let mut packet = waiting(&[(4, 1)]);

    assert_eq!(packet.handle(Event::Turn), gather(0, 8));
    assert_eq!(packet.handle(Event::GatherDone(BAD)), gather(0, 4));
    assert_eq!(packet.handle(Event::GatherDone(Ok(()))), gather(5, 3));
    assert_eq!(packet.handle(Event::GatherDone(Ok(()))), Action::Write);
}

#[test]
fn a_bad_frame_that_is_missing_fails_the_packet_with_its_own_error() {
    // The old driver ended the writes with the status of a write that never was: mostly success.
    let mut packet = waiting(&[(4, 1)]);

    assert_eq!(packet.handle(Event::Turn), gather(0, 8));
    assert_eq!(packet.handle(Event::GatherDone(BAD)), gather(0, 4));
    assert_eq!(packet.handle(Event::GatherDone(Ok(()))), gather(5, 3));
    let action = packet.handle(Event::GatherDone(WORSE));
    finish(&mut packet, action, WORSE);
    assert!(!packet.data_valid());
}

#[test]
fn what_was_read_before_a_failure_is_read_again() {
    let mut packet = waiting(&[(4, 1)]);

    assert_eq!(packet.handle(Event::Turn), gather(0, 8));
    assert_eq!(packet.handle(Event::GatherDone(BAD)), gather(0, 4));
    assert_eq!(packet.handle(Event::GatherDone(Ok(()))), gather(5, 3));
    let action = packet.handle(Event::GatherDone(BAD));
    finish(&mut packet, action, BAD);

    assert_eq!(start(&mut packet, 0), Action::AwaitTurn);
    assert_eq!(join(&mut packet, 5, 1), Action::Nothing);
    assert_eq!(packet.handle(Event::Turn), gather(0, 8));
    assert_eq!(packet.handle(Event::GatherDone(BAD)), gather(0, 5));
}

#[test]
fn a_read_of_nothing_but_missing_frames_is_not_repeated() {
    let mut packet = waiting(&[(0, 4)]);

    assert_eq!(packet.handle(Event::Turn), gather(4, 4));
    let action = packet.handle(Event::GatherDone(BAD));
    finish(&mut packet, action, BAD);
}

#[test]
fn a_write_that_joins_late_saves_the_packet() {
    let mut packet = waiting(&[(0, 4)]);

    assert_eq!(packet.handle(Event::Turn), gather(4, 4));
    assert_eq!(join(&mut packet, 5, 1), Action::Nothing);
    assert_eq!(packet.handle(Event::GatherDone(BAD)), gather(4, 1));
    assert_eq!(packet.handle(Event::GatherDone(Ok(()))), gather(6, 2));
    assert_eq!(join(&mut packet, 6, 2), Action::Nothing);
    assert_eq!(packet.handle(Event::GatherDone(BAD)), Action::Write);
}

#[test]
fn writes_that_come_too_late_stay_queued() {
    let mut packet = waiting(&[]);

    assert_eq!(join_last(&mut packet, 0, 8), Action::Write);
    assert!(!packet.is_open());
    assert_eq!(join(&mut packet, 0, 1), Action::Refuse);
    assert_eq!(
        packet.handle(Event::WriteDone(Ok(()))),
        Action::Finish(Ok(()))
    );
    assert_eq!(join(&mut packet, 0, 1), Action::Refuse);
    assert_eq!(packet.handle(Event::Released), Action::Nothing);
    assert_eq!(join(&mut packet, 0, 1), Action::Refuse);
}

#[test]
fn a_write_beyond_the_packet_does_not_join() {
    let mut packet = waiting(&[]);

    assert_eq!(join(&mut packet, 7, 2), Action::Refuse);
    assert!(packet.coverage().is_empty());
}

#[test]
fn a_failed_write_is_repeated_once() {
    assert_eq!(WRITE_RETRIES, 1);

    let mut packet = waiting(&[]);
    assert_eq!(join_last(&mut packet, 0, 8), Action::Write);
    assert_eq!(packet.handle(Event::WriteDone(BAD)), Action::Write);
    let action = packet.handle(Event::WriteDone(Ok(())));
    finish(&mut packet, action, Ok(()));
    assert!(packet.data_valid());

    assert_eq!(start(&mut packet, 0), Action::AwaitTurn);
    assert_eq!(join_last(&mut packet, 0, 8), Action::Write);
    assert_eq!(packet.handle(Event::WriteDone(BAD)), Action::Write);
    let action = packet.handle(Event::WriteDone(WORSE));
    finish(&mut packet, action, WORSE);
    assert!(!packet.data_valid());

    // Nothing of the failure is left over.
    assert_eq!(start(&mut packet, 0), Action::AwaitTurn);
    assert_eq!(packet.error(), None);
    assert_eq!(join(&mut packet, 0, 7), Action::Nothing);
    assert_eq!(packet.handle(Event::Turn), gather(7, 1));
}

#[test]
fn events_out_of_place_change_nothing() {
    let mut reading = waiting(&[(0, 1)]);
    let mut writing = waiting(&[]);
    let mut done = waiting(&[]);

    assert_eq!(reading.handle(Event::Turn), gather(1, 7));
    assert_eq!(join_last(&mut writing, 0, 8), Action::Write);
    assert_eq!(done.handle(Event::Turn), Action::Finish(Ok(())));

    for (packet, mine) in [
        (Packet::new(FRAMES), "start"),
        (waiting(&[(0, 1)]), "wait"),
        (reading, "read"),
        (writing, "write"),
        (done, "release"),
    ] {
        for (event, whose) in [
            (
                Event::Start {
                    zone: zone(1),
                    no_gather: false,
                },
                "start",
            ),
            (Event::GatherDone(Ok(())), "read"),
            (Event::GatherDone(BAD), "read"),
            (Event::WriteDone(Ok(())), "write"),
            (Event::WriteDone(BAD), "write"),
            (Event::Released, "release"),
        ] {
            let mut after = packet.clone();
            if mine != whose {
                assert_eq!(after.handle(event), Action::Refuse);
                assert_eq!(after, packet);
            }
        }
    }
}
