// SPDX-License-Identifier: GPL-2.0

//! The order in which requests leave the queue, against lists that are searched.

use crate::tree::{steps, Sorted};
use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::{
    pieces::{Claim, Pieces},
    queue,
};

/// Requests are numbered in the order of their submission.
type Id = u32;
type Queue = queue::Queue<&'static str, Sorted<Id>>;

/// What a write asks for that somebody waits for.
fn urgent() -> Claim {
    Claim::new(1, 8, true)
}

const IDLE: fn(u64) -> bool = |_| false;

/// A queue with one write to each of these zones, numbered from 0.
fn queue(zones: &[u64]) -> Queue {
    let mut queue = Queue::new();

    for (id, &zone) in zones.iter().enumerate() {
        queue.push_write(zone, id as Id, urgent(), 0);
    }
    queue
}

/// Takes all writes of the zones in the order of the elevator, each of which is then behind `size`.
fn sweep(queue: &mut Queue, size: u64) -> Vec<u64> {
    let mut at = 0;
    let mut zones = vec![];

    while let Some(zone) = queue.next_zone(at, IDLE) {
        while queue.pop_write(zone).is_some() {}
        at = zone + size;
        zones.push(zone);
    }
    zones
}

fn id_of(write: Option<(u64, Id)>) -> Option<Id> {
    write.map(|(_, id)| id)
}

#[test]
fn writes_of_a_zone_come_out_as_they_were_submitted() {
    let mut queue = queue(&[8, 0, 8, 16, 8]);

    assert_eq!(id_of(queue.pop_write(8)), Some(0));
    queue.push_write(8, 5, urgent(), 0);
    assert_eq!(id_of(queue.pop_write(8)), Some(2));
    assert_eq!(id_of(queue.pop_write(8)), Some(4));
    assert_eq!(id_of(queue.pop_write(8)), Some(5));
    assert_eq!(id_of(queue.pop_write(8)), None);
    assert_eq!(queue.size(), 2);
}

#[test]
fn writes_of_this_sweep_come_before_those_of_the_next() {
    let mut queue = queue(&[8, 8]);

    // The sweep begins; what comes from here on is filed for the next.
    assert_eq!(queue.next_zone(0, IDLE), Some(8));
    queue.push_write(8, 2, urgent(), 0);
    for id in 0..3 {
        assert_eq!(id_of(queue.pop_write(8)), Some(id));
    }
}

#[test]
fn the_elevator_goes_up_and_begins_anew() {
    let mut queue = queue(&[24, 0, 16, 8]);

    assert_eq!(queue.next_zone(16, IDLE), Some(16));
    assert_eq!(queue.next_zone(17, IDLE), Some(24));
    assert_eq!(queue.next_zone(25, IDLE), Some(0));
    assert_eq!(sweep(&mut queue, 8), [0, 8, 16, 24]);
}

#[test]
fn busy_zones_are_passed_over() {
    let mut queue = queue(&[0, 8, 16]);

    assert_eq!(queue.next_zone(8, |zone| zone == 8), Some(16));
    assert_eq!(queue.next_zone(8, |zone| zone != 0), Some(0));
    assert_eq!(queue.next_zone(8, |_| true), None);
    queue.push_write(32, 3, urgent(), 0);
    assert_eq!(queue.next_zone(0, |zone| zone < 32), Some(32));
}

#[test]
fn the_last_zone_of_all_can_be_busy() {
    let mut queue = queue(&[u64::MAX]);

    assert_eq!(queue.next_zone(0, |_| true), None);
    assert_eq!(queue.next_zone(0, IDLE), Some(u64::MAX));
}

#[test]
fn a_stream_of_writes_does_not_keep_the_elevator_from_those_behind() {
    let mut queue = queue(&[0, 800]);
    let mut at = 400;
    let mut served = vec![];

    // A writer that is always just ahead of the elevator.
    for id in 2..12 {
        let zone = queue.next_zone(at, IDLE).unwrap();
        assert!(queue.pop_write(zone).is_some());
        served.push(zone);
        at = zone + 8;
        queue.push_write(at, id, urgent(), 0);
    }
    // Two of those that came later, then it is its turn.
    assert!(served[..4].contains(&0), "starved: {served:?}");
}

