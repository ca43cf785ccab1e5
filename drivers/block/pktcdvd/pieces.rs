// SPDX-License-Identifier: GPL-2.0

//! Sorted sets of requests, that never allocate.
//!
//! Each request brings the memory of its own tree node, allocated with the tag set.

use crate::disk::Disk;
use kernel::{
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    },
    sync::atomic::Atomic,
};
use rb::block::mq::Request;

/// The order of requests: by zone, and within a zone as they were submitted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// First sector of the packet that the request lies in.
    zone: u64,
    /// When the request came.
    seq: u64,
}

type Node = RBTreeNodeReservation<Key, Option<Request<Disk>>>;

/// What lies next to each request.
pub(crate) struct RequestData {
    /// The memory for the request in [`Pieces`]; absent while it is in there.
    node: Option<Node>,
    /// When the request came.
    seq: u64,
    /// Whether it was sent to the drive once, and is to be sent again.
    pub(crate) repeated: Atomic<bool>,
}

impl RequestData {
    /// Returns an initializer that allocates the node of one request.
    pub(crate) fn new() -> impl Init<Self, Error> {
        try_init!(Self {
            node: Some(Node::new(GFP_KERNEL)?),
            seq: 0,
            repeated: Atomic::new(false),
        }? Error)
    }
}

/// A sorted set of requests.
pub(crate) struct Pieces {
    tree: RBTree<Key, Option<Request<Disk>>>,
    len: usize,
}

impl Pieces {
    /// Returns an empty set.
    pub(crate) fn new() -> Self {
        Self {
            tree: RBTree::new(),
            len: 0,
        }
    }

    /// Returns the number of requests.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no requests.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a request that came as the `seq`th, to `zone`.
    pub(crate) fn insert(&mut self, zone: u64, seq: u64, mut rq: Request<Disk>) {
        let mut data = rq.data_mut();
        data.seq = seq;
        // A request is in one set at a time, so its node is there; without, it ends with an error.
        let Some(node) = data.node.take() else {
            return;
        };
        self.tree
            .insert(node.into_node(Key { zone, seq }, Some(rq)));
        self.len += 1;
    }

    /// Adds a request that was in another set, where it keeps its place.
    pub(crate) fn insert_again(&mut self, zone: u64, rq: Request<Disk>) {
        let seq = rq.data_ref().seq;
        self.insert(zone, seq, rq);
    }

    /// Takes the first request of the lowest zone.
    pub(crate) fn pop(&mut self) -> Option<Request<Disk>> {
        let zone = self.zone_from(0)?;
        self.pop_of(zone)
    }

    /// Takes the first request of `zone`.
    pub(crate) fn pop_of(&mut self, zone: u64) -> Option<Request<Disk>> {
        let mut cursor = self.tree.cursor_lower_bound_mut(&Key { zone, seq: 0 })?;
        let (key, value) = cursor.current_mut();
        if key.zone != zone {
            return None;
        }

        let rq = value.take();
        let (_, node) = cursor.remove_current();
        self.len -= 1;
        let mut rq = rq?;
        rq.data_mut().node = Some(node.into_reservation());
        Some(rq)
    }

    /// Returns the lowest zone with a request, from `zone` on.
    pub(crate) fn zone_from(&self, zone: u64) -> Option<u64> {
        let cursor = self.tree.cursor_lower_bound(&Key { zone, seq: 0 })?;
        Some(cursor.current().0.zone)
    }

    /// Returns whether there is a request of `zone`.
    pub(crate) fn has(&self, zone: u64) -> bool {
        self.zone_from(zone) == Some(zone)
    }

    /// Returns all requests, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Request<Disk>> {
        self.tree.values().filter_map(Option::as_ref)
    }
}
