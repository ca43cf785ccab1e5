// SPDX-License-Identifier: GPL-2.0

//! All packet buffers of a device, and what is done with them next.
//!
//! [`work`] is one round of that: it [admits](admit) writes to packets, [dispatches](dispatch) their
//! I/O and reads, and says when the drive has to [flush] its cache.

mod admit;
mod dispatch;
mod flush;
mod work;

pub(crate) use work::Progress;

use crate::{
    engine::{
        hub::READS_IN_FLIGHT,
        packet::Packet,
        pieces::PacketRequest,
        void_map::{
            self,
            VoidMap, //
        },
    },
    logic::{
        flusher::Flusher,
        life::Loss,
        schedule::{
            Limits,
            Scheduler, //
        },
        state::State,
        zone::Geometry, //
    },
    lower::session::Session, //
};
use common::bell::Bell;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use rb::block::error::BlkError;

/// How many IOs are issued in one round.
const ISSUES: usize = 16;

/// The packet buffers of a device.
///
/// Lives in the mutex `Device::packets`, which the thread holds while it works, and others to
/// look; the queue's spinlock nests inside. No I/O is waited for under it, but the lower device may
/// make a submission wait for room.
pub(crate) struct Packets {
    session: Option<Arc<Session>>,
    list: KVec<Packet>,
    void: VoidMap,
    scheduler: Scheduler,
    /// Where the elevator that begins packets is: behind the zone that was begun last.
    begin_at: u64,
    /// Where the elevator that submits I/O is: behind the packet that was submitted last.
    submit_at: u64,
    /// How many packets were begun.
    begun: u64,
    /// What the drive has cached, and the callers that wait for it.
    flusher: Flusher<PacketRequest, BlkError>,
    /// Whether the users of the disk were told that the medium has gone.
    loss: Loss,
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
            loss: Loss::default(),
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
        self.loss = Loss::default();
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
}
