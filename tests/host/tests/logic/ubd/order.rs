// SPDX-License-Identifier: GPL-2.0

//! Requests that touch the same sectors.

use proptest::prelude::*;
use rblk_host_tests::ubd::logic::order::{Access, Entered, Order, Slot};
use std::collections::HashSet;

const SLOTS: u16 = 6;

/// Sectors after which parts of the disk have the same counts again.
const PARTS: u64 = 128 * 256;

#[derive(Clone, Copy, Debug)]
struct Ask {
    first: u64,
    count: u64,
    access: Access,
}

impl Ask {
    fn touches(&self, other: &Self) -> bool {
        let both_read = self.access == Access::Read && other.access == Access::Read;
        let sectors: HashSet<_> = (self.first..self.first + self.count).collect();
        let mut others = other.first..other.first + other.count;
        !both_read && others.any(|sector| sectors.contains(&sector))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Enter(Ask),
    /// The request that has run so long, or waited, ends.
    Leave(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let access = prop_oneof![Just(Access::Read), Just(Access::Change)];
    prop_oneof![
        // Within a part of the disk, across its bounds, and where parts share counts.
        3 => (0..20_u64, 0..6_u64, 0..3_u64, access).prop_map(|(first, count, turn, access)| {
            let first = first * 50 + turn * PARTS;
            Step::Enter(Ask { first, count: count * 45, access })
        }),
        2 => any::<usize>().prop_map(Step::Leave),
    ]
}

#[derive(Debug)]
struct Model {
    order: Order<Vec<Slot>>,
    /// Tags and what they ask for, in the order in which they came.
    here: Vec<(u16, Ask)>,
    running: HashSet<u16>,
}

impl Model {
    fn new() -> Self {
        Self {
            order: Order::new(vec![Slot::FREE; usize::from(SLOTS)]),
            here: Vec::new(),
            running: HashSet::new(),
        }
    }

    /// Whether one that came as number `at` touches none before it.
    fn may_run(&self, at: usize) -> bool {
        let ask = self.here[at].1;
        self.here[..at].iter().all(|(_, older)| !ask.touches(older))
    }

    fn enter(&mut self, ask: Ask) {
        let taken: HashSet<u16> = self.here.iter().map(|(tag, _)| *tag).collect();
        let Some(tag) = (0..SLOTS).find(|tag| !taken.contains(tag)) else {
            let again = self.order.enter(0, ask.first, ask.count, ask.access);
            assert_eq!(again, Entered::NoSlot);
            return;
        };
        let entered = self.order.enter(tag, ask.first, ask.count, ask.access);
        self.here.push((tag, ask));
        let expected = match self.may_run(self.here.len() - 1) {
            true => Entered::Start,
            false => Entered::Wait,
        };
        assert_eq!(entered, expected);
        if entered == Entered::Start {
            self.running.insert(tag);
        }
    }

    fn leave(&mut self, which: usize) {
        if self.here.is_empty() {
            return;
        }
        let (tag, _) = self.here.remove(which % self.here.len());
        self.running.remove(&tag);
        let mut started = Vec::new();
        self.order.leave(tag, |tag| started.push(tag));
        let expected: Vec<u16> = (0..self.here.len())
            .filter(|at| self.may_run(*at) && !self.running.contains(&self.here[*at].0))
            .map(|at| self.here[at].0)
            .collect();
        assert_eq!(started, expected);
        self.running.extend(started);
    }

    /// There is always one that gets on, and those that run do not touch.
    fn check(&self) {
        assert_eq!(self.order.is_empty(), self.here.is_empty());
        assert!(self.here.is_empty() || !self.running.is_empty());
    }
}

proptest! {
    #[test]
    fn none_overtakes(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut model = Model::new();
        for step in steps {
            match step {
                Step::Enter(ask) => model.enter(ask),
                Step::Leave(which) => model.leave(which),
            }
            model.check();
        }
        while !model.here.is_empty() {
            model.leave(0);
        }
        model.check();
    }
}

#[test]
fn slots_that_are_not_there() {
    let mut order = Order::new(vec![Slot::default(); 2]);
    assert_eq!(order.enter(2, 0, 1, Access::Read), Entered::NoSlot);
    order.leave(2, |_| panic!());
    order.leave(1, |_| panic!());
    assert_eq!(
        order.enter(1, u64::MAX, u64::MAX, Access::Read),
        Entered::Start
    );
    assert_eq!(order.enter(1, 0, 1, Access::Read), Entered::NoSlot);
}
