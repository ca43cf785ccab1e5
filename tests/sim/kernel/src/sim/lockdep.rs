// SPDX-License-Identifier: GPL-2.0

//! The order of locks.

use super::{
    context::{
        within,
        Kind, //
    },
    identity::current_index,
    report::violation,
    state::{
        is_running,
        with,
        Lockdep, //
    },
};
use std::collections::BTreeSet;

impl Lockdep {
    fn leads(&self, from: &'static str, to: &'static str) -> bool {
        let mut seen = BTreeSet::new();
        let mut next = vec![from];

        while let Some(class) = next.pop() {
            if class == to {
                return true;
            }
            if seen.insert(class) {
                next.extend(self.after.get(class).into_iter().flatten());
            }
        }
        false
    }
}

/// Notes that the task is about to take the lock `address` of a class.
pub fn acquire(class: &'static str, address: usize, spins: bool) {
    if !is_running() || std::thread::panicking() {
        return;
    }
    let interrupt = within(Kind::Interrupt).is_some();
    let io = within(Kind::Reclaim).is_some();
    let me = current_index();
    let wrong = with(|sim| {
        let held = match sim.tasks.get_mut(me) {
            Some(info) => {
                let held = info.context.held.clone();
                info.context.held.push((class, address));
                held
            }
            None => Vec::new(),
        };
        let dep = &mut sim.lockdep;
        for (outer, at) in held {
            if outer == class {
                let same = if at == address {
                    "again"
                } else {
                    "of the same class"
                };
                return Some(format!("the lock {class} is taken {same} while it is held"));
            }
            if dep.leads(class, outer) {
                return Some(format!(
                    "the order of locks turns round: {class} within {outer}"
                ));
            }
            dep.after.entry(outer).or_default().insert(class);
        }
        if io {
            dep.in_io.insert(class);
            if dep.in_allocations.contains(class) {
                return Some(waits_for_itself(class));
            }
        }
        if spins {
            let used = if interrupt {
                &mut dep.in_interrupts
            } else {
                &mut dep.in_tasks
            };
            used.insert(class);
            if dep.in_interrupts.contains(class) && dep.in_tasks.contains(class) {
                return Some(format!(
                    "{class} is taken by interrupts, and by tasks that let them come"
                ));
            }
        }
        None
    });
    if let Some(wrong) = wrong {
        violation(&wrong);
    }
}

/// Notes that the task allocates memory that may wait for I/O.
pub(super) fn allocates() {
    let me = current_index();
    let wrong = with(|sim| {
        let held = sim.tasks.get(me).map(|info| info.context.held.clone());
        let dep = &mut sim.lockdep;
        for (class, _) in held.into_iter().flatten() {
            dep.in_allocations.insert(class);
            if dep.in_io.contains(class) {
                return Some(waits_for_itself(class));
            }
        }
        None
    });
    if let Some(wrong) = wrong {
        violation(&wrong);
    }
}

fn waits_for_itself(class: &str) -> String {
    format!("{class} is taken by work that memory may wait for, and held while it may wait for I/O")
}

/// Notes that a lock was given back.
pub fn release(class: &'static str, address: usize) {
    if !is_running() {
        return;
    }
    let me = current_index();
    with(|sim| {
        if let Some(info) = sim.tasks.get_mut(me) {
            let held = &mut info.context.held;
            if let Some(at) = held.iter().rposition(|lock| *lock == (class, address)) {
                held.remove(at);
            }
        }
    });
}

/// Notes that the task has a lock that it has not waited for.
pub fn acquired(class: &'static str, address: usize) {
    if is_running() {
        let me = current_index();
        with(|sim| {
            if let Some(info) = sim.tasks.get_mut(me) {
                info.context.held.push((class, address));
            }
        });
    }
}
