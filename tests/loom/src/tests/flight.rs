// SPDX-License-Identifier: GPL-2.0

//! Bios that are submitted again and again.

use super::{model, Guarded};
use crate::{bell::Bell, flight::Flight, prelude::*, sync::Arc};
use loom::thread;

/// A bio as `PageBio` has it.
#[derive(Clone)]
struct Bio {
    flight: Arc<Flight>,
    parts: Guarded,
    bell: Arc<Bell>,
}

impl Bio {
    fn new() -> Self {
        Self {
            flight: Arc::new(Flight::new()),
            parts: Guarded::new(),
            bell: Arc::pin_init(Bell::new(), GFP_KERNEL).unwrap(),
        }
    }

    /// Submits it; the result is who completes it, unless it is in flight.
    fn submit(&self, status: u8) -> Option<thread::JoinHandle<()>> {
        if !self.flight.begin() {
            return None;
        }
        self.parts.touch();
        let this = self.clone();
        Some(thread::spawn(move || {
            this.parts.touch();
            this.flight.end(status);
            this.bell.ring();
        }))
    }

    /// Waits for its result.
    fn result(&self) -> u8 {
        loop {
            if let Some(status) = self.flight.take_status() {
                return status;
            }
            self.bell.wait(None);
        }
    }
}

#[test]
fn one_whose_result_was_taken_can_be_submitted() {
    model(2, || {
        let bio = Bio::new();
        let first = bio.submit(0).unwrap();
        assert!(bio.submit(1).is_none(), "before its result was taken");
        assert_eq!(bio.result(), 0);
        assert_eq!(bio.flight.take_status(), None, "twice");

        let second = bio.submit(10).expect("is in flight still");
        assert_eq!(bio.result(), 10);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn only_one_of_two_that_submit_it_has_it() {
    model(3, || {
        let bio = Bio::new();
        let other = bio.clone();
        let thread = thread::spawn(move || {
            let completes = other.submit(1);
            completes.map(|thread| thread.join().unwrap()).is_some()
        });
        let here = bio.submit(2).map(|thread| thread.join().unwrap()).is_some();
        let there = thread.join().unwrap();

        assert!(here != there);
        assert_eq!(bio.flight.take_status(), Some(if there { 1 } else { 2 }));
    });
}
