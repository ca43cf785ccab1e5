// SPDX-License-Identifier: GPL-2.0

//! Where each request is.
//!
//! A started request is a value that somebody owns, so it ends once. Until it ends it is in the slot
//! of its tag, or in the hands of the sender or the receiver of a connection; the slot shows which:
//!
//! ```text
//!          queue_rq           sender            sender           receiver
//!   Idle ----------> Queued ---------> Sending --------> InFlight -------> Receiving --> Idle
//!                      |                  |                  |                  |
//!                      +---- the connection is lost: given back to blk-mq ------+------> Idle
//! ```

use super::super::wire::Cookie;
use core::ops::DerefMut;

/// A started request.
pub trait Tagged {
    /// Returns the number of its slot, which no other started request has.
    fn tag(&self) -> u32;
}

/// The place of the request with one tag.
#[derive(Debug)]
pub struct Slot<R> {
    /// Names the use, so that a late reply to one is not taken for one to the next.
    sequence: u32,
    /// How often the request has been found to take long.
    timeouts: u32,
    /// Whether it was found then that a later one had been answered.
    overtaken: bool,
    state: State<R>,
}

impl<R> Default for Slot<R> {
    fn default() -> Self {
        Self {
            sequence: 0,
            timeouts: 0,
            overtaken: false,
            state: State::Idle,
        }
    }
}

/// Connections are named by the index of their place.
#[derive(Debug)]
enum State<R> {
    Idle,
    Queued { rq: R, link: u16 },
    Sending { link: u16 },
    InFlight { rq: R, link: u16 },
    Receiving { link: u16 },
}

impl<R> State<R> {
    fn link(&self) -> Option<u16> {
        match self {
            Self::Idle => None,
            Self::Queued { link, .. }
            | Self::Sending { link }
            | Self::InFlight { link, .. }
            | Self::Receiving { link } => Some(*link),
        }
    }
}

/// Whose a reply is.
#[derive(Debug)]
pub enum Answered<R> {
    /// This request's, which is the receiver's now.
    Request(R),
    /// That of a request which the sender is not done with yet.
    NotYet,
    /// Nobody's: the server is confused.
    Nobody,
}

/// A slot for each tag.
#[derive(Debug)]
pub struct Slots<B> {
    slots: B,
    /// Counts the requests that were sent, over all slots: a reply with the tag of another request
    /// must not be taken for its own.
    sequence: u32,
}

impl<R: Tagged, B: DerefMut<Target = [Slot<R>]>> Slots<B> {
    /// Makes slots of which all are free; the index of each is the tag of its requests.
    pub fn new(slots: B) -> Self {
        Self { slots, sequence: 0 }
    }

    fn slot(&mut self, tag: u32) -> Option<&mut Slot<R>> {
        self.slots.get_mut(tag as usize)
    }

    /// Files a request that a connection is to send. It comes back if there is no such slot.
    pub fn queue(&mut self, rq: R, link: u16) -> Result<(), R> {
        let Some(slot) = self.slot(rq.tag()) else {
            return Err(rq);
        };
        slot.timeouts = 0;
        slot.overtaken = false;
        slot.state = State::Queued { rq, link };
        Ok(())
    }

    /// Takes a request that is queued, for `link` to send, under a name that no other has.
    pub fn begin_sending(&mut self, tag: u16, link: u16) -> Option<(R, Cookie)> {
        let sequence = self.sequence.wrapping_add(1);
        let slot = self.slot(tag.into())?;
        match core::mem::replace(&mut slot.state, State::Sending { link }) {
            State::Queued { rq, .. } => {
                slot.sequence = sequence;
                self.sequence = sequence;
                let cookie = Cookie {
                    tag,
                    link,
                    sequence,
                };
                Some((rq, cookie))
            }
            other => {
                slot.state = other;
                None
            }
        }
    }

    /// Files a request that was sent as a whole. It comes back if there is no such slot.
    pub fn sent(&mut self, rq: R, link: u16) -> Result<(), R> {
        match self.slot(rq.tag()) {
            Some(slot) => {
                slot.state = State::InFlight { rq, link };
                Ok(())
            }
            None => Err(rq),
        }
    }

    /// Takes the request that a reply over `link` is for.
    pub fn answered(&mut self, cookie: Cookie, link: u16) -> Answered<R> {
        let slot = self.slot(cookie.tag.into());
        let Some(slot) =
            slot.filter(|slot| cookie.link == link && slot.sequence == cookie.sequence)
        else {
            return Answered::Nobody;
        };
        match core::mem::replace(&mut slot.state, State::Receiving { link }) {
            State::InFlight { rq, link: at } if at == link => Answered::Request(rq),
            other => {
                let sending = matches!(other, State::Sending { link: at } if at == link);
                slot.state = other;
                if sending {
                    Answered::NotYet
                } else {
                    Answered::Nobody
                }
            }
        }
    }

    /// Frees the slot of a request that the caller owns; returns which connection it was with.
    pub fn free(&mut self, tag: u32) -> Option<u16> {
        let slot = self.slot(tag)?;
        core::mem::replace(&mut slot.state, State::Idle).link()
    }

    /// Takes a request that nobody works on out of the slots from `cursor` on. It is one of connection
    /// `link`, or of any if none is given. Returns the request and its connection.
    pub fn take_from(&mut self, link: Option<u16>, cursor: &mut u32) -> Option<(R, u16)> {
        loop {
            let slot = self.slot(*cursor)?;
            *cursor += 1;

            if link.is_some_and(|link| slot.state.link() != Some(link)) {
                continue;
            }
            match core::mem::replace(&mut slot.state, State::Idle) {
                State::Queued { rq, link } | State::InFlight { rq, link } => {
                    return Some((rq, link))
                }
                other => slot.state = other,
            }
        }
    }

    /// Counts one more time that the request with this tag takes long; returns how often it has, and
    /// which connection it is with, unless it has ended.
    pub fn late(&mut self, tag: u32) -> Option<(u32, u16)> {
        let slot = self.slot(tag)?;
        slot.timeouts = slot.timeouts.saturating_add(1);
        Some((slot.timeouts, slot.state.link()?))
    }

    /// Returns whether a request was already passed over at the last call of this: the server had then
    /// answered a request that was sent later. `newest` is the number of the newest that it has answered.
    pub fn is_passed_over(&mut self, tag: u32, newest: u32) -> bool {
        let Some(slot) = self.slot(tag) else {
            return false;
        };
        if !matches!(slot.state, State::InFlight { .. }) {
            return false;
        }
        // CAST: The numbers wrap; the difference is that of two requests of about the same time.
        let later = newest.wrapping_sub(slot.sequence) as i32 > 0;
        core::mem::replace(&mut slot.overtaken, later) && later
    }
}
