// SPDX-License-Identifier: GPL-2.0

//! Who has a device open, and the sessions that follow from that.
//!
//! The disk's own lock keeps its opens and closes apart, so that there is one of them at a time
//! here. What waits for a drive is done without the lock of [`Users`].
//!
//! The first opener of a device on an optical drive begins a session. When the last one has closed
//! the device the session ends, or [lingers](Session::lingers) if ending it takes the drive long.
//! The thread of the device ends it, and [`Closer`] closes the drive: so neither the last closer nor
//! anything else of the system has to wait for that.

use crate::{
    device::Device,
    logic::users::{
        self,
        After,
        Opener,
        Refusal, //
    },
    mapping::limits,
    optical,
    packets::Packets,
    session::Session, //
};
use kernel::{
    current,
    error::code::*,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Release, //
        },
        Arc, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    }, //
};
use rb::{
    block::{
        bdev::Glance,
        gen_disk::{
            DiskRef,
            Opening, //
        },
        optical::no_medium, //
    },
    kthread, //
};

/// How long an opener waits for the session before to end, and the last closer for the drive; what
/// is left is done without the closer.
const PATIENCE: Delta = Delta::from_secs(30);

/// How long one waits who has asked for the end of a session that lingers.
pub(crate) const END_PATIENCE: Delta = Delta::from_secs(180);

/// How often someone who waits looks whether to give up.
const SLICE: Delta = Delta::from_millis(500);

/// How long a session lingers, unless changed.
pub(crate) const DEFAULT_LINGER: Delta = Delta::from_secs(30);

/// Longest time that a session may be told to linger.
pub(crate) const MAX_LINGER_MS: u64 = 3_600_000;

/// Who has the disk open.
pub(crate) type Users = users::Users<Arc<Session>>;

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Removed => ENXIO,
            Refusal::Busy => EBUSY,
        }
    }
}

/// Returns the time in nanoseconds, on a clock that starts when the device is created.
fn now(device: &Device) -> u64 {
    u64::try_from(device.created.elapsed().as_nanos()).unwrap_or(0)
}

impl Device {
    /// Notes an opener. The first one begins a session with an optical drive; of other devices, the
    /// first one that writes gets the packet buffers that were asked for.
    ///
    /// If a session is ending, waits until it has, but not for long.
    pub(crate) fn open(&self, disk: &DiskRef, how: Opening) -> Result {
        let opened = match self.begin_open()? {
            Opener::First => self.open_first(disk, how),
            Opener::Another => self.open_again(disk, how.write),
            Opener::Heir => self
                .open_again(disk, how.write)
                .inspect(|()| self.show(disk)),
        };

        let result = self.users.lock().end_open(opened, how.write);
        // If it could not be opened, the session lingers on.
        self.bell.ring();
        result
    }

    /// Waits for its turn to open the device.
    fn begin_open(&self) -> Result<Opener> {
        let mut turn = Err(Refusal::Busy);

        self.end_unless_same();
        self.await_turn(Instant::now() + PATIENCE, true, || {
            turn = self.users.lock().begin_open();
            turn != Err(Refusal::Busy)
        });
        if turn == Err(Refusal::Busy) && current!().signal_pending() {
            // The freezer does so, too: who opens the device waits on after the sleep.
            return Err(ERESTARTSYS);
        }
        Ok(turn?)
    }

    /// Has a session end that lingers, if something has happened to the drive: the next one looks
    /// what is in it.
    fn end_unless_same(&self) {
        // A drive that is busy with the end of a session would not answer before that.
        if !self.users.lock().lingers() {
            return;
        }
        // Has the drive tell.
        drop(Glance::open(self.lower_dev));
        if self.session_is(|session| session.is_suspect() || session.is_lost()) {
            let _ = self.hurry();
        }
    }

    fn open_first(&self, disk: &DiskRef, how: Opening) -> Result {
        if self.optical {
            // A session opens the drive in the way that has it shut its tray. Programs that look at
            // all devices, such as udev and udisks, open them for reading or with `O_NONBLOCK`. For
            // these a tray stays open that was opened for a person.
            let looks = how.nonblock || !how.write;
            if looks && Glance::open(self.lower_dev)?.has_open_tray() {
                return Err(no_medium());
            }
            let session = optical::open(
                self.lower_dev,
                self.index(),
                how.write,
                &self.bell,
                &self.activity,
            )?;
            return self.begin_session(disk, session);
        }
        if how.write {
            self.check_writable()?;
            self.resize_buffers();
        }
        Ok(())
    }

    fn open_again(&self, disk: &DiskRef, write: bool) -> Result {
        let Some(session) = self.session().filter(|session| session.optical.is_some()) else {
            return if write { self.check_writable() } else { Ok(()) };
        };
        if session.is_lost() {
            return Err(no_medium());
        }
        session.lock_door_again();
        if write {
            session.prepare_write(self.index())?;
            disk.set_capacity(session.sectors());
        }
        Ok(())
    }

    /// Begins a session, and has the disk look as the medium is.
    fn begin_session(&self, disk: &DiskRef, session: Session) -> Result {
        let limits = limits(&session);

        if let Err(err) = disk.update_limits(&limits) {
            session.finish_for_opener(self.index());
            return Err(err);
        }
        self.enter(session)?;
        self.show(disk);
        Ok(())
    }

    /// Gives the disk the size of the medium.
    fn show(&self, disk: &DiskRef) {
        if let Some(session) = self.session() {
            disk.set_read_only(session.read_only);
            disk.set_capacity(session.sectors());
        }
    }

    fn check_writable(&self) -> Result {
        let queue = self.queue.lock();
        if queue.session().is_none_or(|session| session.read_only) {
            return Err(EROFS);
        }
        Ok(())
    }

