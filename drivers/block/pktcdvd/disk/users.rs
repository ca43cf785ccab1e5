// SPDX-License-Identifier: GPL-2.0

//! The openers of a device, and the phase of its session.
//!
//! The first open of a device on an optical drive begins a session. After the last close the
//! session ends, or [lingers](Session::lingers) if ending it takes the drive long. The thread of
//! the device ends the session, and another one closes the drive. So neither the last closer nor the
//! suspend of the system has to wait for the drive.
//!
//! Nothing waits for a drive under the lock of [`Users`].

use crate::{
    logic::users::{
        self,
        After,
        Duty,
        Opener,
        Refusal, //
    },
    lower::{
        session::Session,
        turns::Turns, //
    }, //
};
use common::bell::Bell;
use kernel::{
    current,
    error::code::*,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    }, //
};

/// How long a request to end a lingering session waits.
pub(crate) const END_PATIENCE: Delta = Delta::from_secs(180);

/// How long a session lingers, unless changed.
const DEFAULT_LINGER: Delta = Delta::from_secs(30);

/// Longest time for which a session can be set to linger.
pub(crate) const MAX_LINGER_MS: u64 = 3_600_000;

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Removed => ENXIO,
            Refusal::Busy => EBUSY,
        }
    }
}

/// The openers of a device.
#[pin_data]
pub(crate) struct Users {
    #[pin]
    state: Mutex<users::Users<Arc<Session>>>,
    /// How long a session lingers.
    linger_ns: Atomic<i64>,
    /// Wakes the thread of the device.
    bell: Arc<Bell>,
    /// Wakes the thread that closes the drive.
    over: Arc<Bell>,
    /// Wakes the tasks that wait for a session to end.
    turns: Arc<Turns>,
}

impl Users {
    /// Returns none. `bell` wakes the thread of the device.
    pub(crate) fn new(bell: Arc<Bell>, turns: Arc<Turns>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            state <- new_mutex!(users::Users::default(), "pktcdvd::Users::state"),
            linger_ns: Atomic::new(DEFAULT_LINGER.as_nanos()),
            bell,
            over: Arc::pin_init(Bell::new(), GFP_KERNEL)?,
            turns,
        }? Error)
    }

    /// Returns how often the disk is open.
    pub(crate) fn count(&self) -> u32 {
        self.state.lock().count()
    }

    /// Returns the state of the session, as the file `session` shows it.
    pub(crate) fn phase(&self) -> &'static str {
        self.state.lock().label()
    }

    /// Returns whether a session lingers.
    pub(crate) fn lingers(&self) -> bool {
        self.state.lock().lingers()
    }

    /// Returns whether somebody who could write has had the device open since the session began.
    pub(crate) fn had_writer(&self) -> bool {
        self.state.lock().had_writer()
    }

    /// Returns how long a session lingers.
    pub(crate) fn linger(&self) -> Delta {
        Delta::from_nanos(self.linger_ns.load(Relaxed))
    }

    /// Sets how long sessions linger, including one that lingers now.
    pub(crate) fn set_linger(&self, linger: Delta) {
        self.linger_ns.store(linger.as_nanos(), Relaxed);
        self.bell.ring();
    }

    /// Begins an open, if possible by the time `until`. [`Users::end_open`] has to follow.
    ///
    /// If a session is ending, waits for that.
    pub(crate) fn begin_open(&self, until: Instant<Monotonic>) -> Result<Opener> {
        let mut turn = Err(Refusal::Busy);

        self.turns.wait(until, true, || {
            turn = self.state.lock().begin_open();
            turn != Err(Refusal::Busy)
        });
        if turn == Err(Refusal::Busy) && current!().signal_pending() {
            // The freezer sends one, too: the open is restarted after the sleep.
            return Err(ERESTARTSYS);
        }
        Ok(turn?)
    }

    /// Ends an open, for writing or not, with its result.
    pub(crate) fn end_open(&self, opened: Result, write: bool) -> Result {
        let result = self.state.lock().end_open(opened, write);
        // If a lingering session was not taken over, its time runs on.
        self.bell.ring();
        result
    }

    /// Notes that an opener has closed the device. Returns whether it was the last one.
    pub(crate) fn close(&self, after: After) -> bool {
        self.state.lock().close(after)
    }

    /// Returns what the thread is to do about the session at the time `now`; see
    /// [`users::Users::duty`].
    pub(crate) fn duty(&self, now: u64, lost: impl FnOnce() -> bool) -> Duty {
        let linger = u64::try_from(self.linger().as_nanos()).unwrap_or(0);
        self.state.lock().duty(now, linger, lost)
    }

    /// Asks a lingering session to end. Returns whether there is no session.
    ///
    /// Fails with [`EBUSY`] if the device is open.
    pub(crate) fn hurry(&self) -> Result<bool> {
        let idle = self.state.lock().hurry()?;
        self.bell.ring();
        Ok(idle)
    }

    /// Ends a lingering session, and waits until the drive is closed.
    ///
    /// Fails with [`EBUSY`] if the device is open, or the drive takes longer than [`END_PATIENCE`],
    /// and with [`EINTR`] after a signal.
    pub(crate) fn end_lingering(&self) -> Result {
        if self.hurry()? || self.await_idle(Instant::now() + END_PATIENCE, true) {
            return Ok(());
        }
        Err(if current!().signal_pending() {
            EINTR
        } else {
            EBUSY
        })
    }

    /// Waits until there is no session, as [`Turns::wait`].
    pub(crate) fn await_idle(&self, until: Instant<Monotonic>, by_signal: bool) -> bool {
        self.turns.wait(until, by_signal, || {
            // Only a session that is ending is waited for. After an error, the device is in use
            // again.
            !matches!(self.state.lock().hurry(), Ok(false))
        })
    }

    /// Hands a session that has ended to the thread that closes the drive.
    pub(crate) fn session_ended(&self, session: Arc<Session>) {
        self.state.lock().session_ended(session);
        self.over.ring();
    }

    /// Waits for a session that has ended, until the thread that calls this is to stop.
    pub(crate) fn await_ended(&self) -> Option<Arc<Session>> {
        self.over.wait(None);
        self.state.lock().take_ended()
    }

    /// Notes that the drive is closed: the device may be opened again.
    pub(crate) fn closed(&self) {
        self.state.lock().closed();
        self.turns.turn();
    }

    /// Refuses all opens from now on. Fails if the device is open, or there is a session.
    pub(crate) fn retire(&self) -> Result {
        Ok(self.state.lock().retire()?)
    }
}
