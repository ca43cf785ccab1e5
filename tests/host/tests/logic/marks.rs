// SPDX-License-Identifier: GPL-2.0

//! Congestion marks: the table of the old driver, and writers that must neither pass a closed gate
//! nor sleep before an open one.

use proptest::prelude::*;
use rblk_host_tests::{
    pktcdvd::logic::marks::{parse_mark, Gate, Marks, DEFAULT_OFF, DEFAULT_ON},
    tokens::NumberError,
};

fn pair(marks: Marks) -> (i64, i64) {
    (marks.off().into(), marks.on().into())
}

/// Marks that were set to `off`, `on`, or switched off.
fn marks(off: i64, on: i64) -> Marks {
    let mut marks = Marks::default();

    marks.set_on(on);
    marks.set_off(off);
    marks
}

#[test]
fn every_store_normalises_the_pair() {
    enum Store {
        On(i64),
        Off(i64),
    }
    use Store::{Off, On};

    let default = (9000, 10000);
    let disabled = (-1, -1);

    for (from, store, to) in [
        (default, Off(20000), (9900, 10000)),
        (default, On(600), (500, 600)),
        (default, On(100), (400, 500)),
        (default, On(2_000_000), (9000, 1_000_000)),
        (default, On(0), disabled),
        (default, On(-7), disabled),
        (default, Off(0), (9900, 10000)),
        (default, Off(-5), (9900, 10000)),
        (default, Off(50), (100, 10000)),
        (disabled, Off(777), disabled),
        (disabled, On(5000), (4900, 5000)),
        // Beyond what an attribute can be given.
        (default, On(i64::MAX), (9000, 1_000_000)),
        (default, On(i64::MIN), disabled),
        (default, Off(i64::MAX), (9900, 10000)),
        (default, Off(i64::MIN), (9900, 10000)),
    ] {
        let mut marks = marks(from.0, from.1);
        assert_eq!(pair(marks), from);
        match store {
            On(value) => marks.set_on(value),
            Off(value) => marks.set_off(value),
        }
        assert_eq!(pair(marks), to);
        assert_eq!(marks.is_enabled(), to != disabled);
    }
}

#[test]
fn the_defaults_are_the_old_ones() {
    assert_eq!(
        pair(Marks::default()),
        (DEFAULT_OFF.into(), DEFAULT_ON.into())
    );
    assert_eq!((DEFAULT_OFF, DEFAULT_ON), (9000, 10000));
    assert_eq!(Gate::default(), Gate::new(Marks::default()));
}

#[test]
fn mark_texts() {
    use NumberError::{Invalid, Range};

    for (text, value) in [
        (&b"500"[..], Ok(500)),
        (b"500\n", Ok(500)),
        (b"-7\n", Ok(-7)),
        (b"+7", Ok(7)),
        (b"0", Ok(0)),
        (b"-0", Ok(0)),
        (b"0010", Ok(10)),
        (b"12\0junk", Ok(12)),
        (b"2147483647", Ok(i32::MAX)),
        (b"-2147483648", Ok(i32::MIN)),
        (b"2147483648", Err(Range)),
        (b"-2147483649", Err(Range)),
        (b"9223372036854775808", Err(Range)),
        (b"99999999999999999999999999", Err(Range)),
        (b"", Err(Invalid)),
        (b"\n", Err(Invalid)),
        (b"-", Err(Invalid)),
        (b"+-1", Err(Invalid)),
        (b"--1", Err(Invalid)),
        (b" 1", Err(Invalid)),
        (b"1 ", Err(Invalid)),
        (b"1\n\n", Err(Invalid)),
        (b"1k", Err(Invalid)),
        (b"0x10", Err(Invalid)),
        (b"1.5", Err(Invalid)),
        (b"\xff", Err(Invalid)),
    ] {
        assert_eq!(parse_mark(text), value, "{}", text.escape_ascii());
    }
}

#[test]
fn the_gate_closes_at_on_and_opens_at_off() {
    let mut gate = Gate::new(marks(500, 600));

    assert!(gate.admit(599));
    assert!(!gate.admit(600));
    assert!(gate.is_congested());
    // Room for one again, yet the queue has to shrink to the lower mark first.
    assert!(!gate.admit(599));
    assert!(!gate.should_resume(501));
    assert!(gate.should_resume(500));
    assert!(!gate.is_congested());
    assert!(!gate.should_resume(500));
    assert!(gate.admit(501));
}

