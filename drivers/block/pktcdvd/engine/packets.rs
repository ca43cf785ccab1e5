// SPDX-License-Identifier: GPL-2.0

//! All packet buffers of a device, and what is done with them next.

mod dispatch;
mod flush;

use crate::{
    disk::device::Device,
    engine::{
        packet::Packet,
        pieces::PacketRequest,
        void_map::{
            self,
            VoidMap, //
        }, //
    },
    logic::{
        buffer,
        flusher::Flusher,
        schedule::{
            Limits,
            Scheduler, //
        },
        state::State,
        users::Duty,
        zone::Geometry, //
    },
    lower::{
        bell::Bell,
        session::{
            Active,
            Session, //
        }, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::Delta, //
};
use rb::block::{
    bio::Command,
    error::BlkError, //
};

/// How many reads may be under way at a time, as many as the pool of bios serves well.
pub(crate) const READS_IN_FLIGHT: usize = 32;

/// How many rounds the thread works before it lets others have the lock, and the processor.
const ROUNDS: usize = 16;

/// How many IOs are issued in one round.
const ISSUES: usize = 16;

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

/// The packet buffers of a device.
///
/// Lives in the mutex [`Device::packets`], which the thread holds while it works, and others to
/// look; the queue's spinlock nests inside. No IO is waited for under it, but the lower device may
/// make a submission wait for room.
pub(crate) struct Packets {
    session: Option<Arc<Session>>,
    list: KVec<Packet>,
    void: VoidMap,
    scheduler: Scheduler,
    /// Where the elevator that begins packets is: behind the zone that was begun last.
    begin_at: u64,
    /// Where the elevator that submits IO is: behind the packet that was submitted last.
    submit_at: u64,
    /// How many packets were begun.
    begun: u64,
    /// What the drive has cached, and who waits for it.
    flusher: Flusher<PacketRequest, BlkError>,
    /// The users of the disk were told that the medium has gone.
    announced: bool,
}

/// What the packets of a session are kept in.
pub(crate) struct Store {
    list: KVec<Packet>,
    void: VoidMap,
}

impl Store {
    /// Allocates `nr` packet buffers. May sleep.
    pub(crate) fn new(geometry: &Geometry, bell: &Arc<Bell>, nr: u32) -> Result<Self> {
        Ok(Self {
            list: Packets::allocate(geometry, bell, nr)?,
            void: void_map::new(geometry.packets()),
        })
    }
}

impl Packets {
    /// Returns no packets, as there are outside of sessions.
    pub(crate) fn new() -> Self {
        Self {
            session: None,
            list: KVec::new(),
            void: void_map::empty(),
            scheduler: Scheduler::new(Limits {
                reads_in_flight: READS_IN_FLIGHT,
                ..Limits::default()
            }),
            begin_at: 0,
            submit_at: 0,
            begun: 0,
            flusher: Flusher::new(),
            announced: false,
        }
    }

    /// Begins a session.
    pub(crate) fn enter(&mut self, session: Arc<Session>, store: Store) {
        self.session = Some(session);
        self.list = store.list;
        self.void = store.void;
        self.begin_at = 0;
        self.submit_at = 0;
        self.flusher.enter();
        self.announced = false;
    }

    /// Allocates `nr` packet buffers for [`Packets::replace`]. May sleep.
    pub(crate) fn allocate(geometry: &Geometry, bell: &Arc<Bell>, nr: u32) -> Result<KVec<Packet>> {
        let mut list = KVec::with_capacity(nr as usize, GFP_KERNEL)?;
        for _ in 0..nr {
            list.push(Packet::new(geometry, bell)?, GFP_KERNEL)?;
        }
        Ok(list)
    }

    /// Returns the number of packet buffers.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Replaces the buffers, if all are free; returns the ones that are not used.
    pub(crate) fn replace(&mut self, list: KVec<Packet>) -> KVec<Packet> {
        if self.list.iter().all(|packet| packet.is_idle()) {
            core::mem::replace(&mut self.list, list)
        } else {
            list
        }
    }

    /// Returns how many buffers are in `state`.
    pub(crate) fn count(&self, state: State) -> usize {
        self.list.iter().filter(|p| p.state() == state).count()
    }

    /// Returns where the elevator is, in sectors.
    pub(crate) fn current_sector(&self) -> u64 {
        self.begin_at
    }

    /// Does what there is to do now, but no more than a fair share. If the device is `pausing`, it
    /// does not wait for more to come, and rests in the end.
    pub(crate) fn work(&mut self, device: &Device, pausing: bool, duty: Duty) -> Progress {
        let Some(session) = self.session.clone() else {
            device.sync_tried(device.syncs_wanted());
            return if pausing {
                Progress::Rest
            } else {
                Progress::Wait(None)
            };
        };
        self.work_in(&Active::new(device, &session, pausing, duty))
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
            if device.take_failure() {
                device.session.io_failed();
            }
            let wanted = device.syncs_wanted();
            if device.is_sync_wanted() && !(self.owes_sync(device) && self.flusher.request()) {
                device.sync_tried(wanted);
            }
            let suspect = device.session.is_suspect();
            if suspect || self.flusher.wants_sync() {
                // The drive is looked at, and asked, when it has done all that it was given.
                if self.is_busy_below(device) {
                    return Ok(Progress::Wait(None));
                }
                if suspect {
                    return Err(Need::Recovery);
                }
                self.flusher.asked();
                return Err(Need::Sync);
            }
            if device.session.is_lost() && !core::mem::replace(&mut self.announced, true) {
                device.lost.ring();
                device.session.tell_lost(device.index());
            }
            progress |= self.others(device);
            progress |= self.admit(device);
            progress |= self.dispatch(device);
            progress |= self.go_on_rescuing();
            if self.flusher.wants_sync() {
                continue;
            }
            if !progress {
                if (device.pausing || device.duty != Duty::Serve) && self.is_quiet(device) {
                    if device.duty == Duty::End {
                        return Err(self.end(device));
                    }
                    if self.owes_sync(device) {
                        return Err(Need::Sync);
                    }
                    if device.pausing {
                        return Ok(Progress::Rest);
                    }
                }
                let waits = Iterator::chain(held.into_iter(), lingers(device.duty));
                return Ok(Progress::Wait(waits.min()));
            }
        }
        Ok(Progress::More)
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

    /// Lets writes join the packets that are open, and begins new ones.
    fn admit(&mut self, device: &Active<'_>) -> bool {
        let mut progress = false;

        for packet in &mut self.list {
            progress |= packet.join(device);
        }
        while self.begin(device) {
            progress = true;
        }
        if progress {
            device.check_congestion();
        }
        progress
    }

    /// Begins the next packet, if a buffer is free and a write is due.
    ///
    /// Not far ahead of the drive: what is best to do next may be something else by then.
    fn begin(&mut self, device: &Active<'_>) -> bool {
        let idle = self.list.iter().filter(|packet| packet.is_idle()).count();
        if idle == 0 || self.list.len() - idle >= device.session.packets_ahead() {
            return false;
        }

        let list = &self.list;
        let zone = device.queue.lock().next_zone(self.begin_at, |zone| {
            list.iter().any(|packet| packet.is_busy_with(zone))
        });
        let Some(zone) = zone.and_then(|zone| device.session.geometry.zone_of(zone)) else {
            return false;
        };
        let void = device
            .session
            .geometry
            .index(zone)
            .is_some_and(|index| self.void.take(index));
        let chosen = buffer::choose(&self.list, zone.sector());

        self.begun = self.begun.wrapping_add(1);
        self.begin_at = zone.sector() + u64::from(device.session.geometry.packet_sectors());
        let Some(packet) = chosen.and_then(|index| self.list.get_mut(index)) else {
            return false;
        };
        self.flusher.reuses(packet, zone.sector());
        packet.start(device, zone, void, self.begun);
        packet.join(device);
        true
    }

    /// Carries out the requests that move no data, but not so many that others have to wait long.
    fn others(&mut self, device: &Active<'_>) -> bool {
        for done in 0..ISSUES {
            if self.flusher.is_flushing() {
                return done != 0;
            }
            // The guard must not live on: what follows may sleep.
            let rq = device.queue.lock().pop_other();
            let Some(rq) = rq else {
                return done != 0;
            };
            match rq.command() {
                Command::Flush => self.flush(device, rq),
                _ => self.discard(device, rq),
            }
        }
        true
    }

    /// Notes which packets are void now. A packet that is being written, or is about to be, stays.
    ///
    /// Of packets that are discarded in part, the lower device may have other data then than a buffer.
    fn discard(&mut self, device: &Active<'_>, rq: PacketRequest) {
        if device.session.is_lost() {
            return rq.end(Err(BlkError::IOERR));
        }
        let geometry = &device.session.geometry;

        for zone in geometry.zones_within(rq.sector(), rq.sectors()) {
            let sector = zone.sector();
            let busy = self.list.iter().any(|p| p.is_busy_with(sector))
                || device.queue.lock().has_write(sector);
            if busy {
                continue;
            }
            self.list
                .iter_mut()
                .for_each(|packet| packet.discard(sector));
            if let Some(index) = geometry.index(zone) {
                self.void.set(index);
            }
        }
        if device.session.takes_discards() {
            for zone in geometry.zones_cut_by(rq.sector(), rq.sectors()) {
                self.list
                    .iter_mut()
                    .for_each(|packet| packet.invalidate(zone.sector()));
            }
        }
        device.forward_discard(device.session, rq);
    }
}

/// Returns for how long a session lingers still.
fn lingers(duty: Duty) -> Option<Delta> {
    match duty {
        Duty::Linger(left) => Some(Delta::from_nanos(i64::try_from(left).unwrap_or(i64::MAX))),
        _ => None,
    }
}
