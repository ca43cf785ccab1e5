// SPDX-License-Identifier: GPL-2.0

//! How the threads of a connection sleep.

use super::{model, Guarded};
use crate::{
    kthread,
    nbd::links::sleeper::Sleeper,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};
use loom::thread;

fn new_sleeper() -> Arc<Sleeper> {
    Arc::pin_init(Sleeper::new(), GFP_KERNEL).unwrap()
}

#[test]
fn what_was_done_before_it_was_woken_is_seen() {
    loom::model(|| {
        let sleeper = new_sleeper();
        let data = Guarded::new();
        let (wakes, fills) = (sleeper.clone(), data.clone());
        let thread = thread::spawn(move || {
            fills.touch();
            wakes.wake();
        });

        assert!(sleeper.sleep());
        data.touch();
        thread.join().unwrap();
    });
}

#[test]
fn whoever_wakes_it_when_it_is_awake_is_heard() {
    model(2, || {
        let sleeper = new_sleeper();
        let done = Arc::new(Atomic::new(0u32));
        let threads = [(); 2].map(|()| {
            let (sleeper, done) = (sleeper.clone(), done.clone());
            thread::spawn(move || {
                done.fetch_add(1, Relaxed);
                sleeper.wake();
            })
        });

        while done.load(Relaxed) < 2 {
            assert!(sleeper.sleep());
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_thread_that_is_to_stop_hears_of_it_if_nothing_else() {
    model(2, || {
        let sleeper = new_sleeper();
        let (sleeps, wakes) = (sleeper.clone(), sleeper.clone());
        let thread = kthread::Thread::spawn(move || while sleeps.sleep() {});
        let waker = thread::spawn(move || wakes.wake());

        drop(thread);
        waker.join().unwrap();
    });
}
