// SPDX-License-Identifier: GPL-2.0

//! RCU: what is removed is freed when all are done who may have found it.

use super::{
    clock,
    context::{
        self,
        Section, //
    },
    identity::{
        current_index,
        Task, //
    },
    points::{
        choose,
        point, //
    },
    state::{
        is_running,
        with,
        Call,
        Rcu, //
    },
    task, //
};

impl Rcu {
    fn take_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// RCU is locked as long as this lives.
pub struct Guard(u64, #[allow(dead_code, reason = "for its drop")] Section);

/// Locks RCU.
pub fn read_lock() -> Guard {
    point();
    let section = context::atomic("RCU is locked");
    if !is_running() {
        return Guard(0, section);
    }
    let number = with(|sim| {
        let number = sim.rcu.take_number();
        sim.rcu.readers.insert(number);
        number
    });
    Guard(number, section)
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !is_running() {
            return;
        }
        let ready: Vec<u64> = with(|sim| {
            sim.rcu.readers.remove(&self.0);
            let calls = sim.rcu.calls.iter_mut();
            calls
                .filter_map(|(number, (readers, _))| {
                    (readers.remove(&self.0) && readers.is_empty()).then_some(*number)
                })
                .collect()
        });
        for number in ready {
            schedule(number);
        }
        point();
    }
}

/// Has `call` called, as an interrupt, when all are done that read now.
pub fn call(call: impl FnOnce() + 'static) {
    let call: Call = Box::new(call);
    if !is_running() {
        return call();
    }
    let (number, ready) = with(|sim| {
        let number = sim.rcu.take_number();
        let readers = sim.rcu.readers.clone();
        let ready = readers.is_empty();
        sim.rcu.calls.insert(number, (readers, Some(call)));
        (number, ready)
    });
    if ready {
        schedule(number);
    }
}

fn schedule(number: u64) {
    let delay = choose(2_000_000);
    clock::after(delay, move || {
        let call = with(|sim| {
            sim.rcu
                .calls
                .get_mut(&number)
                .and_then(|entry| entry.1.take())
        });
        if let Some(call) = call {
            call();
        }
        let waiters = with(|sim| {
            sim.rcu.calls.remove(&number);
            core::mem::take(&mut sim.rcu.waiters)
        });
        for waiter in waiters {
            task::wake(Task(waiter));
        }
    });
}

/// Waits until all has been called that was left to RCU so far.
pub fn barrier() {
    context::might_sleep("rcu_barrier()");
    if !is_running() || std::thread::panicking() {
        return;
    }
    point();
    let last = with(|sim| sim.rcu.take_number());
    let me = current_index();
    loop {
        let pending = with(|sim| {
            let pending = sim
                .rcu
                .calls
                .keys()
                .next()
                .is_some_and(|&first| first < last);
            if pending {
                sim.rcu.waiters.insert(me);
            }
            pending
        });
        if !pending || !is_running() {
            return;
        }
        task::wait("RCU");
    }
}
