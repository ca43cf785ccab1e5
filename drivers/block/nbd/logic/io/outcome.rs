// SPDX-License-Identifier: GPL-2.0

//! What is to be done next, or what has become of a request.

use super::super::wire::Cookie;

/// A request to be sent.
#[derive(Debug)]
pub struct ToSend<R> {
    /// The request.
    pub rq: R,
    /// Its name: the reply has the same.
    pub cookie: Cookie,
    /// Whether another one is sent next.
    pub more: bool,
}

/// What a sender is to do.
#[derive(Debug)]
pub enum Next<R> {
    /// Send a request.
    Send(ToSend<R>),
    /// Send the message that ends the connection.
    Disconnect,
    /// Sleep.
    Nothing,
    /// End.
    Lost,
}

/// Why there is no connection for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoLink {
    /// One may come soon.
    Wait,
    /// None will come.
    Never,
}

/// What has become of a request that the block layer has.
#[derive(Debug)]
pub enum Taken<I, R> {
    /// A connection has it.
    Queued,
    /// There is no connection for it.
    No(I, NoLink),
    /// It is for the caller to end.
    Back(R),
}

/// What has become of a request that takes long.
#[derive(Debug)]
pub enum Late<L> {
    /// It has ended.
    Gone,
    /// It has, for the given number of times; the request is with this connection, which works.
    Request(u32, L),
    /// This connection, which has it, is to be given up.
    Lost(L),
}
