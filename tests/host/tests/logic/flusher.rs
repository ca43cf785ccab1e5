// SPDX-License-Identifier: GPL-2.0

//! What the drive could not keep: who is told, and what is written again. A table of events.

use crate::drive_world::Buffers;
use rblk_host_tests::pktcdvd::logic::flusher;

const BAD: Result<(), i32> = Err(-5);
const WORSE: Result<(), i32> = Err(-61);

/// What happens to the flusher of a drive with two packets that were written, in zones 0 and 1.
#[derive(Debug, Clone, Copy)]
enum On {
    /// A flush comes, while something is dirty or not.
    Flush { dirty: bool },
    /// The drive was asked.
    Synced(Result<(), i32>),
    /// The drive has lost its cache.
    Lost { dirty: bool },
    /// What is to be written again is written, with this result.
    Rewritten(Result<(), i32>),
    /// A buffer is used for another packet, which is written.
    Reused,
    /// Of what is to be written again, nothing can be, and a buffer of it is used for another packet
    /// before that is looked at.
    Missed,
    /// A read wants the drive to be asked first.
    Asks,
    /// All packets are written once more, by their users.
    Writes,
    /// The session ends and another one begins.
    Enters,
}
use On::*;

/// What is seen of it then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Nothing.
    Nothing,
    /// The drive is to be asked.
    Asked,
    /// The flush has ended.
    Told(Result<(), i32>),
}
use Seen::*;

/// Has the events happen, each of which is to show what stands next to it.
#[track_caller]
fn check(table: &[(On, Seen)]) {
    let mut flusher = flusher::Flusher::<(), i32>::new();
    let mut buffers = Buffers::cached(2);

    for (number, &(event, expected)) in table.iter().enumerate() {
        let list = buffers.list();
        let ended = match event {
            Flush { dirty } => flusher.flush((), dirty),
            Synced(result) => flusher.synced(list, result),
            Lost { dirty } => flusher.cache_lost(list, dirty, -5),
            Rewritten(result) => {
                buffers.write_all(result);
                assert!(
                    flusher.is_rewritten(buffers.list()),
                    "nothing was to be written"
                );
                flusher.ask_again(buffers.list())
            }
            Reused => {
                let zone = buffers.reuse(0);
                flusher.reuses(&buffers.before, zone);
                None
            }
            Missed => {
                buffers.write_all(BAD);
                let zone = buffers.reuse(0);
                flusher.reuses(&buffers.before, zone);
                // The other one as well, so that nothing is left that could be seen to be lost.
                let zone = buffers.reuse(1);
                flusher.reuses(&buffers.before, zone);
                assert!(flusher.is_rewritten(buffers.list()));
                flusher.ask_again(buffers.list())
            }
            Asks => {
                assert_eq!(flusher.request(), expected == Asked);
                None
            }
            Writes => {
                buffers.write_anew();
                flusher.writes();
                None
            }
            Enters => {
                flusher.enter();
                None
            }
        };
        let seen = match ended {
            Some(((), result)) => Told(result),
            None if flusher.wants_sync() => Asked,
            None => Nothing,
        };
        flusher.asked();
        assert_eq!(seen, expected, "number {number} of {table:?}");
    }
}

const FLUSH: On = Flush { dirty: true };
const LOST: On = Lost { dirty: true };

#[test]
fn a_flush_of_nothing_ends_at_once() {
    check(&[(Flush { dirty: false }, Told(Ok(())))]);
}

#[test]
fn a_flush_has_the_drive_asked_and_gets_its_answer() {
    check(&[
        (FLUSH, Asked),
        (Synced(Ok(())), Told(Ok(()))),
        (FLUSH, Asked),
        (Synced(Ok(())), Told(Ok(()))),
    ]);
}

#[test]
fn what_the_drive_could_not_keep_is_written_again() {
    check(&[
        (FLUSH, Asked),
        (Synced(BAD), Nothing),
        (Rewritten(Ok(())), Asked),
        (Synced(Ok(())), Told(Ok(()))),
    ]);
}

