// SPDX-License-Identifier: GPL-2.0

//! Waiting for something that somebody else does.
//!
//! [`kernel::sync::CondVar`] needs its waker to hold the lock of the condition. A wait queue does
//! not: it looks at the condition again after it has queued itself, so that an interrupt handler
//! can set an atomic and wake, and no wake-up is lost.
//!
//! C headers: [`include/linux/wait.h`](srctree/include/linux/wait.h),
//! [`include/linux/rcuwait.h`](srctree/include/linux/rcuwait.h)

use crate::bindings;
use core::ptr;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        LockClassKey, //
    },
    time::Delta,
    types::Opaque, //
};

/// How often a task that should stop looks for other signals.
const SIGNAL_INTERVAL: Delta = Delta::from_millis(200);

/// How often a task looks that waits where another one does.
const CROWDED_INTERVAL: Delta = Delta::from_millis(5);

/// A queue of tasks that wait for a condition.
///
/// # Examples
///
/// ```
/// # use kernel::sync::atomic::{Acquire, Atomic, Release};
/// # fn example(queue: &rb::wait::WaitQueue, done: &Atomic<bool>) {
/// // The waiter.
/// queue.wait_event(|| done.load(Acquire));
///
/// // The waker, in any context.
/// done.store(true, Release);
/// queue.wake_up_all();
/// # }
/// ```
///
/// # Invariants
///
/// `head` is an initialized `struct wait_queue_head`.
#[pin_data]
pub struct WaitQueue {
    #[pin]
    head: Opaque<bindings::wait_queue_head>,
}

// SAFETY: A wait queue has no thread affinity.
unsafe impl Send for WaitQueue {}

// SAFETY: A wait queue has a lock of its own.
unsafe impl Sync for WaitQueue {}

/// Creates a [`WaitQueue`] initializer with a lock class of its own.
#[macro_export]
macro_rules! new_wait_queue {
    ($name:literal) => {
        $crate::wait::WaitQueue::new(kernel::c_str!($name), kernel::static_lock_class!())
    };
}
pub use new_wait_queue;

impl WaitQueue {
    /// Returns an initializer for an empty queue.
    pub fn new(name: &'static CStr, key: Pin<&'static LockClassKey>) -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: `__init_waitqueue_head()` initializes the queue.
            head <- Opaque::ffi_init(|head| {
                // SAFETY: `head` is valid for writes, name and key are static.
                unsafe {
                    bindings::__init_waitqueue_head(head, name.as_char_ptr(), key.as_ptr())
                }
            }),
        })
    }

    /// Wakes all waiters. Callable in any context; orders what was written before.
    pub fn wake_up_all(&self) {
        // SAFETY: By the type invariant, the queue is initialized.
        unsafe { bindings::__wake_up(self.head.get(), bindings::TASK_NORMAL, 0, ptr::null_mut()) };
    }

    /// Sleeps, uninterruptibly, until `condition` holds.
    ///
    /// `condition` is called with the task state set, so it must not sleep.
    pub fn wait_event(&self, condition: impl FnMut() -> bool) {
        self.wait(bindings::TASK_UNINTERRUPTIBLE as c_int, None, condition);
    }

    /// Sleeps until `condition` holds, or a signal comes that ends the task or has a handler: then
    /// it fails with [`ERESTARTSYS`].
    ///
    /// Signals of job control end nothing, and a task that is stopped meanwhile only is once this
    /// returns. The system can sleep; the task is frozen where it is, so that no lock may be held.
    ///
    /// `condition` is called with the task state set, so it must not sleep.
    pub fn wait_event_interruptible(&self, mut condition: impl FnMut() -> bool) -> Result {
        const INTERRUPTIBLE: c_int =
            (bindings::TASK_INTERRUPTIBLE | bindings::TASK_FREEZABLE) as c_int;
        const KILLABLE: c_int = (bindings::TASK_WAKEKILL
            | bindings::TASK_UNINTERRUPTIBLE
            | bindings::TASK_FREEZABLE) as c_int;

        loop {
            if self.wait(INTERRUPTIBLE, None, &mut condition) {
                return Ok(());
            }
            // SAFETY: FFI call without preconditions in process context.
            if unsafe { bindings::signal_acts() } {
                return Err(ERESTARTSYS);
            }
            // What is pending does not let the task sleep as before. It is looked again whether
            // something else is.
            if self.wait(KILLABLE, Some(SIGNAL_INTERVAL), &mut condition) {
                return Ok(());
            }
        }
    }

    /// Sleeps until `condition` holds; at most for `timeout`, if there is one, or until the next
    /// wake-up.
    ///
    /// The sleeper does not count as load, nor as hung: for threads that wait for work. Returns
    /// the last value of `condition`, which must not sleep.
    pub fn wait_event_idle_timeout(
        &self,
        timeout: Option<Delta>,
        condition: impl FnMut() -> bool,
    ) -> bool {
        self.wait(bindings::TASK_IDLE as c_int, timeout, condition)
    }

    fn wait(
        &self,
        state: c_int,
        timeout: Option<Delta>,
        mut condition: impl FnMut() -> bool,
    ) -> bool {
        let entry = Opaque::<bindings::wait_queue_entry>::uninit();
        let mut slept = false;

        // SAFETY: `entry` is valid for writes, and does not move until `finish_wait()`.
        unsafe { bindings::init_wait_entry(entry.get(), 0) };

        let result = loop {
            // SAFETY: The queue and the entry are initialized.
            let interrupted =
                unsafe { bindings::prepare_to_wait_event(self.head.get(), entry.get(), state) }
                    != 0;

            let result = condition();
            if result || slept || interrupted {
                break result;
            }
            schedule(timeout);
            // With a timeout there is one sleep only, or each wake-up would start the time anew.
            slept = timeout.is_some();
        };

        // SAFETY: The entry was initialized, and may be queued in this queue only.
        unsafe { bindings::finish_wait(self.head.get(), entry.get()) };
        result
    }
}