#[test]
fn reads_and_the_rest_come_out_in_order_and_are_no_writes() {
    let mut queue = Queue::new();

    assert!(queue.is_empty() && !queue.has_read());
    for id in 0..3 {
        queue.push_read(id);
        queue.push_other(10 + id);
    }
    assert_eq!(queue.size(), 0);
    assert!(!queue.is_empty() && queue.has_read());
    for id in 0..3 {
        assert_eq!(queue.first_read(), Some(&id));
        assert_eq!(queue.pop_read(), Some(id));
        assert_eq!(queue.pop_other(), Some(10 + id));
    }
    assert_eq!(queue.first_read(), None);
    assert!(queue.is_empty());
}

#[test]
fn each_kind_of_request_keeps_the_queue_from_being_empty() {
    let files: [fn(&mut Queue); 3] = [
        |queue| queue.push_write(0, 0, urgent(), 0),
        |queue| queue.push_read(0),
        |queue| queue.push_other(0),
    ];

    for file in files {
        let mut queue = Queue::new();
        file(&mut queue);
        assert!(!queue.is_empty());
    }
}

#[test]
fn the_gate_counts_the_writes_of_both_sweeps_and_nothing_else() {
    let mut queue = queue(&[0; 300]);

    assert!(!queue.gate().set_on(500));
    assert!(!queue.gate().set_off(400));
    assert_eq!(queue.next_zone(0, IDLE), Some(0));
    for id in 300..499 {
        queue.push_write(8, id, urgent(), 0);
        queue.push_read(1000 + id);
        queue.push_other(2000 + id);
    }
    assert!(queue.admit());
    queue.push_write(8, 499, urgent(), 0);
    assert_eq!(queue.size(), 500);
    assert!(!queue.admit());
    for _ in 0..99 {
        assert!(queue.pop_write(8).is_some());
        assert!(!queue.should_resume());
    }
    assert!(queue.pop_read().is_some() && queue.pop_other().is_some());
    assert!(!queue.should_resume());
    assert!(queue.pop_write(0).is_some());
    assert!(queue.should_resume());
}

#[test]
fn a_session_is_handed_back_by_the_one_that_follows() {
    let mut queue = Queue::new();

    assert_eq!(queue.session(), None);
    assert_eq!(queue.set_session(Some("first")), None);
    assert_eq!(queue.session(), Some(&"first"));
    assert_eq!(queue.set_session(Some("second")), Some("first"));
    assert_eq!(queue.set_session(None), Some("second"));
    assert_eq!(queue.session(), None);
}

/// What a write asks for that nobody waits for.
fn lazy(frames: u32) -> Claim {
    Claim::new(frames, 8, false)
}

const WAIT: u64 = 100;

/// How many writes the block layer sends before it waits for one to end.
const TAGS: usize = 10240;

#[test]
fn what_nobody_waits_for_is_held_until_no_more_comes() {
    let mut queue = Queue::new();

    assert_eq!(queue.held_for(0, WAIT), None);
    queue.push_write(0, 0, lazy(1), 1000);
    queue.push_write(8, 1, lazy(1), 1060);
    queue.release(1159, WAIT, false, TAGS);
    assert_eq!(queue.next_zone(0, IDLE), None);
    assert_eq!(queue.held_for(1159, WAIT), Some(1));
    queue.release(1160, WAIT, false, TAGS);
    assert_eq!(queue.held_for(1160, WAIT), None);
    // What comes now is held again, but not in a zone that is due.
    queue.push_write(16, 2, lazy(1), 1170);
    queue.push_write(8, 3, lazy(1), 1170);
    assert_eq!(sweep(&mut queue, 8), [8, 0]);
    assert_eq!(queue.size(), 1);
}

