// SPDX-License-Identifier: GPL-2.0

//! The connections of a session as the I/O path sees them.

use super::fifo::Fifo;
use core::{
    iter::Zip,
    ops::{
        Deref,
        DerefMut,
        RangeFrom, //
    },
    slice, //
};

/// By how many requests a connection may be behind the one with least to do, and still get more.
const MAX_BEHIND: u32 = 8;

/// A connection, and the threads that work with it.
pub trait Connection {
    /// Returns the number of its place.
    fn index(&self) -> u16;

    /// Lets the sender look for requests. Any context, with any lock held.
    fn wake_sender(&self);

    /// Lets the receiver look again whether a request has been sent. Any context, with any lock held.
    fn wake_receiver(&self);

    /// Returns for how many milliseconds nothing has moved: nothing was received, and nothing has left
    /// what the sender had to wait for. Any context, with any lock held.
    fn quiet_ms(&self) -> u64;
}

/// How far `NBD_CMD_DISC`, the message that ends a connection, has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disc {
    No,
    Wanted,
    Sent,
}

/// One connection. `C` keeps it alive; `T` holds the tags of the requests that it is to send.
#[derive(Debug)]
pub struct LinkState<C, T> {
    pub(super) link: C,
    /// Whether requests may go there. Once false, it is so until another connection has the place.
    pub(super) alive: bool,
    /// What its sender is to send.
    pub(super) fifo: Fifo<T>,
    /// How many requests it has, in any state.
    pub(super) load: u32,
    /// Whether the sender sleeps, or is about to.
    pub(super) sender_idle: bool,
    /// Whether the receiver waits for the sender.
    pub(super) receiver_waits: bool,
    /// The newest request that was answered, by its sequence number.
    pub(super) answered: Option<u32>,
    pub(super) disc: Disc,
    /// Whether another one is about to take its place: it gets nothing more.
    pub(super) leaves: bool,
}

impl<C, T> LinkState<C, T>
where
    C: Deref<Target: Connection>,
    T: DerefMut<Target = [u16]>,
{
    /// Makes the state of a connection that is alive, with room for as many requests as `tags` has.
    pub fn new(link: C, tags: T) -> Self {
        Self {
            link,
            alive: true,
            fifo: Fifo::new(tags),
            load: 0,
            sender_idle: false,
            receiver_waits: false,
            answered: None,
            disc: Disc::No,
            leaves: false,
        }
    }

    /// Whether it takes new requests.
    fn takes(&self) -> bool {
        self.alive && self.disc == Disc::No && !self.leaves
    }

    /// Asks the sender to end the connection, once it has sent what it has begun.
    pub(super) fn ask_for_end(&mut self) {
        if self.disc == Disc::No {
            self.disc = Disc::Wanted;
        }
        if self.sender_idle {
            self.wake_sender();
        }
    }

    /// Notes that a request was answered.
    pub(super) fn has_answered(&mut self, sequence: u32) {
        // CAST: The numbers wrap; the difference is that of two requests of about the same time.
        let newer = |newest| sequence.wrapping_sub(newest) as i32 > 0;
        if self.answered.is_none_or(newer) {
            self.answered = Some(sequence);
        }
    }

    /// Lets the sender look for what there is to send.
    pub(super) fn wake_sender(&mut self) {
        self.sender_idle = false;
        self.link.wake_sender();
    }

    /// Lets the receiver look again, if it waits for the sender.
    pub(super) fn wake_receiver(&mut self) {
        if core::mem::take(&mut self.receiver_waits) {
            self.link.wake_receiver();
        }
    }

    /// Marks it as lost. What it has to send is not sent, and its threads leave it.
    pub(super) fn mark_lost(&mut self) {
        self.alive = false;
        self.fifo.clear();
        self.wake_sender();
        self.receiver_waits = false;
        self.link.wake_receiver();
    }
}

/// All connections, by the index of their places.
#[derive(Debug, Default)]
pub(super) struct Links<B> {
    list: B,
    /// Where the search for a connection begins.
    turn: u16,
}

impl<C, T, B> Links<B>
where
    C: Deref<Target: Connection>,
    T: DerefMut<Target = [u16]>,
    B: DerefMut<Target = [LinkState<C, T>]>,
{
    /// Makes the connections of a session from a list in the order of their indices.
    pub(super) fn new(list: B) -> Self {
        Self { list, turn: 0 }
    }

    /// Returns the list.
    pub(super) fn into_inner(self) -> B {
        self.list
    }

    /// Puts another list in the place of this one, which `join` makes from it.
    pub(super) fn regroup(&mut self, join: impl FnOnce(B) -> B)
    where
        B: Default,
    {
        self.list = join(core::mem::take(&mut self.list));
    }

    /// Returns how many there are, alive or not.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns the one with this index.
    pub(super) fn get(&self, index: u16) -> Option<&LinkState<C, T>> {
        self.list.get(usize::from(index))
    }

    /// Returns the one with this index.
    pub(super) fn get_mut(&mut self, index: u16) -> Option<&mut LinkState<C, T>> {
        self.list.get_mut(usize::from(index))
    }

    /// Returns what is known of `link`, unless it is none of this session any more.
    pub(super) fn state_of(&mut self, link: &C::Target) -> Option<&mut LinkState<C, T>> {
        let state = self.get_mut(link.index())?;
        core::ptr::eq(&*state.link, link).then_some(state)
    }

    /// Returns what is known of `link`, while it is alive.
    pub(super) fn alive(&mut self, link: &C::Target) -> Option<&mut LinkState<C, T>> {
        self.state_of(link).filter(|state| state.alive)
    }

    /// Goes through all of them.
    pub(super) fn iter(&self) -> Zip<RangeFrom<u16>, slice::Iter<'_, LinkState<C, T>>> {
        (0..).zip(self.list.iter())
    }

    /// Goes through all of them.
    pub(super) fn iter_mut(&mut self) -> slice::IterMut<'_, LinkState<C, T>> {
        self.list.iter_mut()
    }

    /// Chooses a connection for a request: they take turns, but one that is behind the others is
    /// passed over.
    pub(super) fn choose(&mut self) -> Option<u16> {
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
    pub(super) fn unload(&mut self, index: u16) {
        if let Some(state) = self.get_mut(index) {
            state.load = state.load.saturating_sub(1);
        }
    }
}
