// SPDX-License-Identifier: GPL-2.0

//! A connection of a session as the I/O path sees it.

use super::fifo::Fifo;
use core::ops::{
    Deref,
    DerefMut, //
};

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

/// How far a connection has come.
///
/// ```text
///   Up ---> Ending ---> Told
///    |         |          |      nobody can wait for the socket: a worker is to close it
///    +---------+----------+----------------------------------------> Overdue
///    |         |          |                                             |
///    +---------+----------+--------------> Lost <-----------------------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// Requests may go there.
    Up,
    /// The sender is to send `NBD_CMD_DISC`, the message that ends it, behind what it has.
    Ending,
    /// That was sent.
    Told,
    /// It was given up because it took too long, and a worker is to close it.
    Overdue,
    /// Nothing goes there until another connection has its place.
    Lost,
}

/// One connection. `C` keeps it alive; `T` holds the tags of the requests that it is to send.
#[derive(Debug)]
pub struct LinkState<C, T> {
    pub(super) link: C,
    life: Life,
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
            life: Life::Up,
            fifo: Fifo::new(tags),
            load: 0,
            sender_idle: false,
            receiver_waits: false,
            answered: None,
            leaves: false,
        }
    }

    /// Returns whether it is not lost.
    pub(super) fn is_alive(&self) -> bool {
        matches!(self.life, Life::Up | Life::Ending | Life::Told)
    }

    /// Returns whether it takes new requests.
    pub(super) fn takes(&self) -> bool {
        self.life == Life::Up && !self.leaves
    }

    /// Asks the sender to end the connection, once it has sent what it has begun.
    pub(super) fn ask_for_end(&mut self) {
        if self.life == Life::Up {
            self.life = Life::Ending;
        }
        if self.sender_idle {
            self.wake_sender();
        }
    }

    /// Returns whether the sender is to end the connection.
    pub(super) fn is_ending(&self) -> bool {
        self.life == Life::Ending
    }

    /// Notes that the message that ends the connection was sent.
    pub(super) fn told(&mut self) {
        if self.is_alive() {
            self.life = Life::Told;
        }
    }

    /// Returns whether that message was sent, or cannot be any more.
    pub(super) fn is_told(&self) -> bool {
        !matches!(self.life, Life::Up | Life::Ending)
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
    pub(super) fn mark_lost(&mut self, overdue: bool) {
        self.life = if overdue { Life::Overdue } else { Life::Lost };
        self.fifo.clear();
        self.wake_sender();
        self.receiver_waits = false;
        self.link.wake_receiver();
    }

    /// Returns whether a worker is to close it, which is only said once.
    pub(super) fn take_overdue(&mut self) -> bool {
        let overdue = self.life == Life::Overdue;
        if overdue {
            self.life = Life::Lost;
        }
        overdue
    }

    /// Puts another connection in the place of this one, which is lost and has no requests.
    pub(super) fn replace(&mut self, link: C) -> C {
        self.life = Life::Up;
        self.fifo.clear();
        self.sender_idle = false;
        self.answered = None;
        self.leaves = false;
        core::mem::replace(&mut self.link, link)
    }
}