// The first write after a pause was let go of at once, as if it had been held since the one before.
#[test]
fn what_is_held_has_nothing_to_do_with_writes_that_are_gone() {
    let mut queue = Queue::new();

    queue.push_write(0, 0, lazy(4), 0);
    queue.push_write(0, 1, lazy(4), 1);
    assert_eq!(sweep(&mut queue, 8), [0]);
    queue.push_write(8, 2, lazy(1), 1_000_000);
    assert_eq!(queue.held_for(1_000_000, WAIT), Some(WAIT));
}

#[test]
fn a_stream_that_never_pauses_is_not_held_for_ever() {
    let mut queue = Queue::new();

    for id in 0..30 {
        let now = u64::from(id) * 90;
        queue.push_write(u64::from(id) * 8, id, lazy(1), now);
        queue.release(now, WAIT, false, TAGS);
        // Twenty times the silence.
        assert_eq!(
            queue.next_zone(0, IDLE).is_some(),
            now >= 20 * WAIT,
            "at {now}"
        );
    }
}

#[test]
fn nothing_is_held_for_so_long_that_a_task_seems_to_hang() {
    const SECOND: u64 = 1_000_000_000;
    let mut queue = Queue::new();

    for second in 0..11 {
        queue.push_write(second * 8, 0, lazy(1), second * SECOND);
    }
    assert_eq!(queue.held_for(9 * SECOND, 10 * SECOND), Some(SECOND));
    assert_eq!(queue.held_for(10 * SECOND, 10 * SECOND), Some(0));
}

#[test]
fn what_somebody_waits_for_is_due_at_once_and_so_are_full_packets() {
    let mut queue = Queue::new();

    queue.push_write(0, 0, lazy(7), 0);
    queue.push_write(8, 1, lazy(1), 0);
    assert_eq!(queue.next_zone(0, IDLE), None);
    queue.push_write(0, 2, lazy(1), 0);
    assert_eq!(queue.next_zone(0, IDLE), Some(0));
    queue.push_write(8, 3, urgent(), 0);
    assert_eq!(sweep(&mut queue, 8), [0, 8]);
    assert!(queue.is_empty());
}

#[test]
fn nothing_is_held_if_the_device_is_to_come_to_rest() {
    let mut queue = Queue::new();

    queue.push_write(8, 0, lazy(1), 0);
    queue.release(0, WAIT, true, TAGS);
    assert_eq!(queue.next_zone(0, IDLE), Some(8));
}

#[test]
fn nothing_is_held_from_the_lower_mark_on() {
    let mut queue = Queue::new();

    assert!(!queue.gate().set_on(500));
    assert!(!queue.gate().set_off(400));
    for id in 0..400 {
        queue.release(0, WAIT, false, TAGS);
        assert_eq!(queue.next_zone(0, IDLE), None, "at {id}");
        queue.push_write(u64::from(id) * 8, id, lazy(1), 0);
    }
    queue.release(0, WAIT, false, TAGS);
    assert!(queue.next_zone(0, IDLE).is_some());
}

/// Pushes writes that nobody waits for, each to another zone, until some are due. Returns how many.
fn held_at_most(queue: &mut Queue, tags: usize) -> usize {
    for held in 0..TAGS {
        queue.release(0, WAIT, false, tags);
        if queue.next_zone(0, IDLE).is_some() {
            return held;
        }
        queue.push_write(held as u64 * 8, held as Id, lazy(1), 0);
    }
    TAGS
}

// All requests could be held, and writers waited for one until the hold was over.
#[test]
fn what_is_held_leaves_requests_for_others() {
    const OFF: usize = 9000;

    // As many as without a scheduler, with one, and as few as a user may ask for.
    for (tags, most) in [(TAGS, 2560), (256, 64), (4, 1), (1, 1)] {
        let mut queue = Queue::new();
        assert!(!queue.gate().set_on(0));
        assert_eq!(
            held_at_most(&mut queue, tags),
            most,
            "of {tags}, without marks"
        );
    }
    for (tags, most) in [(TAGS, OFF), (OFF, OFF), (OFF - 1, 2249), (256, 64)] {
        let held = held_at_most(&mut Queue::new(), tags);
        assert_eq!(held, most, "of {tags}, with the default marks");
    }
}

