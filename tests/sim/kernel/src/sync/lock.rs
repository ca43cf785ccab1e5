// SPDX-License-Identifier: GPL-2.0

//! Locks.

use crate::sim::{
    self,
    context::Section,
    lockdep, //
};
use core::{
    marker::PhantomData,
    ops::{
        Deref,
        DerefMut, //
    },
};
use std::collections::VecDeque;

/// Who has a lock, and who waits for it.
#[derive(Default)]
struct State {
    taken: bool,
    waiters: VecDeque<sim::Task>,
}

/// A kind of locks.
pub trait Kind {
    /// Whether who has it must not sleep.
    const SPINS: bool;

    /// Whether no interrupt comes to who has it.
    const IRQS_OFF: bool = false;
}

/// Mutexes.
pub enum Sleeping {}

/// Spinlocks.
pub enum Spinning {}

/// Spinlocks that interrupts take, too.
pub enum SpinningIrqsOff {}

impl Kind for Sleeping {
    const SPINS: bool = false;
}

impl Kind for Spinning {
    const SPINS: bool = true;
}

impl Kind for SpinningIrqsOff {
    const SPINS: bool = true;
    const IRQS_OFF: bool = true;
}

/// A lock and what it guards.
pub struct Lock<T, K> {
    class: &'static str,
    state: std::sync::Mutex<State>,
    data: std::sync::Mutex<T>,
    kind: PhantomData<fn(K)>,
}

/// A lock that is waited for asleep.
pub type Mutex<T> = Lock<T, Sleeping>;

/// A lock under which nobody sleeps.
pub type SpinLock<T> = Lock<T, Spinning>;

/// The lock is held as long as this lives.
pub struct Guard<'a, T, K: Kind> {
    lock: &'a Lock<T, K>,
    data: Option<std::sync::MutexGuard<'a, T>>,
    section: Option<Section>,
}

/// A mutex is held.
pub type MutexGuard<'a, T> = Guard<'a, T, Sleeping>;

/// A spinlock is held.
pub type SpinLockGuard<'a, T> = Guard<'a, T, Spinning>;

impl<T, K: Kind> Lock<T, K> {
    /// Makes a lock of a class.
    pub const fn new(data: T, class: &'static str) -> Self {
        Self {
            class,
            state: std::sync::Mutex::new(State {
                taken: false,
                waiters: VecDeque::new(),
            }),
            data: std::sync::Mutex::new(data),
            kind: PhantomData,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// Waits for the lock, and takes it.
    pub fn lock(&self) -> Guard<'_, T, K> {
        if !K::SPINS {
            sim::might_sleep("taking a mutex");
        }
        lockdep::acquire(self.class, self.address(), K::SPINS && !K::IRQS_OFF);
        sim::point();
        while sim::is_running() && self.queues() {
            sim::wait(self.class);
        }
        self.guard()
    }

    /// Takes the lock, if nobody has it.
    pub fn try_lock(&self) -> Option<Guard<'_, T, K>> {
        sim::point();
        if core::mem::replace(&mut self.state().taken, true) {
            return None;
        }
        // Who does not wait turns no order round; but it is held.
        lockdep::acquired(self.class, self.address());
        Some(self.guard())
    }

    /// Takes the lock, or queues the task; returns whether it has queued it.
    fn queues(&self) -> bool {
        let mut state = self.state();
        if !core::mem::replace(&mut state.taken, true) {
            return false;
        }
        let me = sim::current();
        if !state.waiters.contains(&me) {
            state.waiters.push_back(me);
        }
        true
    }

    fn guard(&self) -> Guard<'_, T, K> {
        let data = match self.data.try_lock() {
            Ok(data) => data,
            Err(std::sync::TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Only when a task panics, which does not wait.
            Err(std::sync::TryLockError::WouldBlock) => {
                eprintln!("the lock {} is held when a task panics", self.class);
                std::process::abort();
            }
        };
        Guard {
            lock: self,
            data: Some(data),
            section: K::SPINS.then(|| sim::atomic(self.class)),
        }
    }
}

impl<T, K: Kind> Drop for Guard<'_, T, K> {
    fn drop(&mut self) {
        self.data = None;
        self.section = None;
        let waiter = {
            let mut state = self.lock.state();
            state.taken = false;
            state.waiters.pop_front()
        };
        lockdep::release(self.lock.class, self.lock.address());
        if let Some(waiter) = waiter {
            sim::wake(waiter);
        }
        sim::point();
    }
}

impl<T, K: Kind> Deref for Guard<'_, T, K> {
    type Target = T;

    fn deref(&self) -> &T {
        self.data.as_ref().expect("the lock is held")
    }
}

impl<T, K: Kind> DerefMut for Guard<'_, T, K> {
    fn deref_mut(&mut self) -> &mut T {
        self.data.as_mut().expect("the lock is held")
    }
}