    /// Returns whether there is a session, and it is such a one.
    fn session_is(&self, such: impl FnOnce(&Session) -> bool) -> bool {
        // Under the lock, where no last reference is dropped.
        self.queue
            .lock()
            .session()
            .is_some_and(|session| such(session))
    }

    /// Notes that an opener is gone. After the last one the session with an optical drive ends, or
    /// lingers.
    ///
    /// Waits, but not for ever, until what was written is on the medium; and if the session does
    /// not linger, until the drive is closed.
    pub(crate) fn release(&self, disk: &DiskRef) {
        let lingers = || {
            !self.linger().is_zero()
                && self.users.lock().had_writer()
                && self.session_is(|session| session.lingers() && !session.is_lost())
        };
        let after = if !self.optical {
            After::Stay
        } else if lingers() {
            After::Linger(now(self))
        } else {
            After::End
        };
        if !self.users.lock().close(after) || !self.optical {
            return;
        }

        disk.set_capacity(0);
        let until = Instant::now() + PATIENCE;
        let done = if after == After::End {
            self.bell.ring();
            self.await_idle(until, false)
        } else {
            let ticket = self.want_sync();
            self.await_sync(ticket, until)
        };
        if !done {
            pr_warn!("pktcdvd{}: the drive is still busy\n", self.index());
        }
    }

    /// Returns what the thread is to do about the session.
    pub(crate) fn duty(&self) -> users::Duty {
        let linger = u64::try_from(self.linger().as_nanos()).unwrap_or(0);
        let mut users = self.users.lock();

        users.duty(now(self), linger, || self.is_lost())
    }

    /// Has a session end that lingers. Returns whether there is none.
    ///
    /// Fails with [`EBUSY`] if the device is open.
    pub(crate) fn hurry(&self) -> Result<bool> {
        let idle = self.users.lock().hurry()?;
        self.bell.ring();
        Ok(idle)
    }

    /// Has a session end that lingers, and waits until the drive is closed, but not for ever.
    ///
    /// Fails with [`EBUSY`] if the device is open, or the drive takes too long, and with [`EINTR`]
    /// after a signal.
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

    /// Waits until the device is idle. As [`Device::await_turn`].
    pub(crate) fn await_idle(&self, until: Instant<Monotonic>, by_signal: bool) -> bool {
        self.await_turn(until, by_signal, || {
            // Anything else than idle and ending is somebody who uses it again.
            !matches!(self.users.lock().hurry(), Ok(false))
        })
    }

    /// Waits until `done` holds, or that time has come; returns whether it holds.
    ///
    /// Gives up earlier if the system is about to sleep, and, if asked to, after a signal. Process
    /// context.
    pub(crate) fn await_turn(
        &self,
        until: Instant<Monotonic>,
        by_signal: bool,
        mut done: impl FnMut() -> bool,
    ) -> bool {
        loop {
            let turn = self.turns.load(Acquire);
            if done() {
                return true;
            }
            let left = until - Instant::now();
            let gives_up = kthread::should_freeze() || (by_signal && current!().signal_pending());
            if gives_up || left.is_negative() {
                return false;
            }
            self.turned
                .wait_event_idle_timeout(Some(left.min(SLICE)), || {
                    self.turns.load(Acquire) != turn
                });
        }
    }

    /// Wakes all who [wait for their turn](Self::await_turn).
    pub(crate) fn turn(&self) {
        self.turns.fetch_add(1, Release);
        self.turned.wake_up_all();
    }

    /// Notes that nothing is left to do in a session. Called by the thread.
    pub(crate) fn end_session(&self, session: Arc<Session>) {
        let before = self.queue.lock().set_session(None);
        drop(before);
        self.users.lock().session_ended(session);
        self.over.ring();
    }

    /// Closes the drive of a session that has ended. Called by [`Closer`].
    fn close_ended(&self) {
        let Some(session) = self.users.lock().take_ended() else {
            return;
        };
        session.finish(self.index());
        drop(session);
        self.users.lock().closed();
        self.turn();
    }

    /// Returns how often the disk is open.
    pub(crate) fn openers(&self) -> u32 {
        self.users.lock().count()
    }

    /// Returns the phase in the life of the session, for people.
    pub(crate) fn phase(&self) -> &'static str {
        self.users.lock().label()
    }

    /// Refuses all openers from now on, unless there is one, or a session.
    pub(crate) fn retire(&self) -> Result {
        Ok(self.users.lock().retire()?)
    }

    /// Changes the number of packet buffers, if there is the memory; otherwise the old ones stay.
    fn resize_buffers(&self) {
        let wanted = self.buffers();
        let Some(geometry) = self.geometry() else {
            return;
        };
        if self.packets.lock().len() == wanted as usize {
            return;
        }

        // Allocated without the lock, since memory may come from writing to this very device.
        let Ok(list) = Packets::allocate(&geometry, &self.bell, wanted) else {
            let index = self.index();
            return pr_warn!("pktcdvd{index}: no memory for {wanted} packet buffers\n");
        };
        let unused = self.packets.lock().replace(list);
        drop(unused);
    }
}

/// Closes the drive when a session has ended.
///
/// It has a thread of its own, which does not freeze: a drive may take minutes until it is closed,
/// and neither the last closer nor the sleep of the system is to wait for that.
pub(crate) struct Closer(Arc<Device>);

impl Closer {
    /// Makes one for a device.
    pub(crate) fn new(device: Arc<Device>) -> Self {
        Self(device)
    }
}

impl kthread::Run for Closer {
    fn run(&self) {
        while !kthread::should_stop() {
            self.0.over.wait(None);
            self.0.close_ended();
        }
    }
}