/// As many writes as can be held, each to another zone, from zone 8 on.
fn full_of_held() -> Queue {
    let mut queue = Queue::new();

    for id in 0..8999 {
        queue.push_write(u64::from(id + 1) * 8, id, lazy(1), 0);
    }
    queue
}

// The elevator stepped over all that is held to find what is due, under a spinlock.
#[test]
fn what_is_held_does_not_delay_what_is_due() {
    let mut queue = full_of_held();

    assert!(steps(|| assert_eq!(queue.next_zone(0, IDLE), None)) < 10);
    queue.push_write(8 * 9999, 9999, urgent(), 0);
    assert!(steps(|| assert_eq!(queue.next_zone(0, IDLE), Some(8 * 9999))) < 20);
    // Behind the elevator.
    assert!(steps(|| assert_eq!(queue.next_zone(8 * 10000, IDLE), Some(8 * 9999))) < 20);
}

#[test]
fn what_is_held_becomes_due_in_short_steps() {
    // Whether others are due in this sweep, and in the next one.
    for (this, next) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut queue = full_of_held();

        if this {
            queue.push_write(0, 9000, urgent(), 0);
            assert_eq!(queue.next_zone(0, IDLE), Some(0));
        }
        if next {
            queue.push_write(8 * 9999, 9001, urgent(), 0);
        }
        let mut rounds = 0;
        while rounds == 0 || queue.held_for(WAIT, WAIT) == Some(0) {
            let most = steps(|| queue.release(WAIT, WAIT, false, TAGS));
            assert!(most < 1000, "{most} steps at once");
            rounds += 1;
        }
        assert!(rounds <= 8999 / 64 + 1, "{rounds} rounds");
        assert_eq!(queue.held_for(WAIT, WAIT), None);

        let writes = queue.size();
        let zones = sweep(&mut queue, 8);
        assert_eq!(zones.len(), writes);
        assert!(queue.is_empty());
    }
}

#[test]
fn writes_of_a_zone_that_becomes_due_stay_in_order() {
    let mut queue = Queue::new();

    queue.push_write(8, 0, lazy(1), 0);
    queue.push_write(8, 1, lazy(2), 0);
    queue.push_write(8, 2, urgent(), 0);
    queue.push_write(8, 3, lazy(1), 0);
    assert_eq!(queue.next_zone(0, IDLE), Some(8));
    queue.push_write(8, 4, lazy(1), 0);
    for id in 0..5 {
        assert_eq!(id_of(queue.pop_write(8)), Some(id));
    }
    assert_eq!(queue.pop_write(8), None);
}

// Others may have joined a packet that can take no more.
#[test]
fn what_is_left_of_a_zone_that_was_held_is_due() {
    let mut queue = Queue::new();

    queue.push_write(8, 0, lazy(1), 0);
    queue.push_write(8, 1, lazy(1), 0);
    assert_eq!(id_of(queue.pop_write(8)), Some(0));
    assert_eq!(queue.next_zone(0, IDLE), Some(8));
    assert_eq!(id_of(queue.pop_write(8)), Some(1));
}

#[test]
fn a_packet_with_more_data_is_written_before_those_with_less() {
    let mut queue = Queue::new();

    for (id, frames) in (0..).zip([1, 3, 6, 2, 6]) {
        let claim = Claim::new(frames, 8, true);
        queue.push_write(u64::from(id) * 8, id, claim, 0);
    }
    assert_eq!(sweep(&mut queue, 8), [16, 32, 8, 24, 0]);
}

#[test]
fn a_stream_of_full_packets_is_written_in_order() {
    let mut queue = Queue::new();

    for id in 0..5u32 {
        queue.push_write(u64::from(id) * 8, id, lazy(8 + id), 0);
    }
    assert_eq!(sweep(&mut queue, 8), [0, 8, 16, 24, 32]);
}

