// SPDX-License-Identifier: GPL-2.0

//! The connections of a session as the I/O path sees them.

use crate::{
    link::Link,
    logic::fifo::Fifo, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// By how many requests a connection may be behind the one with least to do, and still get more.
const MAX_BEHIND: u32 = 8;

/// How far `NBD_CMD_DISC`, the message that ends a connection, has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disc {
    No,
    Wanted,
    Sent,
}

/// One connection.
pub(crate) struct LinkState {
    pub(crate) link: Arc<Link>,
    /// Whether requests may go there. Once false, it is so until another connection has the place.
    pub(crate) alive: bool,
    /// What its sender is to send.
    pub(crate) fifo: Fifo<KVec<u16>>,
    /// How many requests it has, in any state.
    pub(crate) load: u32,
    /// Whether the sender sleeps, or is about to.
    pub(crate) sender_idle: bool,
    /// Whether the receiver waits for the sender.
    pub(crate) receiver_waits: bool,
    pub(crate) disc: Disc,
}

impl LinkState {
    /// Whether it takes new requests.
    fn takes(&self) -> bool {
        self.alive && self.disc == Disc::No
    }

    /// Lets the sender look for what there is to send.
    pub(crate) fn wake_sender(&mut self) {
        self.sender_idle = false;
        self.link.wake_sender();
    }

    /// Lets the receiver look again, if it waits for the sender.
    pub(crate) fn wake_receiver(&mut self) {
        if core::mem::take(&mut self.receiver_waits) {
            self.link.wake_receiver();
        }
    }

    /// Marks it as lost. What it has to send is not sent, and its threads leave it.
    pub(crate) fn lose(&mut self) {
        self.alive = false;
        self.fifo.clear();
        self.wake_sender();
        self.receiver_waits = false;
        self.link.wake_receiver();
    }
}

/// All connections, by the index of their places.
pub(crate) struct Links {
    list: KVec<LinkState>,
    /// Where the search for a connection begins.
    turn: u16,
}

impl Links {
    /// None.
    pub(crate) const fn new() -> Self {
        Self {
            list: KVec::new(),
            turn: 0,
        }
    }

    /// Makes room for `capacity` connections.
    pub(crate) fn with_capacity(capacity: usize) -> Result<Self> {
        Ok(Self {
            list: KVec::with_capacity(capacity, GFP_KERNEL)?,
            turn: 0,
        })
    }

    /// Adds a connection for up to `depth` requests.
    pub(crate) fn push(&mut self, link: Arc<Link>, depth: usize) -> Result {
        let state = LinkState {
            link,
            alive: true,
            fifo: Fifo::new(KVec::from_elem(0, depth, GFP_KERNEL)?),
            load: 0,
            sender_idle: false,
            receiver_waits: false,
            disc: Disc::No,
        };
        Ok(self.list.push(state, GFP_KERNEL)?)
    }

    /// Returns how many there are, alive or not.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns the one with this index.
    pub(crate) fn get(&self, index: u16) -> Option<&LinkState> {
        self.list.get(usize::from(index))
    }

    /// Returns the one with this index.
    pub(crate) fn get_mut(&mut self, index: u16) -> Option<&mut LinkState> {
        self.list.get_mut(usize::from(index))
    }

    /// Returns what is known of `link`, unless it is none of this session any more.
    pub(crate) fn state_of(&mut self, link: &Link) -> Option<&mut LinkState> {
        let state = self.get_mut(link.index())?;
        core::ptr::eq(&*state.link, link).then_some(state)
    }

    /// Returns what is known of `link`, while it is alive.
    pub(crate) fn alive(&mut self, link: &Link) -> Option<&mut LinkState> {
        self.state_of(link).filter(|state| state.alive)
    }

    /// Goes through all of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &LinkState)> {
        (0..).zip(self.list.iter())
    }

    /// Goes through all of them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut LinkState> {
        self.list.iter_mut()
    }

    /// Chooses a connection for a request: they take turns, but one that is behind the others is
    /// passed over.
    pub(crate) fn choose(&mut self) -> Option<u16> {
        let links = || self.iter().filter(|(_, state)| state.takes());
        let least = links().map(|(_, state)| state.load).min()?;
        // The first of those that are not behind, from the one whose turn it is on.
        let best = links()
            .filter(|(_, state)| state.load <= least.saturating_add(MAX_BEHIND))
            .map(|(index, _)| index)
            .min_by_key(|index| (*index < self.turn, *index))?;
        self.turn = best.wrapping_add(1);
        Some(best)
    }

    /// Notes that a request is no longer with the connection of this index.
    pub(crate) fn unload(&mut self, index: u16) {
        if let Some(state) = self.get_mut(index) {
            state.load = state.load.saturating_sub(1);
        }
    }
}
