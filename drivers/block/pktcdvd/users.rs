// SPDX-License-Identifier: GPL-2.0

//! Who has a device open, and the sessions that follow from that.
//!
//! The disk's own lock keeps its opens and closes apart, so that there is one of them at a time
//! here. What waits for a drive is done without the lock of [`Users`].

use crate::{
    device::Device,
    disk::Disk,
    logic::users::{
        self,
        Refusal, //
    },
    mapping::limits,
    optical,
    packets::Packets,
    session::Session, //
};
use kernel::{
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
use rb::block::gen_disk::GenDisk;

/// How long the last close waits for the drive; what is left is done without it.
const PATIENCE: Delta = Delta::from_secs(30);

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

impl Device {
    /// Notes an opener. The first one begins a session with an optical drive; of other devices, the
    /// first one that writes gets the packet buffers that were asked for.
    pub(crate) fn open(&self, disk: &GenDisk<Disk>, write: bool) -> Result {
        let first = self.users.lock().begin_open()?;
        let opened = if first {
            self.open_first(disk, write)
        } else {
            self.open_again(disk, write)
        };

        self.users.lock().end_open(opened)
    }

    fn open_first(&self, disk: &GenDisk<Disk>, write: bool) -> Result {
        if self.optical {
            let session = optical::open(
                self.lower_dev,
                self.index(),
                write,
                &self.bell,
                &self.activity,
            )?;
            return self.begin_session(disk, session);
        }
        if write {
            self.check_writable()?;
            self.resize_buffers()?;
        }
        Ok(())
    }

    fn open_again(&self, disk: &GenDisk<Disk>, write: bool) -> Result {
        let Some(session) = self.session().filter(|session| session.optical.is_some()) else {
            return if write { self.check_writable() } else { Ok(()) };
        };
        if session.is_lost() {
            return Err(rb::block::optical::no_medium());
        }
        if write {
            session.prepare_write(self.index())?;
            disk.set_capacity(session.sectors());
        }
        Ok(())
    }

    /// Begins a session, and has the disk look as the medium is.
    fn begin_session(&self, disk: &GenDisk<Disk>, session: Session) -> Result {
        let read_only = session.read_only;
        let sectors = session.sectors();
        let limits = limits(&session);

        disk.update_limits(&limits)?;
        self.enter(session)?;
        disk.set_read_only(read_only);
        disk.set_capacity(sectors);
        Ok(())
    }

    fn check_writable(&self) -> Result {
        let queue = self.queue.lock();
        if queue.session().is_none_or(|session| session.read_only) {
            return Err(EROFS);
        }
        Ok(())
    }

    /// Notes that an opener is gone. The last one ends the session with an optical drive.
    pub(crate) fn release(&self, disk: &GenDisk<Disk>) {
        let ends = self.users.lock().close(self.optical);
        if !ends {
            return;
        }

        disk.set_capacity(0);
        self.ending.store(true, Release);
        self.bell.ring();
        self.await_end();
    }

    /// Waits until the thread has ended the session, but not for ever.
    fn await_end(&self) {
        let until = Instant::<Monotonic>::now() + PATIENCE;
        let ended = || !self.ending.load(Acquire);

        loop {
            let left = until - Instant::now();
            if left.is_negative() || self.ended.wait_event_idle_timeout(Some(left), ended) {
                break;
            }
        }
        let session = self.users.lock().stop_waiting();
        if session.is_none() {
            pr_warn!("pktcdvd{}: the drive is still busy\n", self.index());
            return;
        }
        if let Some(session) = &session {
            session.finish(self.index());
        }
        // Closes the drive, here and not in the thread, so that it is closed when the closer goes on.
        drop(session);
        self.users.lock().settle();
    }

    /// Ends a session that nothing is left to do in. Called by the thread.
    pub(crate) fn end_session(&self, session: Arc<Session>) {
        let before = self.queue.lock().set_session(None);
        drop(before);

        let mut users = self.users.lock();
        let abandoned = users.session_ended(session);
        self.ending.store(false, Release);
        drop(users);

        if abandoned.is_some() {
            drop(abandoned);
            self.users.lock().settle();
        }
        self.ended.wake_up_all();
    }

    /// Returns how often the disk is open.
    pub(crate) fn openers(&self) -> u32 {
        self.users.lock().count()
    }

    /// Refuses all openers from now on, unless there is one, or a session still ends.
    pub(crate) fn retire(&self) -> Result {
        Ok(self.users.lock().retire()?)
    }

    fn resize_buffers(&self) -> Result {
        let wanted = self.buffers();
        let Some(geometry) = self.geometry() else {
            return Ok(());
        };
        if self.packets.lock().len() == wanted as usize {
            return Ok(());
        }

        // Allocated without the lock, since memory may come from writing to this very device.
        let list = Packets::allocate(&geometry, &self.bell, wanted)?;
        let unused = self.packets.lock().replace(list);
        drop(unused);
        Ok(())
    }
}
