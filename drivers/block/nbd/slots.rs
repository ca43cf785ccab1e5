// SPDX-License-Identifier: GPL-2.0

//! Where each request is.
//!
//! A started request is a value that somebody owns, so it ends once. Until it ends it is in the slot
//! of its tag, or in the hands of the sender or the receiver of a connection; the slot tells:
//!
//! ```text
//!          queue_rq           sender            sender           receiver
//!   Idle ----------> Queued ---------> Sending --------> InFlight -------> Receiving --> Idle
//!                      |                  |                  |                  |
//!                      +---- the connection is lost: given back to blk-mq ------+------> Idle
//! ```

use crate::{
    disk::NbdRequest,
    logic::wire::Cookie, //
};
use kernel::prelude::*;

/// The place of the request with one tag.
struct Slot {
    /// Names the use, so that a late reply to one is not taken for one to the next.
    sequence: u32,
    /// How often the request has been found to take long.
    timeouts: u32,
    state: State,
}

/// Connections are named by the index of their place.
enum State {
    Idle,
    Queued { rq: NbdRequest, link: u16 },
    Sending { link: u16 },
    InFlight { rq: NbdRequest, link: u16 },
    Receiving { link: u16 },
}

impl State {
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
pub(crate) enum Answered {
    /// This request's, which is the receiver's now.
    Request(NbdRequest),
    /// That of a request which the sender is not done with yet.
    NotYet,
    /// Nobody's: the server is confused.
    Nobody,
}

/// A slot for each tag.
pub(crate) struct Slots {
    slots: KVec<Slot>,
    /// Counts the requests that were sent, over all slots: a reply with the tag of another request
    /// must not be taken for its own.
    sequence: u32,
}

impl Slots {
    /// Makes room for `depth` requests.
    pub(crate) fn new(depth: usize) -> Result<Self> {
        let mut slots = KVec::with_capacity(depth, GFP_KERNEL)?;
        for _ in 0..depth {
            let slot = Slot {
                sequence: 0,
                timeouts: 0,
                state: State::Idle,
            };
            slots.push(slot, GFP_KERNEL)?;
        }
        Ok(Self { slots, sequence: 0 })
    }

    fn slot(&mut self, tag: u32) -> Option<&mut Slot> {
        self.slots.get_mut(tag as usize)
    }

    /// Files a request that a connection is to send. It comes back if there is no such slot.
    pub(crate) fn queue(&mut self, rq: NbdRequest, link: u16) -> Result<(), NbdRequest> {
        let Some(slot) = self.slot(rq.tag()) else {
            return Err(rq);
        };
        slot.timeouts = 0;
        slot.state = State::Queued { rq, link };
        Ok(())
    }

    /// Takes a request that is queued, for `link` to send, under a name that no other has.
    pub(crate) fn begin_sending(&mut self, tag: u16, link: u16) -> Option<(NbdRequest, Cookie)> {
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
    pub(crate) fn sent(&mut self, rq: NbdRequest, link: u16) -> Result<(), NbdRequest> {
        match self.slot(rq.tag()) {
            Some(slot) => {
                slot.state = State::InFlight { rq, link };
                Ok(())
            }
            None => Err(rq),
        }
    }

    /// Takes the request that a reply over `link` is for.
    pub(crate) fn answered(&mut self, cookie: Cookie, link: u16) -> Answered {
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
    pub(crate) fn release(&mut self, tag: u32) -> Option<u16> {
        let slot = self.slot(tag)?;
        core::mem::replace(&mut slot.state, State::Idle).link()
    }

    /// Takes a request out of the slots from `cursor` on that nobody works on, and that is with
    /// connection `link`, or with any if there is none given; and returns which it was with.
    pub(crate) fn take_from(
        &mut self,
        link: Option<u16>,
        cursor: &mut u32,
    ) -> Option<(NbdRequest, u16)> {
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
    pub(crate) fn late(&mut self, tag: u32) -> Option<(u32, u16)> {
        let slot = self.slot(tag)?;
        slot.timeouts = slot.timeouts.saturating_add(1);
        Some((slot.timeouts, slot.state.link()?))
    }
}