#[derive(Debug, Clone)]
enum Step {
    PushWrite(u64, Claim),
    PopZone(u64),
    PushRead,
    PopRead,
    PushOther,
    PopOther,
    Release,
    /// Asks for the next zone from here on; some zones are busy, one bit for each.
    NextZone(u64, u8),
}

fn any_step() -> impl Strategy<Value = Step> {
    let zone = 0..6u64;
    let claim =
        (1..6u32, prop::bool::weighted(0.2)).prop_map(|(n, urgent)| Claim::new(n, 8, urgent));

    prop_oneof![
        6 => (zone.clone(), claim).prop_map(|(zone, claim)| Step::PushWrite(zone, claim)),
        3 => zone.clone().prop_map(Step::PopZone),
        1 => Just(Step::PushRead),
        1 => Just(Step::PopRead),
        1 => Just(Step::PushOther),
        1 => Just(Step::PopOther),
        1 => Just(Step::Release),
        4 => (0..8u64, prop_oneof![Just(0u8), any::<u8>()])
            .prop_map(|(from, busy)| Step::NextZone(from, busy)),
    ]
}

/// A write, as the model knows it.
#[derive(Debug, Clone, Copy)]
struct Write {
    zone: u64,
    id: Id,
    claim: Claim,
    /// It is not held.
    due: bool,
    /// It is one of this sweep.
    mine: bool,
}

/// Lists, in the order of submission.
#[derive(Default)]
struct Model {
    writes: Vec<Write>,
    reads: Vec<Id>,
    others: Vec<Id>,
    strayed: u32,
}

fn take_first<T>(list: &mut Vec<T>, wanted: impl Fn(&T) -> bool) -> Option<T> {
    let index = list.iter().position(wanted)?;
    Some(list.remove(index))
}

impl Model {
    fn push(&mut self, zone: u64, id: Id, claim: Claim) {
        let (due, mine) = (false, false);
        self.writes.push(Write {
            zone,
            id,
            claim,
            due,
            mine,
        });

        let writes = || self.writes.iter().filter(|write| write.zone == zone);
        let frames: u32 = writes().map(|write| write.claim.frames()).sum();
        if frames >= 8 || writes().any(|write| write.due || write.claim.is_pressing()) {
            let mut writes = self.writes.iter_mut();
            while let Some(write) = writes.find(|write| write.zone == zone && !write.due) {
                write.due = true;
            }
        }
    }

    /// If nothing is left of this sweep, the next one begins.
    fn turn(&mut self) {
        if self.writes.iter().all(|write| !write.mine) {
            self.writes
                .iter_mut()
                .for_each(|write| write.mine = write.due);
        }
    }

    fn release(&mut self) {
        self.turn();
        self.writes.iter_mut().for_each(|write| write.due = true);
    }

    fn next_zone(&mut self, from: u64, busy: u8) -> Option<u64> {
        self.turn();
        let mine = |zone| self.writes.iter().any(|w| w.mine && w.zone == zone);
        let all = self.best(from, busy, |_| true);
        let zone = match self.strayed < 2 {
            true => all,
            false => self.best(from, busy, mine).or(all),
        };
        let zone = zone?;
        self.strayed = if mine(zone) { 0 } else { self.strayed + 1 };
        Some(zone)
    }

    /// The frames of a zone that is due.
    fn due(&self, zone: u64) -> Option<u32> {
        let writes = || self.writes.iter().filter(|w| w.due && w.zone == zone);
        let frames = writes().map(|write| write.claim.frames()).sum();
        writes().next().map(|_| frames)
    }

