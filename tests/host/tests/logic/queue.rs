// SPDX-License-Identifier: GPL-2.0

//! The order in which requests leave the queue, against lists that are searched.

use crate::tree::Sorted;
use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::{pieces::Pieces, queue};

/// Requests are numbered in the order of their submission.
type Id = u32;
type Queue = queue::Queue<&'static str, Sorted<Id>>;

const IDLE: fn(u64) -> bool = |_| false;

/// A queue with one write to each of these zones, numbered from 0.
fn queue(zones: &[u64]) -> Queue {
    let mut queue = Queue::new();

    for (id, &zone) in zones.iter().enumerate() {
        queue.push_write(zone, id as Id);
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
    queue.push_write(8, 5);
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
    queue.push_write(8, 2);
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
    queue.push_write(32, 3);
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
        queue.push_write(at, id);
    }
    assert!(served[..3].contains(&0), "starved: {served:?}");
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
        |queue| queue.push_write(0, 0),
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
        queue.push_write(8, id);
        queue.push_read(1000 + id);
        queue.push_other(2000 + id);
    }
    assert!(queue.admit());
    queue.push_write(8, 499);
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

#[derive(Debug, Clone)]
enum Step {
    PushWrite(u64),
    PopWrite(u64),
    PushRead,
    PopRead,
    PushOther,
    PopOther,
    /// Asks for the next zone from here on; some zones are busy, one bit for each.
    NextZone(u64, u8),
}

fn any_step() -> impl Strategy<Value = Step> {
    let zone = 0..6u64;

    prop_oneof![
        6 => zone.clone().prop_map(Step::PushWrite),
        4 => zone.clone().prop_map(Step::PopWrite),
        1 => Just(Step::PushRead),
        1 => Just(Step::PopRead),
        1 => Just(Step::PushOther),
        1 => Just(Step::PopOther),
        4 => (0..8u64, prop_oneof![Just(0u8), any::<u8>()])
            .prop_map(|(from, busy)| Step::NextZone(from, busy)),
    ]
}

/// Lists, in the order of submission.
#[derive(Default)]
struct Model {
    sweep: Vec<(u64, Id)>,
    next_sweep: Vec<(u64, Id)>,
    reads: Vec<Id>,
    others: Vec<Id>,
}

fn take_first<T>(list: &mut Vec<T>, wanted: impl Fn(&T) -> bool) -> Option<T> {
    let index = list.iter().position(wanted)?;
    Some(list.remove(index))
}

impl Model {
    /// The oldest write to `zone`, wherever it is.
    fn pop_write(&mut self, zone: u64) -> Option<Id> {
        let all = self.sweep.iter().chain(&self.next_sweep);
        let oldest = all.filter(|write| write.0 == zone).map(|write| write.1);
        let oldest = oldest.min()?;

        self.sweep.retain(|write| write.1 != oldest);
        self.next_sweep.retain(|write| write.1 != oldest);
        Some(oldest)
    }

    fn next_zone(&mut self, from: u64, busy: u8) -> Option<u64> {
        if self.sweep.is_empty() {
            self.sweep.append(&mut self.next_sweep);
        }
        [&self.sweep, &self.next_sweep]
            .into_iter()
            .find_map(|writes| {
                let free = writes.iter().map(|write| write.0);
                // Behind all the others, if the elevator has passed it.
                free.filter(|zone| busy & 1 << zone == 0)
                    .min_by_key(|&zone| if zone < from { zone + 100 } else { zone })
            })
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
                Step::PushWrite(zone) => {
                    queue.push_write(zone, id);
                    model.next_sweep.push((zone, id));
                }
                Step::PopWrite(zone) => {
                    prop_assert_eq!(id_of(queue.pop_write(zone)), model.pop_write(zone));
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
                Step::NextZone(from, busy) => {
                    let zone = queue.next_zone(from, |zone| busy & 1 << zone != 0);
                    prop_assert_eq!(zone, model.next_zone(from, busy));
                }
            }
            let writes = || model.sweep.iter().chain(&model.next_sweep);
            prop_assert_eq!(queue.size(), writes().count());
            for zone in 0..6 {
                let any = writes().any(|write| write.0 == zone);
                prop_assert_eq!(queue.has_write(zone), any);
            }
            prop_assert_eq!(
                queue.is_empty(),
                writes().next().is_none() && model.reads.is_empty() && model.others.is_empty()
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
