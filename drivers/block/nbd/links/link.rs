// SPDX-License-Identifier: GPL-2.0

//! One connection: a socket, and its place.
//!
//! A connection never gets another socket. It has a place in the session, to which the threads
//! belong: when it is lost they leave it, and wait for the one that comes into its place. Reconnecting
//! therefore creates no threads. That matters because no memory may be available until it has
//! succeeded.

use crate::logic::io::link::Connection;
use common::bell::Bell;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Release, //
        },
        Arc, //
    },
};
use rb::net::Socket;

/// What the connections of a place have done since the session has begun.
pub(crate) struct Stats {
    /// Requests that were sent.
    pub(crate) requests: Atomic<u64>,
    /// Bytes of data that were sent, and received.
    pub(crate) bytes_sent: Atomic<u64>,
    pub(crate) bytes_received: Atomic<u64>,
    /// Requests that the server has refused.
    pub(crate) errors: Atomic<u32>,
    /// Connections that were lost.
    pub(crate) losses: Atomic<u32>,
    /// Connections that have come into the place of another one.
    pub(crate) replacements: Atomic<u32>,
}

impl Stats {
    const fn new() -> Self {
        Self {
            requests: Atomic::new(0),
            bytes_sent: Atomic::new(0),
            bytes_received: Atomic::new(0),
            errors: Atomic::new(0),
            losses: Atomic::new(0),
            replacements: Atomic::new(0),
        }
    }
}

/// Where a session has a connection, one after the other.
#[pin_data]
pub(crate) struct Place {
    index: u16,
    /// How many of the two threads have no connection.
    parked: Atomic<u32>,
    stats: Stats,
    /// How the threads sleep.
    #[pin]
    pub(super) sender: Bell,
    #[pin]
    pub(super) receiver: Bell,
}

impl Place {
    /// Makes the place number `index` in a session.
    pub(crate) fn new(index: usize) -> Result<Arc<Self>> {
        let index = u16::try_from(index)?;
        Arc::pin_init(
            pin_init!(Self {
                index,
                parked: Atomic::new(0),
                stats: Stats::new(),
                sender <- Bell::new(),
                receiver <- Bell::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns its number.
    pub(crate) fn index(&self) -> u16 {
        self.index
    }

    /// Notes that one of the threads has no connection, or has one again.
    pub(super) fn park(&self, parked: bool) {
        if parked {
            self.parked.fetch_add(1, Full);
        } else {
            self.parked.fetch_sub(1, Full);
        }
    }

    /// Returns whether nobody works with a connection here.
    pub(crate) fn is_empty(&self) -> bool {
        self.parked.load(Acquire) == 2
    }

    /// Lets the threads look for a connection.
    pub(crate) fn wake(&self) {
        self.sender.ring();
        self.receiver.ring();
    }
}

/// A connection.
pub(crate) struct Link {
    place: Arc<Place>,
    socket: Socket,
    /// Whether the server was told that this is the end.
    told: Atomic<bool>,
}

impl Link {
    /// Makes a connection for a place.
    pub(crate) fn new(place: &Arc<Place>, socket: Socket) -> Result<Arc<Self>> {
        let link = Self {
            place: place.clone(),
            socket,
            told: Atomic::new(false),
        };
        Ok(Arc::new(link, GFP_KERNEL)?)
    }

    /// Closes it. May sleep.
    ///
    /// If the server was sent the message that ends the connection, it still receives that. Otherwise the
    /// connection is lost, and as far as this machine can prevent it, nothing that was sent arrives any
    /// more. By then the same writes, and others after them, may have gone over another connection.
    pub(crate) fn close(&self) {
        if self.told.load(Acquire) {
            self.socket.shutdown();
        } else {
            self.socket.abort();
        }
    }

    /// What was done in its place.
    pub(crate) fn stats(&self) -> &Stats {
        &self.place.stats
    }

    /// Its place, which keeps its number and its threads.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// What its threads send to, and receive from.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Notes whether the server was told that this is the end.
    pub(super) fn set_told(&self, told: bool) {
        self.told.store(told, Release);
    }
}

impl Connection for Link {
    fn index(&self) -> u16 {
        self.place.index
    }

    fn wake_sender(&self) {
        self.place.sender.ring();
    }

    fn wake_receiver(&self) {
        self.place.receiver.ring();
    }

    fn quiet_ms(&self) -> u64 {
        self.socket.quiet_ms().into()
    }
}