/// A wait primitive for a single waiter (`struct rcuwait`). It costs less than a wait queue.
///
/// If two wait at the same time, the one that came first is woken; the other one looks at its
/// condition every few milliseconds, until it has the place for itself.
///
/// # Examples
///
/// ```
/// # use kernel::sync::atomic::{Atomic, Full, Release};
/// # fn example(place: &rb::wait::RcuWait, woken: &Atomic<bool>) {
/// // The one waiter.
/// place.wait_event_idle(|| woken.xchg(false, Full));
///
/// // The wakers, in any context.
/// woken.store(true, Release);
/// place.wake_up();
/// # }
/// ```
///
/// # Invariants
///
/// `wait` is a `struct rcuwait`. Its task is the one that has set `occupied`, while that is in
/// [`RcuWait::wait_event_idle_timeout`], or none.
#[pin_data]
pub struct RcuWait {
    occupied: Atomic<bool>,
    #[pin]
    wait: Opaque<bindings::rcuwait>,
}

// SAFETY: An `rcuwait` has no thread affinity.
unsafe impl Send for RcuWait {}

// SAFETY: The only field of an `rcuwait` is written by the task that has set `occupied`, so by one at a
// time. It is written as a whole. Wakers read it as a whole, and use the task that they find under RCU.
unsafe impl Sync for RcuWait {}

impl RcuWait {
    /// Returns an initializer for a place where nobody waits.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            occupied: Atomic::new(false),
            // INVARIANT: As `rcuwait_init()` does: there is no task.
            wait: Opaque::new(bindings::rcuwait {
                task: ptr::null_mut(),
            }),
        })
    }

    /// Wakes the waiter, if there is one. Callable in any context; orders what was written before.
    pub fn wake_up(&self) {
        // SAFETY: By the type invariant. RCU keeps the task that it finds, for which nothing but a
        // superfluous wake-up can come of it.
        unsafe { bindings::rcuwait_wake_up(self.wait.get()) };
    }

    /// Sleeps until `condition` holds, which is called with the task state set, so must not sleep.
    ///
    /// The sleeper does not count as load, nor as hung: for threads that wait for work.
    #[inline]
    pub fn wait_event_idle(&self, condition: impl FnMut() -> bool) {
        self.wait_event_idle_timeout(None, condition);
    }

    /// Sleeps as [`wait_event_idle`](Self::wait_event_idle); at most for `timeout`, if there is one, or
    /// until the next wake-up. Returns the last value of `condition`.
    pub fn wait_event_idle_timeout(
        &self,
        timeout: Option<Delta>,
        mut condition: impl FnMut() -> bool,
    ) -> bool {
        let mut timeout = timeout;
        while self.occupied.xchg(true, Acquire) {
            let left = timeout.map_or(i64::MAX, Delta::as_nanos);
            if condition() {
                return true;
            }
            if left <= 0 {
                return false;
            }
            let interval = left.min(CROWDED_INTERVAL.as_nanos());
            // SAFETY: FFI call without preconditions in process context.
            unsafe { bindings::set_current_state(bindings::TASK_IDLE) };
            schedule(Some(Delta::from_nanos(interval)));
            timeout = timeout.map(|_| Delta::from_nanos(left - interval));
        }
        let mut slept = false;
        // INVARIANT: This task has set `occupied`, and is here until `finish_rcuwait()`.
        // SAFETY: By the type invariant, no other task is in the place.
        unsafe { bindings::prepare_to_rcuwait(self.wait.get()) };
        let result = loop {
            // SAFETY: FFI call without preconditions in process context. The barrier in it pairs
            // with that in `rcuwait_wake_up()`.
            unsafe { bindings::set_current_state(bindings::TASK_IDLE) };
            let result = condition();
            if result || slept {
                break result;
            }
            schedule(timeout);
            // With a timeout there is one sleep only, or each wake-up would start the time anew.
            slept = timeout.is_some();
        };
        // SAFETY: By the type invariant; this task has entered above.
        unsafe { bindings::finish_rcuwait(self.wait.get()) };
        self.occupied.store(false, Release);
        result
    }
}

/// Sleeps until woken up, or until `timeout` has passed.
fn schedule(timeout: Option<Delta>) {
    match timeout {
        // SAFETY: FFI call without preconditions in process context.
        None => unsafe { bindings::schedule() },
        Some(timeout) => {
            // One that has passed would be taken for one that never does.
            let mut expires = timeout.as_nanos().max(0);
            // SAFETY: `expires` is valid for the call.
            unsafe {
                bindings::schedule_hrtimeout(&mut expires, bindings::hrtimer_mode_HRTIMER_MODE_REL)
            };
        }
    }
}
