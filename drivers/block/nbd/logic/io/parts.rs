// SPDX-License-Identifier: GPL-2.0

use super::{
    link::{
        Connection,
        LinkState, //
    },
    service::Moment,
    slots::{
        Slot,
        Tagged, //
    },
};
use core::ops::{
    Deref,
    DerefMut, //
};

/// The types that the state is made of.
pub trait Parts {
    /// A started request. Whoever has the value owns the request.
    type Request: Tagged;
    /// A connection.
    type Link: Connection;
    /// A reference that keeps a connection alive.
    type LinkRef: Deref<Target = Self::Link> + Clone;
    /// The time at which a connection was lost.
    type Moment: Moment;
    /// A slot for each tag.
    type Slots: DerefMut<Target = [Slot<Self::Request>]>;
    /// The connections of a session.
    type Links: DerefMut<Target = [LinkState<Self::LinkRef, Self::Tags>]> + Default;
    /// The tags of the requests that a connection is to send.
    type Tags: DerefMut<Target = [u16]>;

    /// Makes one list of connections and one more, in `room`, which is empty and has room for them. Does
    /// not allocate.
    fn join(
        room: Self::Links,
        links: Self::Links,
        one_more: LinkState<Self::LinkRef, Self::Tags>,
    ) -> Self::Links;
}
