// SPDX-License-Identifier: GPL-2.0

//! Failed I/O, as trace events and in the log.

use crate::{
    engine::trace,
    logic::{
        buffer::Io,
        zone::Zone, //
    },
};
use core::fmt;
use kernel::prelude::*;
use rb::{
    block::{
        dev_t::DevT,
        error::BlkError, //
    },
    ratelimit::RateLimit, //
};

/// What reports the failures of a device.
#[pin_data]
pub(crate) struct Report {
    dev: DevT,
    #[pin]
    log_limit: RateLimit,
}

impl Report {
    /// Creates one for the device with the number `dev`.
    pub(crate) fn new(dev: DevT) -> impl PinInit<Self> {
        pin_init!(Self {
            dev,
            log_limit <- RateLimit::new(),
        })
    }

    /// Reports failed I/O of a packet.
    pub(crate) fn packet(&self, zone: Zone, io: Io, err: BlkError) {
        let sector = zone.sector();
        let (op, what) = match io {
            Io::Gather(_) => (trace::Op::Gather, "read of missing frames"),
            Io::Write => (trace::Op::Write, "write"),
        };
        self.tell(
            op,
            sector,
            err,
            format_args!("{what} of packet at sector {sector}"),
        );
    }

    /// Reports failed I/O. Any context.
    pub(crate) fn tell(&self, op: trace::Op, sector: u64, err: BlkError, what: fmt::Arguments<'_>) {
        trace::pkt_error(self.dev, sector, op as u32, errno(err));
        if self.log_limit.allows() {
            let index = self.dev.minor();
            pr_err!("pktcdvd{index}: {what} failed: {:?}\n", err.to_error());
        }
    }
}

/// Returns the negative errno that trace events have for an error.
pub(crate) fn errno(err: BlkError) -> i32 {
    err.to_error().to_errno()
}
