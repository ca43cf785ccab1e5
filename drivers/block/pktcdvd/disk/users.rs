// SPDX-License-Identifier: GPL-2.0

//! The openers of a device, and its sessions.
//!
//! The block layer calls open and release of one disk one at a time, under the disk's `open_mutex`.
//! Nothing waits for a drive under the lock of [`Users`].
//!
//! The first open of a device on an optical drive begins a session. After the last close the
//! session ends, or [lingers](Session::lingers) if ending it takes the drive long. The thread of
//! the device ends the session, and [`Closer`] closes the drive. So neither the last closer nor the
//! suspend of the system has to wait for the drive.

use crate::{
    control::mapping::limits,
    disk::device::Device,
    engine::packets::Packets,
    logic::users::{
        self,
        After,
        Opener,
        Refusal, //
    },
    lower::{
        optical,
        session::Session, //
    }, //
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

/// How long an open waits for the former session to end, and the last close for the drive. The
/// session goes on ending in the background then.
const PATIENCE: Delta = Delta::from_secs(30);

/// How long a request to end a lingering session waits.
pub(crate) const END_PATIENCE: Delta = Delta::from_secs(180);

/// How often a waiting task checks whether to give up.
const SLICE: Delta = Delta::from_millis(500);

/// How long a session lingers, unless changed.
pub(crate) const DEFAULT_LINGER: Delta = Delta::from_secs(30);

/// Longest time for which a session can be set to linger.
pub(crate) const MAX_LINGER_MS: u64 = 3_600_000;

/// The openers of the disk.
pub(crate) type Users = users::Users<Arc<Session>>;

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Removed => ENXIO,
            Refusal::Busy => EBUSY,
        }
    }
}

impl Device {
    /// Opens the device. The first open begins a session with an optical drive. On other devices, a
    /// first open for writing brings the number of packet buffers to what was set.
    ///
    /// If a session is ending, waits for that up to [`PATIENCE`].
    pub(crate) fn open(&self, disk: &DiskRef, how: Opening) -> Result {
        let opened = match self.begin_open()? {
            Opener::First => self.open_first(disk, how),
            Opener::Another => self.open_again(disk, how.write),
            Opener::Heir => self
                .open_again(disk, how.write)
                .inspect(|()| self.show(disk)),
        };

        let result = self.users.lock().end_open(opened, how.write);
        // If a lingering session was not taken over, its time runs on.
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
            // The freezer sends one, too: the open is restarted after the sleep.
            return Err(ERESTARTSYS);
        }
        Ok(turn?)
    }

    /// Ends a lingering session, if something has happened to the drive: the next session examines
    /// the medium.
    fn end_unless_same(&self) {
        // A drive that is being closed would not answer before that is done.
        if !self.users.lock().lingers() {
            return;
        }
        // The drive reports changes when it is opened.
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

    /// Begins a session, and gives the disk the limits and the size of the medium.
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

    /// Gives the disk the size of the medium, and makes it read-only if the medium is.
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

    /// Returns whether there is a session for which `such` holds.
    fn session_is(&self, such: impl FnOnce(&Session) -> bool) -> bool {
        // `such` runs under the lock, so that no reference is taken, which could be the last one.
        self.queue
            .lock()
            .session()
            .is_some_and(|session| such(session))
    }

    /// Closes the device. After the last close the session with an optical drive ends, or lingers.
    ///
    /// The last close waits up to [`PATIENCE`] until all data is on the medium; if the session does
    /// not linger, also until the drive is closed.
    pub(crate) fn release(&self, disk: &DiskRef) {
        let lingers = || {
            !self.linger().is_zero()
                && self.users.lock().had_writer()
                && self.session_is(|session| session.lingers() && !session.is_lost())
        };
        let after = if !self.optical {
            After::Stay
        } else if lingers() {
            After::Linger(self.now())
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

        users.duty(self.now(), linger, || self.is_lost())
    }

    /// Asks a lingering session to end. Returns whether there is no session.
    ///
    /// Fails with [`EBUSY`] if the device is open.
    pub(crate) fn hurry(&self) -> Result<bool> {
        let idle = self.users.lock().hurry()?;
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

    /// Waits until the device is idle, as [`Device::await_turn`].
    pub(crate) fn await_idle(&self, until: Instant<Monotonic>, by_signal: bool) -> bool {
        self.await_turn(until, by_signal, || {
            // Only a session that is ending is waited for. After an error, the device is in use
            // again.
            !matches!(self.users.lock().hurry(), Ok(false))
        })
    }

    /// Waits until `done` returns true, up to the time `until`. Returns whether it did.
    ///
    /// Gives up earlier if the system is about to sleep, and with `by_signal` after a signal.
    /// Process context.
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

    /// Wakes all tasks in [`Device::await_turn`].
    pub(crate) fn turn(&self) {
        self.turns.fetch_add(1, Release);
        self.turned.wake_up_all();
    }

    /// Ends a session in which nothing is left to do, and hands it to [`Closer`]. Called by the
    /// thread.
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

    /// Returns the state of the session, as the file `session` shows it.
    pub(crate) fn phase(&self) -> &'static str {
        self.users.lock().label()
    }

    /// Refuses all opens from now on. Fails if the device is open, or there is a session.
    pub(crate) fn retire(&self) -> Result {
        Ok(self.users.lock().retire()?)
    }

    /// Changes the number of packet buffers. If there is not enough memory, the old ones stay.
    fn resize_buffers(&self) {
        let wanted = self.buffers();
        let Some(geometry) = self.geometry() else {
            return;
        };
        if self.packets.lock().len() == wanted as usize {
            return;
        }

        // Allocated without the lock, since reclaim may write to this very device.
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
/// and neither the last closer nor the suspend of the system may wait for that.
pub(crate) struct Closer(Arc<Device>);

impl Closer {
    /// Creates one for a device.
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
