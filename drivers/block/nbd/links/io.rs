// SPDX-License-Identifier: GPL-2.0

//! The state of [`crate::logic::io`], with the driver's requests, connections and clock.

use crate::{
    links::{
        link::Link,
        request::NbdRequest, //
    },
    logic::{
        self,
        io::{
            slots::{
                Slot,
                Tagged, //
            },
            Moment,
            Parts, //
        },
    },
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::{
        Instant,
        Monotonic, //
    },
};

/// The shared state.
pub(crate) type Io = logic::io::Io<Nbd>;

/// A connection as the shared state has it.
pub(crate) type LinkState = logic::io::link::LinkState<Arc<Link>, KVec<u16>>;

/// The types that the shared state is made of.
pub(crate) struct Nbd;

impl Parts for Nbd {
    type Request = NbdRequest;
    type Link = Link;
    type LinkRef = Arc<Link>;
    type Moment = Instant<Monotonic>;
    type Slots = KVec<Slot<NbdRequest>>;
    type Links = KVec<LinkState>;
    type Tags = KVec<u16>;

    fn join(
        mut room: KVec<LinkState>,
        links: KVec<LinkState>,
        one_more: LinkState,
    ) -> KVec<LinkState> {
        for state in links {
            // There is room.
            let _ = room.push_within_capacity(state);
        }
        let _ = room.push_within_capacity(one_more);
        room
    }
}

impl Tagged for NbdRequest {
    fn tag(&self) -> u32 {
        self.tag()
    }
}

impl Moment for Instant<Monotonic> {
    fn elapsed_ms(&self) -> u64 {
        self.elapsed().as_millis().max(0).unsigned_abs()
    }
}

/// Makes the shared state of a device without a session, with room for `depth` requests.
pub(crate) fn new_io(depth: usize) -> Result<Io> {
    let mut slots = KVec::with_capacity(depth, GFP_KERNEL)?;
    for _ in 0..depth {
        slots.push(Slot::default(), GFP_KERNEL)?;
    }
    Ok(Io::new(slots))
}

/// Makes the state of a connection that is alive, with room for `depth` requests.
pub(crate) fn new_link(link: Arc<Link>, depth: usize) -> Result<LinkState> {
    Ok(LinkState::new(link, KVec::from_elem(0, depth, GFP_KERNEL)?))
}
