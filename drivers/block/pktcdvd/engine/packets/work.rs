// SPDX-License-Identifier: GPL-2.0

//! What the thread of a device does, and what it has to do without the lock of the packets.

use super::Packets;
use crate::{
    engine::{
        active::Active,
        hub::Hub,
        void_map, //
    },
    logic::{
        life::{
            Life,
            Step, //
        },
        users::Duty, //
    },
    lower::session::Session, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::Delta, //
};

/// How many rounds the thread works before it lets others have the lock, and the processor.
const ROUNDS: usize = 16;

/// What the thread does after it has worked.
pub(crate) enum Progress {
    /// There is more to do at once.
    More,
    /// There is nothing to do until the bell rings, or, if given, this time has passed.
    Wait(Option<Delta>),
    /// Nothing is left to do, and what was written is on the medium, if it can be: as it is to be
    /// before the system sleeps.
    Rest,
    /// The drive has to put on the medium what it has cached; then comes [`Packets::synced`].
    Sync(Arc<Session>),
    /// Something has happened to the drive that has to be looked at.
    Recover(Arc<Session>),
    /// The session is over.
    Ended(Arc<Session>),
}

/// What has to be done without the lock, since it takes its time.
enum Need {
    Sync,
    Recovery,
    End,
}

impl Need {
    fn of(self, session: Arc<Session>) -> Progress {
        match self {
            Self::Sync => Progress::Sync(session),
            Self::Recovery => Progress::Recover(session),
            Self::End => Progress::Ended(session),
        }
    }
}

impl Packets {
    /// Does what there is to do now, but no more than a fair share. If the device is `pausing`, it
    /// does not wait for more to come, and rests in the end.
    pub(crate) fn work(&mut self, hub: &Hub, pausing: bool, duty: Duty) -> Progress {
        let Some(session) = self.session.clone() else {
            hub.syncs.note_tried(hub.syncs.last());
            return if pausing {
                Progress::Rest
            } else {
                Progress::Wait(None)
            };
        };
        self.work_in(&Active::new(hub, &session, Life::new(duty, pausing)))
            .unwrap_or_else(|need| need.of(session))
    }

    /// Does what there is to do, or says what has to be done first.
    fn work_in(&mut self, device: &Active<'_>) -> core::result::Result<Progress, Need> {
        for _ in 0..ROUNDS {
            let mut progress = false;
            for packet in &mut self.list {
                progress |= packet.reap(device);
            }
            let held = device.release_writes();
            if let Some(wait) = self.look_below(device)? {
                return Ok(wait);
            }
            progress |= self.others(device);
            progress |= self.admit(device);
            progress |= self.dispatch(device);
            progress |= self.go_on_rescuing();
            if !progress && !self.flusher.wants_sync() {
                return self.nothing_to_do(device, held);
            }
        }
        Ok(Progress::More)
    }

    /// Looks at what the lower device reports, and at whether tasks wait for a flush of its cache.
    /// Returns how to wait if the drive has to be asked for something once it has done all that it
    /// was given.
    fn look_below(&mut self, device: &Active<'_>) -> core::result::Result<Option<Progress>, Need> {
        if device.take_failure() {
            device.session.io_failed();
        }
        let wanted = device.syncs.last();
        if device.syncs.are_wanted() && !(self.owes_sync(device) && self.flusher.request()) {
            device.syncs.note_tried(wanted);
        }
        let suspect = device.session.is_suspect();
        if suspect || self.flusher.wants_sync() {
            if self.is_busy_below(device) {
                return Ok(Some(Progress::Wait(None)));
            }
            if suspect {
                return Err(Need::Recovery);
            }
            self.flusher.asked();
            return Err(Need::Sync);
        }
        if self.loss.is_news(device.session.is_lost()) {
            device.lost.ring();
            device.session.tell_lost(device.index());
        }
        Ok(None)
    }

    /// Decides what is next when there is nothing to do. Some writes may be `held` for a time.
    fn nothing_to_do(
        &mut self,
        device: &Active<'_>,
        held: Option<Delta>,
    ) -> core::result::Result<Progress, Need> {
        if device.life.is_in_a_hurry() && self.is_quiet(device) {
            match device.life.at_rest(self.owes_sync(device)) {
                Step::End => return Err(self.end(device)),
                Step::Sync => return Err(Need::Sync),
                Step::Rest => return Ok(Progress::Rest),
                Step::Wait => {}
            }
        }
        let lingers = device.life.left().map(nanos);
        Ok(Progress::Wait(
            Iterator::chain(held.into_iter(), lingers).min(),
        ))
    }

    /// Returns whether the lower device works on something.
    fn is_busy_below(&self, device: &Active<'_>) -> bool {
        device.reads_in_flight() != 0 || self.list.iter().any(|packet| packet.is_in_flight())
    }

    /// Returns whether something was written that is not on the medium, and asking the drive for it
    /// may help.
    fn owes_sync(&self, device: &Active<'_>) -> bool {
        device.is_dirty() && self.flusher.is_worth_trying() && !device.session.is_lost()
    }

    /// Returns whether there is nothing that a session would have to wait for.
    fn is_quiet(&self, device: &Active<'_>) -> bool {
        self.list.iter().all(|packet| packet.is_idle())
            && device.reads_in_flight() == 0
            && device.queue.lock().is_empty()
    }

    /// Ends the session, but not before what was written is on the medium, if it can be.
    fn end(&mut self, device: &Active<'_>) -> Need {
        if device.is_dirty() && !device.session.is_lost() && self.flusher.try_last() {
            return Need::Sync;
        }
        self.session = None;
        self.list = KVec::new();
        self.void = void_map::empty();
        Need::End
    }
}

/// Returns a time of so many nanoseconds.
fn nanos(nanos: u64) -> Delta {
    Delta::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}
