// SPDX-License-Identifier: GPL-2.0

//! What wakes the threads of the drivers.

use super::{model, Guarded};
use crate::{
    bell::Bell,
    kthread,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};
use loom::thread;

/// How many things were done that the bell was rung for.
type Done = Arc<Atomic<u32>>;

fn new_bell() -> Arc<Bell> {
    Arc::pin_init(Bell::new(), GFP_KERNEL).unwrap()
}

/// Does something, and rings.
fn ring(bell: &Arc<Bell>, done: &Done) -> thread::JoinHandle<()> {
    let (bell, done) = (bell.clone(), done.clone());
    thread::spawn(move || {
        done.fetch_add(1, Relaxed);
        bell.ring();
    })
}

#[test]
fn what_was_done_before_it_rang_is_seen() {
    loom::model(|| {
        let bell = new_bell();
        let data = Guarded::new();
        let (rings, fills) = (bell.clone(), data.clone());
        let thread = thread::spawn(move || {
            fills.touch();
            rings.ring();
        });

        assert!(bell.wait(None));
        data.touch();
        thread.join().unwrap();
    });
}

#[test]
fn whoever_rings_while_it_rings_is_heard() {
    model(2, || {
        let bell = new_bell();
        let done = Done::new(Atomic::new(0));
        let threads = [ring(&bell, &done), ring(&bell, &done)];

        while done.load(Relaxed) < 2 {
            bell.wait(None);
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_thread_that_works_hears_it_later() {
    loom::model(|| {
        let bell = new_bell();
        bell.ring();
        bell.ring();
        bell.wait(None);

        // Once heard, it is silent until it is rung again.
        let done = Done::new(Atomic::new(0));
        let thread = ring(&bell, &done);
        bell.wait(None);
        assert_eq!(done.load(Relaxed), 1);
        thread.join().unwrap();
    });
}

#[test]
fn a_thread_that_is_to_stop_does_not_sleep() {
    model(2, || {
        let bell = new_bell();
        let done = Done::new(Atomic::new(0));
        let waits = bell.clone();
        let thread = kthread::Thread::spawn(move || while waits.wait(None) {});
        let rings = ring(&bell, &done);

        drop(thread);
        rings.join().unwrap();
    });
}
