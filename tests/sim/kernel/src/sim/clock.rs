// SPDX-License-Identifier: GPL-2.0

//! Virtual time, and what happens at a time.

use super::{
    context,
    identity::current,
    state::{
        is_running,
        with,
        Clock, //
    },
    task, //
};

/// Something that is to happen.
#[derive(Clone, Copy, Debug)]
pub struct Timer(u64, u64);

/// What happens within that time may happen while tasks run: no task takes longer to get on.
const SOON: u64 = 100_000_000;

impl Clock {
    /// Returns whether something is to happen soon.
    pub(super) fn is_soon(&self) -> bool {
        let next = self.timers.keys().next();
        next.is_some_and(|&(at, _)| at <= self.now.saturating_add(SOON))
    }
}

/// Returns the time, in nanoseconds since the beginning of the run.
pub fn now() -> u64 {
    if !is_running() {
        return 0;
    }
    with(|sim| sim.clock.now)
}

/// Has `call` called after so many nanoseconds, as an interrupt: it must not sleep.
pub fn after(nanos: u64, call: impl FnOnce() + 'static) -> Timer {
    with(|sim| {
        let clock = &mut sim.clock;
        let timer = Timer(clock.now.saturating_add(nanos), clock.next);
        clock.next += 1;
        clock.timers.insert((timer.0, timer.1), Box::new(call));
        timer
    })
}

/// Calls it off; returns whether it had not happened.
pub fn cancel(timer: Timer) -> bool {
    with(|sim| sim.clock.timers.remove(&(timer.0, timer.1))).is_some()
}

/// Sleeps for so many nanoseconds.
pub fn sleep(nanos: u64) {
    context::might_sleep("sleeping for some time");
    if !is_running() || std::thread::panicking() {
        return;
    }
    let until = now().saturating_add(nanos);
    let me = current();
    after(nanos, move || task::wake(me));
    while is_running() && now() < until {
        task::wait("time");
    }
}

/// Waits until woken or until `deadline`; see [`task::wait`].
pub fn wait_until(what: &'static str, deadline: u64) {
    let me = current();
    let timer = after(deadline.saturating_sub(now()), move || task::wake(me));
    task::wait(what);
    cancel(timer);
}

/// Lets the next thing happen; returns whether there was one.
pub(super) fn tick() -> bool {
    let next = with(|sim| {
        let ((at, _), call) = sim.clock.timers.pop_first()?;
        sim.clock.now = sim.clock.now.max(at);
        Some(call)
    });
    let Some(call) = next else { return false };
    with(|sim| sim.clock.busy = true);
    let irq = context::interrupt();
    call();
    drop(irq);
    with(|sim| sim.clock.busy = false);
    true
}