#[test]
fn switching_off_frees_the_sleepers() {
    // With marks of -1, the sleepers of the old driver waited for a queue below -1.
    let mut gate = Gate::new(marks(500, 600));

    assert!(!gate.admit(1000));
    assert!(gate.set_on(0));
    assert!(gate.admit(1000));
    assert!(gate.admit(usize::MAX));
    assert!(!gate.is_congested());
}

#[test]
fn raised_marks_free_the_sleepers() {
    let mut gate = Gate::new(marks(500, 600));

    assert!(!gate.admit(1000));
    assert!(gate.set_on(20000));
    assert!(gate.set_off(19000));
    assert!(gate.should_resume(1000));
    assert!(!gate.set_on(30000));
}

#[derive(Debug, Clone)]
enum Step {
    Submit,
    Take(usize),
    SetOn(i64),
    SetOff(i64),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        60 => Just(Step::Submit),
        10 => (1..400usize).prop_map(Step::Take),
        2 => (-10..1500i64).prop_map(Step::SetOn),
        2 => (-10..1500i64).prop_map(Step::SetOff),
    ]
}

/// A queue with writers that come, wait before the gate, and are let through.
#[derive(Default)]
struct Queue {
    gate: Gate,
    size: usize,
    sleepers: usize,
}

impl Queue {
    fn submit(&mut self) {
        let (marks, closed) = (self.gate.marks(), self.gate.is_congested());

        if !self.gate.admit(self.size) {
            self.sleepers += 1;
            return;
        }
        let size = i64::try_from(self.size).unwrap();
        if marks.is_enabled() {
            let limit = if closed { marks.off() + 1 } else { marks.on() };
            assert!(size < i64::from(limit), "admitted to {size} with {marks:?}");
        }
        self.size += 1;
    }

    /// Each sleeper asks again, and goes back to sleep if it must.
    fn wake(&mut self) {
        for _ in 0..core::mem::take(&mut self.sleepers) {
            self.submit();
        }
    }

    fn step(&mut self, step: &Step) {
        let wake = match *step {
            Step::Submit => {
                self.submit();
                false
            }
            Step::Take(count) => {
                self.size = self.size.saturating_sub(count);
                self.gate.should_resume(self.size)
            }
            Step::SetOn(value) => self.gate.set_on(value),
            Step::SetOff(value) => self.gate.set_off(value),
        };

        if wake {
            self.wake();
        }
    }

    fn check(&self) {
        let marks = self.gate.marks();

        if self.sleepers > 0 {
            assert!(marks.is_enabled(), "asleep without control");
            assert!(
                self.size as i64 > i64::from(marks.off()),
                "asleep at {}",
                self.size
            );
            assert!(self.gate.is_congested(), "asleep before an open gate");
        }
    }
}

proptest! {
    #[test]
    fn nobody_passes_a_closed_gate_or_sleeps_before_an_open_one(
        steps in prop::collection::vec((any_step(), 1..300usize), 0..40),
    ) {
        let mut queue = Queue { gate: Gate::new(marks(500, 600)), ..Queue::default() };

        for (step, times) in steps {
            let times = if matches!(step, Step::Submit) { times } else { 1 };
            for _ in 0..times {
                queue.step(&step);
                queue.check();
            }
        }
        // As long as the queue is worked off, everybody gets through.
        for _ in 0..100_000 {
            if queue.sleepers == 0 {
                break;
            }
            queue.step(&Step::Take(1));
            queue.check();
        }
        prop_assert_eq!(queue.sleepers, 0);
    }

    #[test]
    fn marks_stay_within_their_bounds(stores: Vec<(bool, i64)>, small in -10..2000i64) {
        let mut marks = Marks::default();

        for (on, value) in stores.into_iter().chain([(true, small), (false, small)]) {
            if on { marks.set_on(value) } else { marks.set_off(value) }
            let (off, on) = pair(marks);
            prop_assert!((off, on) == (-1, -1)
                || ((500..=1_000_000).contains(&on) && (100..=on - 100).contains(&off)));
        }
    }

    #[test]
    fn mark_texts_agree_with_the_standard_library(number: i128, junk in "[-+0-9 \n\0xk]{0,24}") {
        for text in [number.to_string(), (number as i64).to_string(), (number as i32).to_string()] {
            prop_assert_eq!(parse_mark(text.as_bytes()), text.parse().map_err(|_| NumberError::Range));
            prop_assert_eq!(parse_mark(format!("{text}\n").as_bytes()), parse_mark(text.as_bytes()));
        }
        let line = junk.split('\0').next().unwrap();
        let number = line.strip_suffix('\n').unwrap_or(line).parse::<i32>();
        prop_assert_eq!(parse_mark(junk.as_bytes()).ok(), number.ok());
    }
}
