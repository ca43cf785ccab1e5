// SPDX-License-Identifier: GPL-2.0

//! Packet buffers: which one is chosen, which I/O goes first, and what each keeps for later.

use crate::drive_world::Held;
use rblk_host_tests::pktcdvd::logic::{
    buffer::{self, Buffer, Io},
    frames::FrameRange,
    state::{Action, State},
    zone::{Geometry, Zone},
};

const FRAMES: u32 = 4;
/// Sectors of a packet.
const SIZE: u64 = 16;
const BAD: Result<(), i32> = Err(-5);

fn zone(index: u64) -> Zone {
    Geometry::new(SIZE as u32, 0, 1 << 20)
        .unwrap()
        .zone_at(index)
        .unwrap()
}

fn sector(index: u64) -> u64 {
    index * SIZE
}

fn range(first: u32, count: u32) -> FrameRange {
    FrameRange::new(first, count).unwrap()
}

/// A buffer whose write of the packet number `index` is ready.
fn ready(index: u64, used: u64) -> Held<i32> {
    let mut buffer = Held(Buffer::new(FRAMES));

    fill(&mut buffer, index, used);
    buffer
}

fn fill(buffer: &mut Buffer<i32>, index: u64, used: u64) {
    assert_eq!(buffer.start(zone(index), false, used), Action::AwaitTurn);
    assert!(buffer.join(range(0, FRAMES)));
    assert_eq!(buffer.proceed(), Action::Write);
    buffer.set_ready(Io::Write);
}

/// Submits the write that is ready, and has it end.
fn write(buffer: &mut Buffer<i32>, result: Result<(), i32>) -> Action<i32> {
    let (io, _) = buffer.take_ready().unwrap();

    buffer.submitted(io);
    assert_eq!(buffer.reap(|| Some(result)), Some((Io::Write, result)));
    buffer.io_done(io, result)
}

/// A free buffer that holds the packet number `index`.
fn cached(index: u64, used: u64) -> Held<i32> {
    let mut buffer = ready(index, used);

    assert_eq!(write(&mut buffer, Ok(())), Action::Finish(Ok(())));
    assert_eq!(buffer.release(), Action::Nothing);
    assert!(buffer.is_idle() && buffer.is_cached() && buffer.is_unflushed());
    buffer
}

/// The same; the medium has it, too.
fn flushed(index: u64, used: u64) -> Held<i32> {
    let mut buffer = cached(index, used);

    buffer.flushed();
    buffer
}

/// A free buffer whose write has failed; it was used as the `used`th.
fn failed(index: u64, used: u64) -> Held<i32> {
    let mut buffer = ready(index, used);

    assert_eq!(write(&mut buffer, BAD), Action::Write);
    buffer.set_ready(Io::Write);
    assert_eq!(write(&mut buffer, BAD), Action::Finish(BAD));
    assert_eq!(buffer.release(), Action::Nothing);
    assert!(buffer.is_idle() && !buffer.is_cached());
    buffer
}

/// The buffer that is chosen for packet number 0.
fn choose(list: &[Held<i32>]) -> Option<usize> {
    buffer::choose(list, sector(0))
}

#[test]
fn what_has_the_data_is_chosen_first() {
    assert_eq!(choose(&[failed(1, 1), cached(0, 9)]), Some(1));
    assert_eq!(choose(&[flushed(1, 1), flushed(0, 9)]), Some(1));
}

#[test]
fn what_has_no_data_is_chosen_before_what_has() {
    assert_eq!(choose(&[flushed(1, 1), failed(2, 9)]), Some(1));
    assert_eq!(choose(&[cached(1, 1), failed(0, 9)]), Some(1));
}

#[test]
fn what_is_on_the_medium_is_chosen_before_what_may_have_to_be_written_again() {
    assert_eq!(choose(&[cached(1, 1), flushed(2, 9)]), Some(1));
}

#[test]
fn what_was_used_the_longest_ago_is_chosen_of_equals() {
    let list = vec![flushed(1, 3), flushed(2, 1), flushed(3, 2)];
    assert_eq!(choose(&list), Some(1));

    let list = vec![cached(1, 2), cached(2, 3), cached(3, 1)];
    assert_eq!(choose(&list), Some(2));
}

#[test]
fn what_is_busy_is_not_chosen() {
    assert_eq!(choose(&[]), None);
    assert_eq!(choose(&[ready(0, 1), ready(1, 2)]), None);
    assert_eq!(choose(&[ready(1, 1), cached(2, 2)]), Some(1));

    // Nor what is being written again, even if it has the data.
    let mut again = cached(0, 1);
    again.write_again();
    assert_eq!(choose(&[again.clone()]), None);
    assert_eq!(choose(&[again, cached(2, 2)]), Some(1));
}