#[test]
fn a_drive_that_fails_again_is_not_asked_a_third_time() {
    check(&[
        (FLUSH, Asked),
        (Synced(BAD), Nothing),
        (Rewritten(Ok(())), Asked),
        (Synced(WORSE), Told(WORSE)),
        (Flush { dirty: false }, Told(Ok(()))),
    ]);
}

#[test]
fn what_cannot_be_written_again_is_lost() {
    check(&[
        (FLUSH, Asked),
        (Synced(WORSE), Nothing),
        // The error is the one of the drive, not of the second write.
        (Rewritten(BAD), Told(WORSE)),
        (FLUSH, Asked),
        (Synced(Ok(())), Told(Ok(()))),
    ]);
}

#[test]
fn what_was_lost_is_lost_even_if_its_buffers_are_used_for_something_else() {
    check(&[
        (FLUSH, Asked),
        (Synced(WORSE), Nothing),
        (Missed, Told(WORSE)),
        (Flush { dirty: false }, Told(Ok(()))),
    ]);
    check(&[
        (LOST, Nothing),
        (Missed, Nothing),
        (Flush { dirty: false }, Told(BAD)),
    ]);
}

#[test]
fn without_the_data_the_flush_fails_at_once_and_the_next_does_not() {
    check(&[
        (Reused, Nothing),
        (FLUSH, Asked),
        (Synced(BAD), Told(BAD)),
        // What is there by then can be written again.
        (FLUSH, Asked),
        (Synced(Ok(())), Told(Ok(()))),
    ]);
}

#[test]
fn a_flush_that_was_kept_needs_no_data_any_more() {
    check(&[
        (Reused, Nothing),
        (FLUSH, Asked),
        (Synced(Ok(())), Told(Ok(()))),
        // So there is nothing to be missed now.
        (FLUSH, Asked),
        (Synced(BAD), Nothing),
        (Rewritten(Ok(())), Asked),
        (Synced(Ok(())), Told(Ok(()))),
    ]);
}

#[test]
fn an_error_that_nobody_asked_for_is_told_to_the_next_flush() {
    check(&[
        (Reused, Nothing),
        (Asks, Asked),
        (Synced(BAD), Nothing),
        (FLUSH, Asked),
        // The drive is fine now, but what it had lost is lost.
        (Synced(Ok(())), Told(BAD)),
        (FLUSH, Asked),
        (Synced(Ok(())), Told(Ok(()))),
    ]);
}

#[test]
fn even_if_nothing_is_dirty_by_then() {
    check(&[
        (Reused, Nothing),
        (LOST, Nothing),
        (Flush { dirty: false }, Told(BAD)),
        (Flush { dirty: false }, Told(Ok(()))),
    ]);
}

#[test]
fn of_several_errors_the_first_is_told() {
    check(&[
        (Reused, Nothing),
        (Asks, Asked),
        (Synced(WORSE), Nothing),
        (Writes, Nothing),
        (Reused, Nothing),
        (LOST, Nothing),
        (Flush { dirty: false }, Told(WORSE)),
        (Flush { dirty: false }, Told(Ok(()))),
    ]);
}

#[test]
fn the_error_of_the_flush_itself_comes_before_that_of_others() {
    check(&[
        (Reused, Nothing),
        (Asks, Asked),
        (Synced(BAD), Nothing),
        (Reused, Nothing),
        (FLUSH, Asked),
        (Synced(Ok(())), Told(BAD)),
    ]);
    check(&[
        (Reused, Nothing),
        (Asks, Asked),
        (Synced(BAD), Nothing),
        (Writes, Nothing),
        (Reused, Nothing),
        (FLUSH, Asked),
        (Synced(WORSE), Told(WORSE)),
        // Both were told.
        (Flush { dirty: false }, Told(Ok(()))),
    ]);
}

