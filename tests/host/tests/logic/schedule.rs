// SPDX-License-Identifier: GPL-2.0

//! Reads and writes that both want to go on, and neither of which may starve.

use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::schedule::{
    Direction::{self, Read, Write},
    Limits, Scheduler, Writes,
};

const LIMITS: Limits = Limits {
    read_run: 3,
    write_run: 2,
    streaming_run: 5,
    reads_in_flight: 4,
};

/// What is issued when both sides always have something.
fn busy(scheduler: &mut Scheduler, writes: Writes, count: usize) -> Vec<Direction> {
    (0..count)
        .map(|_| {
            let next = scheduler.next_of(true, 0, writes).unwrap();
            scheduler.issued(next);
            next
        })
        .collect()
}

#[test]
fn sides_take_turns() {
    let mut scheduler = Scheduler::new(LIMITS);

    assert_eq!(
        busy(&mut scheduler, Writes::Scattered, 10),
        [Read, Read, Read, Write, Write, Read, Read, Read, Write, Write]
    );
}

#[test]
fn a_stream_of_packets_goes_on_for_longer_but_not_for_ever() {
    let mut scheduler = Scheduler::new(LIMITS);

    assert_eq!(
        busy(&mut scheduler, Writes::Streaming, 9),
        [Read, Read, Read, Write, Write, Write, Write, Write, Read]
    );
}

#[test]
fn a_long_run_ends_as_soon_as_the_other_side_comes() {
    let mut scheduler = Scheduler::new(LIMITS);

    for _ in 0..1000 {
        assert_eq!(scheduler.next(false, 0, true), Some(Write));
        scheduler.issued(Write);
    }
    assert_eq!(scheduler.next(true, 0, true), Some(Read));
    for _ in 0..1000 {
        assert_eq!(scheduler.next(true, 0, false), Some(Read));
        scheduler.issued(Read);
    }
    assert_eq!(scheduler.next(true, 0, true), Some(Write));
}

#[test]
fn reads_in_flight_are_bounded() {
    let scheduler = Scheduler::new(LIMITS);

    assert_eq!(scheduler.next(true, 3, true), Some(Read));
    assert_eq!(scheduler.next(true, 4, true), Some(Write));
    assert_eq!(scheduler.next(true, 4, false), None);
    assert_eq!(scheduler.next(false, 0, false), None);
}

#[test]
fn limits_of_zero_still_let_everything_pass() {
    let none = Limits {
        read_run: 0,
        write_run: 0,
        streaming_run: 0,
        reads_in_flight: 0,
    };
    let mut scheduler = Scheduler::new(none);

    assert_eq!(
        busy(&mut scheduler, Writes::Scattered, 4),
        [Read, Write, Read, Write]
    );
}

#[test]
fn the_count_of_a_run_does_not_overflow() {
    let mut scheduler = Scheduler::new(Limits {
        read_run: u32::MAX,
        ..LIMITS
    });

    for _ in 0..100_000 {
        scheduler.issued(Read);
    }
    assert_eq!(scheduler.next(true, 0, true), Some(Read));
}

prop_compose! {
    fn any_limits()(
        read_run in 0..40u32,
        write_run in 0..10u32,
        streaming_run in 0..20u32,
        reads_in_flight in 0..8usize,
    ) -> Limits {
        Limits { read_run, write_run, streaming_run, reads_in_flight }
    }
}

fn any_writes() -> impl Strategy<Value = Writes> {
    prop_oneof![
        Just(Writes::None),
        Just(Writes::Scattered),
        Just(Writes::Streaming)
    ]
}

proptest! {
    #[test]
    fn nobody_starves(
        limits in any_limits(),
        moments in prop::collection::vec((any::<bool>(), 0..10usize, any_writes()), 0..400),
    ) {
        let mut scheduler = Scheduler::new(limits);
        // How often each side could go on, and the other one did.
        let (mut read_passed, mut write_passed) = (0, 0);

        for (reads_waiting, in_flight, writes) in moments {
            let read = reads_waiting && in_flight < limits.reads_in_flight.max(1);
            let write = writes != Writes::None;
            let next = scheduler.next_of(reads_waiting, in_flight, writes);

            prop_assert_eq!(next.is_some(), read || write);
            match next {
                None => continue,
                Some(Read) => prop_assert!(read),
                Some(Write) => prop_assert!(write),
            }
            if writes != Writes::Streaming {
                prop_assert_eq!(scheduler.next(reads_waiting, in_flight, write), next);
            }
            let next = next.unwrap();
            scheduler.issued(next);

            read_passed = if read && next == Write { read_passed + 1 } else { 0 };
            write_passed = if write && next == Read { write_passed + 1 } else { 0 };
            prop_assert!(read_passed <= limits.write_run.max(limits.streaming_run).max(1));
            prop_assert!(write_passed <= limits.read_run.max(1));
        }
    }

    #[test]
    fn a_waiting_read_is_next_after_at_most_one_run_of_writes(
        limits in any_limits(),
        history in prop::collection::vec(any::<bool>(), 0..100),
    ) {
        let mut scheduler = Scheduler::new(limits);

        for read in history {
            scheduler.issued(if read { Read } else { Write });
        }
        let run = busy(&mut scheduler, Writes::Scattered, 60);
        prop_assert!(run.iter().position(|next| *next == Read).unwrap()
            <= limits.write_run.max(1) as usize);
        prop_assert!(run.iter().position(|next| *next == Write).unwrap()
            <= limits.read_run.max(1) as usize);
    }
}
