// SPDX-License-Identifier: GPL-2.0

//! Requests of a packet device, and sorted sets of them, that never allocate.
//!
//! Each request brings the memory of its own tree node, allocated with the tag set.

use crate::logic::{
    contents::{
        Part,
        Transfer, //
    },
    pieces::{
        self,
        Claim,
        Key,
        Tree, //
    },
};
use kernel::{
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    },
    sync::atomic::Atomic,
};
use rb::block::{
    bio::{
        Bio,
        Flag, //
    },
    mq::Request, //
};

/// A request of a packet device.
pub(crate) type PacketRequest = Request<RequestData>;

impl Part for Bio {
    fn bytes(&self) -> usize {
        Self::bytes(self) as usize
    }
}

impl Transfer for PacketRequest {
    type Part = Bio;

    fn sector(&self) -> u64 {
        Self::sector(self)
    }

    fn sectors(&self) -> u32 {
        Self::sectors(self)
    }

    fn is_urgent(&self) -> bool {
        // A request has the flags of its first write only, and no longer what its flush was asked by.
        self.bios().any(|bio| {
            let flags = bio.flags();
            [Flag::Sync, Flag::ForcedUnitAccess, Flag::Preflush]
                .into_iter()
                .any(|flag| flags.contains(flag))
        })
    }

    fn parts(&self) -> impl Iterator<Item = &Bio> {
        self.bios()
    }
}

/// A request in a set, and what is noted there.
struct Entry {
    rq: Option<PacketRequest>,
    claim: Option<Claim>,
}

type Node = RBTreeNodeReservation<Key, Entry>;

/// The driver's data of each request.
pub(crate) struct RequestData {
    /// The memory for the request in [`Pieces`]; absent while it is in there.
    node: Option<Node>,
    /// Whether it was sent to the drive once, and is to be sent again.
    pub(crate) repeated: Atomic<bool>,
}

impl RequestData {
    /// Returns an initializer that allocates the node of one request.
    pub(crate) fn new() -> impl Init<Self, Error> {
        try_init!(Self {
            node: Some(Node::new(GFP_KERNEL)?),
            repeated: Atomic::new(false),
        }? Error)
    }
}

/// A sorted set of requests.
pub(crate) type Pieces = pieces::Pieces<Nodes>;

/// The tree of such a set.
pub(crate) struct Nodes(RBTree<Key, Entry>);

impl Tree for Nodes {
    type Request = PacketRequest;

    fn new() -> Self {
        Self(RBTree::new())
    }

    fn insert(&mut self, key: Key, mut rq: PacketRequest) -> bool {
        // A request is in one set at a time, so its node is there. Without one it ends with an
        // error.
        let Some(node) = rq.data_mut().node.take() else {
            return false;
        };
        let entry = Entry {
            rq: Some(rq),
            claim: None,
        };
        self.0.insert(node.into_node(key, entry));
        true
    }

    fn first_from(&self, key: Key) -> Option<Key> {
        let cursor = self.0.cursor_lower_bound(&key)?;
        Some(*cursor.current().0)
    }

    fn take_first_from(&mut self, key: Key) -> Option<(Key, Option<PacketRequest>)> {
        let mut cursor = self.0.cursor_lower_bound_mut(&key)?;
        let (&first, entry) = cursor.current_mut();
        if first.zone != key.zone {
            return None;
        }

        let mut rq = entry.rq.take();
        let (_, node) = cursor.remove_current();
        if let Some(rq) = &mut rq {
            rq.data_mut().node = Some(node.into_reservation());
        }
        Some((first, rq))
    }

    fn iter(&self) -> impl Iterator<Item = &PacketRequest> {
        self.0.values().filter_map(|entry| entry.rq.as_ref())
    }

    fn note(&mut self, zone: u64, change: impl FnOnce(Key, &mut Option<Claim>)) {
        let Some(mut cursor) = self.0.cursor_lower_bound_mut(&Key::first_of(zone)) else {
            return;
        };
        let (&first, entry) = cursor.current_mut();
        if first.zone == zone {
            change(first, &mut entry.claim);
        }
    }

    fn noted(&self, key: Key) -> Option<(Key, Option<Claim>)> {
        let cursor = self.0.cursor_lower_bound(&key)?;
        let (&first, entry) = cursor.current();
        Some((first, entry.claim))
    }
}
