// SPDX-License-Identifier: GPL-2.0

//! Flushes of the drive's cache that tasks ask for, which the thread of the device carries out.

use crate::lower::turns::Turns;
use common::bell::Bell;
use kernel::{
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc, //
    },
    time::{
        Instant,
        Monotonic, //
    },
};

/// How often a flush of the drive's cache was asked for, and up to which of these requests the cache
/// was flushed.
pub(crate) struct Syncs {
    wanted: Atomic<u64>,
    tried: Atomic<u64>,
    bell: Arc<Bell>,
    turns: Arc<Turns>,
}

impl Syncs {
    /// Returns none. `bell` wakes the thread, `turns` those who wait for it.
    pub(crate) fn new(bell: Arc<Bell>, turns: Arc<Turns>) -> Self {
        Self {
            wanted: Atomic::new(0),
            tried: Atomic::new(0),
            bell,
            turns,
        }
    }

    /// Asks the thread to flush the cache of the drive. Returns a ticket for [`Syncs::wait`].
    pub(crate) fn want(&self) -> u64 {
        let ticket = self.wanted.fetch_add(1, Full).wrapping_add(1);
        self.bell.ring();
        ticket
    }

    /// Waits for the flush of a ticket until `until`. Returns whether the cache was flushed, or did
    /// not have to be.
    pub(crate) fn wait(&self, ticket: u64, until: Instant<Monotonic>) -> bool {
        self.turns
            .wait(until, false, || self.tried.load(Acquire) >= ticket)
    }

    /// Returns the last ticket.
    pub(crate) fn last(&self) -> u64 {
        self.wanted.load(Acquire)
    }

    /// Returns whether a task waits for a flush of the cache.
    pub(crate) fn are_wanted(&self) -> bool {
        self.tried.load(Relaxed) < self.last()
    }

    /// Notes that the flushes of all tickets up to `ticket` are done, or not needed. Called by the
    /// thread.
    pub(crate) fn note_tried(&self, ticket: u64) {
        if ticket > self.tried.load(Relaxed) {
            self.tried.store(ticket, Release);
            self.turns.turn();
        }
    }
}