    fn best(&self, from: u64, busy: u8, wanted: impl Fn(u64) -> bool) -> Option<u64> {
        let mut zones: Vec<(u64, u32)> = (0..6)
            .filter(|&zone| busy & 1 << zone == 0 && wanted(zone))
            .filter_map(|zone| Some((zone, self.due(zone)?)))
            .collect();

        zones.sort_by_key(|&(zone, _)| (zone < from, zone));
        let full = zones.first().filter(|(_, frames)| *frames >= 8);
        let most = zones.iter().map(|(_, frames)| *frames).max();
        let best = zones.iter().find(|(_, frames)| Some(*frames) == most);
        full.or(best).map(|(zone, _)| *zone)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn behaves_like_lists(steps in prop::collection::vec(any_step(), 0..120)) {
        let mut queue = Queue::new();
        let mut model = Model::default();

        for (id, step) in (0..).zip(steps) {
            match step {
                Step::PushWrite(zone, claim) => {
                    queue.push_write(zone, id, claim, 0);
                    model.push(zone, id, claim);
                }
                Step::PopZone(zone) => {
                    while let Some(id) = id_of(queue.pop_write(zone)) {
                        let write = take_first(&mut model.writes, |write| write.zone == zone);
                        prop_assert_eq!(Some(id), write.map(|write| write.id));
                    }
                    prop_assert!(model.writes.iter().all(|write| write.zone != zone));
                }
                Step::PushRead => {
                    queue.push_read(id);
                    model.reads.push(id);
                }
                Step::PopRead => {
                    prop_assert_eq!(queue.first_read(), model.reads.first());
                    prop_assert_eq!(queue.pop_read(), take_first(&mut model.reads, |_| true));
                }
                Step::PushOther => {
                    queue.push_other(id);
                    model.others.push(id);
                }
                Step::PopOther => {
                    prop_assert_eq!(queue.pop_other(), take_first(&mut model.others, |_| true));
                }
                Step::Release => {
                    queue.release(0, WAIT, true, TAGS);
                    model.release();
                }
                Step::NextZone(from, busy) => {
                    let zone = queue.next_zone(from, |zone| busy & 1 << zone != 0);
                    prop_assert_eq!(zone, model.next_zone(from, busy));
                }
            }
            prop_assert_eq!(queue.size(), model.writes.len());
            for zone in 0..6 {
                let any = model.writes.iter().any(|write| write.zone == zone);
                prop_assert_eq!(queue.has_write(zone), any);
            }
            prop_assert_eq!(
                queue.is_empty(),
                model.writes.is_empty() && model.reads.is_empty() && model.others.is_empty()
            );
        }
    }

    #[test]
    fn pieces_keep_their_places(mut places in prop::collection::btree_map(0..60u64, 0..4u64, 0..20)) {
        let mut pieces = Pieces::<Sorted<u64>>::new();

        // From the last to the first: places are kept, whenever a request gets there.
        for (&seq, &zone) in places.iter().rev() {
            pieces.insert(zone, seq, seq);
        }
        prop_assert_eq!(pieces.len(), places.len());
        let mut sorted: Vec<(u64, u64)> = places.iter().map(|(&seq, &zone)| (zone, seq)).collect();
        sorted.sort_unstable();
        prop_assert!(pieces.iter().copied().eq(sorted.iter().map(|(_, seq)| *seq)));

        for zone in 0..4 {
            prop_assert_eq!(pieces.has(zone), places.values().any(|&z| z == zone));
            let lowest = places.values().filter(|&&z| z >= zone).min().copied();
            prop_assert_eq!(pieces.zone_from(zone), lowest);
        }
        if let Some((seq, rq)) = pieces.pop_of(2) {
            prop_assert_eq!(seq, rq);
            let oldest = places.iter().find(|(_, &zone)| zone == 2).map(|(&seq, _)| seq);
            prop_assert_eq!(Some(seq), oldest);
            places.remove(&seq);
            sorted.retain(|&(_, s)| s != seq);
        } else {
            prop_assert!(places.values().all(|&zone| zone != 2));
        }
        let popped: Vec<u64> = std::iter::from_fn(|| pieces.pop()).collect();
        prop_assert!(popped.iter().eq(sorted.iter().map(|(_, seq)| seq)));
        prop_assert!(pieces.is_empty());
    }
}