#[test]
fn a_flush_that_comes_during_a_rescue_gets_its_result() {
    check(&[
        (Asks, Asked),
        (Synced(BAD), Nothing),
        // The drive is asked when all is there again, not before.
        (FLUSH, Nothing),
        (Rewritten(Ok(())), Asked),
        (Synced(Ok(())), Told(Ok(()))),
    ]);
    check(&[
        (LOST, Nothing),
        (Flush { dirty: false }, Nothing),
        (Rewritten(Ok(())), Asked),
        (Synced(WORSE), Told(WORSE)),
    ]);
}

#[test]
fn a_read_that_has_the_drive_asked_ends_no_rescue() {
    check(&[
        (FLUSH, Asked),
        (Synced(BAD), Nothing),
        (Asks, Asked),
        (Synced(Ok(())), Nothing),
        (Rewritten(Ok(())), Asked),
        (Synced(Ok(())), Told(Ok(()))),
    ]);
    check(&[
        (FLUSH, Asked),
        (Synced(BAD), Nothing),
        (Asks, Asked),
        // That was the second time.
        (Synced(WORSE), Told(WORSE)),
    ]);
}

#[test]
fn a_lost_cache_is_written_again_and_the_drive_asked() {
    check(&[
        (LOST, Nothing),
        (Rewritten(Ok(())), Asked),
        (Synced(Ok(())), Nothing),
        (Flush { dirty: false }, Told(Ok(()))),
    ]);
}

#[test]
fn a_cache_that_had_nothing_is_no_loss() {
    check(&[
        (Lost { dirty: false }, Nothing),
        (Flush { dirty: false }, Told(Ok(()))),
    ]);
}

#[test]
fn a_cache_that_is_lost_during_a_rescue_is_written_again_from_the_start() {
    check(&[
        (FLUSH, Asked),
        (LOST, Nothing),
        (Lost { dirty: false }, Nothing),
        (Rewritten(Ok(())), Asked),
        (Lost { dirty: false }, Nothing),
        (Rewritten(Ok(())), Asked),
        (Synced(Ok(())), Told(Ok(()))),
    ]);
}

#[test]
fn a_lost_cache_that_cannot_be_written_again_ends_the_flush() {
    check(&[
        (Reused, Nothing),
        (FLUSH, Asked),
        (LOST, Told(BAD)),
        (Flush { dirty: false }, Told(Ok(()))),
    ]);
}

#[test]
fn reads_do_not_ask_again_until_something_is_written() {
    check(&[
        (Reused, Nothing),
        (Asks, Asked),
        (Synced(BAD), Nothing),
        (Asks, Nothing),
        (Writes, Nothing),
        (Asks, Asked),
        (Synced(Ok(())), Nothing),
        (Asks, Asked),
    ]);
}

#[test]
fn reads_go_on_asking_after_a_flush_has_failed() {
    check(&[
        (Reused, Nothing),
        (FLUSH, Asked),
        (Synced(BAD), Told(BAD)),
        (Asks, Asked),
    ]);
}

#[test]
fn what_a_session_owed_is_no_matter_of_the_next() {
    check(&[
        (Reused, Nothing),
        (Asks, Asked),
        (Synced(BAD), Nothing),
        (Enters, Nothing),
        (Asks, Asked),
        (Flush { dirty: false }, Told(Ok(()))),
    ]);
}

#[test]
fn the_last_attempt_of_a_session_is_one() {
    let mut flusher = flusher::Flusher::<(), i32>::new();

    assert!(flusher.try_last());
    assert!(!flusher.try_last());
    flusher.enter();
    assert!(flusher.try_last());
}

#[test]
fn one_flush_is_under_way_at_a_time() {
    let mut flusher = flusher::Flusher::<&str, i32>::new();
    let mut buffers = Buffers::cached(2);

    assert!(!flusher.is_flushing());
    assert_eq!(flusher.flush("flush", true), None);
    assert!(flusher.is_flushing());
    flusher.asked();
    let ended = flusher.synced(buffers.list(), Ok(()));
    assert_eq!(ended, Some(("flush", Ok(()))));
    assert!(!flusher.is_flushing());
}