#[test]
fn the_elevator_takes_the_next_io_from_where_it_is() {
    let list = vec![ready(5, 1), ready(1, 2), ready(3, 3), flushed(2, 4)];
    let from = |index| buffer::next_ready(&list, sector(index), |_| true);

    assert_eq!(from(0), Some((1, sector(1))));
    assert_eq!(from(1), Some((1, sector(1))));
    assert_eq!(from(2), Some((2, sector(3))));
    assert_eq!(from(4), Some((0, sector(5))));
    // Behind the last one it begins anew.
    assert_eq!(from(6), Some((1, sector(1))));
}

#[test]
fn only_what_is_wanted_is_issued() {
    let mut gather = Held(Buffer::new(FRAMES));
    let _ = gather.start(zone(7), false, 1);
    assert!(gather.join(range(0, 1)));
    assert_eq!(gather.proceed(), Action::Gather(range(1, 3)));
    gather.set_ready(Io::Gather(range(1, 3)));

    let list = vec![ready(5, 1), gather];
    let next = |wanted: fn(&Buffer<i32>) -> bool| buffer::next_ready(&list, 0, wanted);
    assert_eq!(next(Buffer::is_to_gather), Some((1, sector(7))));
    assert_eq!(next(|p| !p.is_to_gather()), Some((0, sector(5))));
    assert_eq!(next(|_| false), None);
}

#[test]
fn io_is_ready_once() {
    let mut buffer = ready(3, 1);

    assert_eq!(buffer.ready_at(), Some(sector(3)));
    assert_eq!(buffer.take_ready(), Some((Io::Write, zone(3))));
    assert_eq!(buffer.ready_at(), None);
    assert_eq!(buffer.take_ready(), None);
    buffer.submitted(Io::Write);
    assert!(buffer.is_in_flight() && buffer.is_writing() && !buffer.is_gathering());
    // It is looked for before it has ended.
    assert_eq!(buffer.reap(|| None), None);
    assert!(buffer.is_in_flight());
    assert_eq!(buffer.reap(|| Some(BAD)), Some((Io::Write, BAD)));
    assert!(!buffer.is_in_flight());
    assert_eq!(buffer.reap(|| panic!("nothing is under way")), None);
}

#[test]
fn reads_are_served_from_when_the_packet_is_put_together() {
    let mut buffer = Buffer::<i32>::new(FRAMES);

    assert!(!buffer.serves(sector(1)));
    let _ = buffer.start(zone(1), false, 1);
    assert!(buffer.is_busy_with(sector(1)) && !buffer.is_busy_with(sector(2)));
    assert!(buffer.join(range(0, FRAMES)));
    assert!(!buffer.serves(sector(1)));
    let _ = buffer.proceed();
    assert!(buffer.serves(sector(1)) && !buffer.serves(sector(2)));
    buffer.set_ready(Io::Write);
    let _ = write(&mut buffer, Ok(()));
    let _ = buffer.release();
    assert!(buffer.serves(sector(1)) && !buffer.is_busy_with(sector(1)));
    // Of another packet or of a busy one, nothing is forgotten.
    buffer.invalidate(sector(2));
    assert!(buffer.serves(sector(1)));
    buffer.invalidate(sector(1));
    assert!(!buffer.serves(sector(1)));
}

/// A buffer whose packet in zone 1 was written, and not flushed.
fn unflushed() -> Buffer<i32> {
    let mut buffer = Buffer::new(FRAMES);

    let _ = buffer.start(zone(1), false, 1);
    assert!(buffer.join(range(0, FRAMES)));
    let _ = buffer.proceed();
    buffer.set_ready(Io::Write);
    let _ = write(&mut buffer, Ok(()));
    let _ = buffer.release();
    assert!(buffer.is_unflushed() && buffer.can_write_again());
    buffer
}

#[test]
fn what_was_discarded_is_owed_no_more() {
    let mut buffer = unflushed();

    buffer.discard(sector(2));
    assert!(buffer.is_unflushed() && buffer.serves(sector(1)));
    buffer.discard(sector(1));
    assert!(!buffer.serves(sector(1)) && !buffer.is_unflushed());
    assert!(!buffer.has_lost());
}

#[test]
fn what_was_only_forgotten_is_owed_still() {
    let mut buffer = unflushed();

    buffer.invalidate(sector(1));
    assert!(buffer.has_lost());
}

#[test]
fn a_failed_packet_serves_nobody() {
    assert!(!failed(1, 1).serves(sector(1)));
}

