// SPDX-License-Identifier: GPL-2.0

//! The connections of a session, and the choice among them.

use super::link::{
    Connection,
    LinkState, //
};
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
        self.state_of(link).filter(|state| state.is_alive())
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
