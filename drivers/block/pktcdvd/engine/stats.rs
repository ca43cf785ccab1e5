// SPDX-License-Identifier: GPL-2.0

//! The counters of a device.

use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

/// A counter, which grows until it is reset.
pub(crate) struct Counter(Atomic<u64>);

impl Counter {
    const fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Adds `n`.
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Returns the number.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Raises the number to `n`, if it is less. Only one task at a time may do that.
    fn raise(&self, n: u64) {
        if n > self.get() {
            self.0.store(n, Relaxed);
        }
    }
}

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// The counters of a device.
        pub(crate) struct Stats {
            $($(#[$doc])* pub(crate) $name: Counter),+
        }

        impl Stats {
            /// Returns counters of zero.
            pub(crate) const fn new() -> Self {
                Self { $($name: Counter::new()),+ }
            }

            /// Sets all counters to zero.
            pub(crate) fn reset(&self) {
                $(self.$name.0.store(0, Relaxed);)+
            }
        }
    };
}

stats! {
    /// Packets that were begun.
    packets_started,
    /// Packets that were written.
    packets_finished,
    /// Packets that writes covered completely.
    packets_full,
    /// Packets that could not be gathered or written; their writers got the error.
    packets_failed,
    /// Sectors of 512 bytes that users wrote.
    sectors_written,
    /// Sectors that users read.
    sectors_read,
    /// Sectors that were read to complete packets.
    sectors_read_gather,
    /// Reads that were served from a packet in memory.
    cache_hits,
    /// Flushes that went to the lower device.
    flushes,
    /// Reads and flushes that failed, including flushes of the driver itself.
    errors,
    /// The most writes that were queued at a time.
    queue_max,
}

impl Stats {
    /// Notes the length of the queue.
    pub(crate) fn note_queue(&self, size: usize) {
        self.queue_max.raise(size as u64);
    }
}
