// SPDX-License-Identifier: GPL-2.0

//! Waiting for what is in flight.

use super::{model, Guarded};
use crate::inflight::Inflight;
use loom::thread;

#[test]
fn what_it_uses_is_left_alone_once_nobody_is_in_flight() {
    model(3, || {
        let inflight = Inflight::new().unwrap();
        let used = [Guarded::new(), Guarded::new()];
        let threads = used.clone().map(|used| {
            let user = Inflight::begin(&inflight);
            thread::spawn(move || {
                used.touch();
                drop(user);
            })
        });

        inflight.wait();
        used.iter().for_each(Guarded::touch);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_user_may_bring_another() {
    loom::model(|| {
        let inflight = Inflight::new().unwrap();
        let used = Guarded::new();
        let (counts, uses) = (inflight.clone(), used.clone());
        let first = Inflight::begin(&inflight);
        let thread = thread::spawn(move || {
            let second = Inflight::begin(&counts);
            drop(first);
            uses.touch();
            drop(second);
        });

        inflight.wait();
        used.touch();
        // The last user may still be waking us.
        drop(inflight);
        thread.join().unwrap();
    });
}