#[test]
fn a_buffer_is_void_once() {
    let mut buffer = Buffer::<i32>::new(FRAMES);

    let _ = buffer.start(zone(1), true, 1);
    assert!(buffer.take_void());
    assert!(!buffer.take_void());
    // A packet that was begun as void and a later one that is not.
    let mut buffer = Buffer::<i32>::new(FRAMES);
    let _ = buffer.start(zone(1), true, 1);
    assert_eq!(buffer.proceed(), Action::Finish(Ok(())));
    let _ = buffer.release();
    let _ = buffer.start(zone(1), false, 2);
    assert!(!buffer.take_void());
}

#[test]
fn what_was_written_is_owed_until_it_is_flushed_or_forgotten() {
    let mut buffer = cached(1, 1);
    buffer.flushed();
    assert!(!buffer.is_unflushed() && buffer.is_cached());

    // The same packet once more: what was written before is in the buffer as well.
    let mut buffer = cached(1, 1);
    fill(&mut buffer, 1, 2);
    assert!(buffer.is_unflushed());
    // Another packet: it is forgotten.
    let mut buffer = cached(1, 1);
    fill(&mut buffer, 2, 2);
    assert!(!buffer.is_unflushed());
}

#[test]
fn what_is_being_written_may_not_be_in_the_flush() {
    let mut buffer = cached(1, 1);

    fill(&mut buffer, 1, 2);
    let (io, _) = buffer.take_ready().unwrap();
    buffer.submitted(io);
    buffer.flushed();
    assert!(buffer.is_unflushed());
}

#[test]
fn a_failed_write_is_not_owed_but_what_was_there_before_is() {
    assert!(!failed(1, 1).is_unflushed());

    let mut buffer = cached(1, 1);
    fill(&mut buffer, 1, 2);
    assert_eq!(write(&mut buffer, BAD), Action::Write);
    buffer.set_ready(Io::Write);
    assert_eq!(write(&mut buffer, BAD), Action::Finish(BAD));
    let _ = buffer.release();
    assert!(buffer.is_unflushed() && buffer.has_lost() && !buffer.can_write_again());
}

#[test]
fn a_free_packet_is_written_again_by_itself() {
    let mut buffer = cached(1, 1);

    assert!(buffer.can_write_again());
    buffer.write_again();
    assert!(buffer.is_written_again() && !buffer.is_idle() && buffer.is_busy_with(sector(1)));
    assert_eq!(buffer.state(), State::Idle);
    // Reads go on, and it is not chosen for anything else.
    assert!(buffer.serves(sector(1)));
    assert_eq!(write(&mut buffer, Ok(())), Action::Nothing);
    assert!(!buffer.is_written_again() && buffer.is_cached() && buffer.is_unflushed());
}

#[test]
fn what_cannot_be_written_again_is_lost() {
    let mut buffer = cached(1, 1);

    buffer.write_again();
    assert_eq!(write(&mut buffer, BAD), Action::Nothing);
    assert!(!buffer.is_written_again() && !buffer.is_cached() && !buffer.serves(sector(1)));
    assert!(buffer.has_lost());
}

#[test]
fn a_packet_that_works_brings_it_back_with_its_own_write() {
    let mut buffer = cached(1, 1);

    fill(&mut buffer, 1, 2);
    assert!(buffer.can_write_again());
    buffer.write_again();
    assert!(buffer.is_written_again());
    assert_eq!(write(&mut buffer, Ok(())), Action::Finish(Ok(())));
    assert!(buffer.is_written_again());
    let _ = buffer.release();
    assert!(!buffer.is_written_again() && buffer.is_cached());
}

#[test]
fn it_is_written_again_once_if_the_cache_is_lost_twice() {
    let mut buffer = cached(1, 1);

    buffer.write_again();
    buffer.write_again();
    assert_eq!(write(&mut buffer, Ok(())), Action::Nothing);
    assert!(!buffer.is_written_again() && buffer.is_idle());
}

// Full packets that never end kept one that was not full from the drive, and whoever had synced it.
#[test]
fn a_packet_that_is_not_full_waits_for_so_many_others_only() {
    let mut partial = Held(Buffer::<i32>::new(FRAMES));
    let _ = partial.start(zone(0), false, 7);
    assert!(partial.join(range(0, 1)));

    assert!(partial.is_let_down(false, 7));
    assert!(!partial.is_let_down(true, 7));
    assert!(!partial.is_let_down(true, 22));
    assert!(partial.is_let_down(true, 23));
    assert!(ready(1, 7).is_let_down(true, 7));
}
