// SPDX-License-Identifier: GPL-2.0

//! Requests that are forwarded to the lower device unchanged: reads, flushes and discards.

use super::Device;
use crate::{
    engine::{
        packets::READS_IN_FLIGHT,
        pieces::PacketRequest,
        trace, //
    },
    logic::{
        buffer::Io,
        zone::Zone, //
    },
    lower::session::Session, //
};
use core::fmt;
use kernel::{
    prelude::*,
    sync::atomic::{
        Full,
        Relaxed, //
    },
};
use rb::block::{
    error::{
        BlkError,
        BlkResult, //
    },
    mq::Forwarded, //
};

impl Device {
    /// Returns how many forwarded reads are in flight.
    pub(crate) fn reads_in_flight(&self) -> usize {
        self.reads_in_flight.load(Relaxed)
    }

    /// Forwards a read to the lower device.
    pub(crate) fn forward_read(&self, session: &Session, rq: PacketRequest) {
        self.reads_in_flight.fetch_add(1, Relaxed);
        rq.forward(&session.lower, &self.bios);
    }

    /// Notes that a forwarded read has ended, and decides whether to end its request. Any context.
    ///
    /// A drive that was reset fails the next command once, to report the reset. The read is then
    /// sent again, after it was checked that the medium is the same.
    pub(crate) fn read_done(&self, rq: &PacketRequest, result: BlkResult) -> Forwarded {
        if result.is_err() {
            self.failed.store(true, Relaxed);
        }
        let before = self.reads_in_flight.fetch_sub(1, Full);
        if before == READS_IN_FLIGHT || (before == 1 && self.optical) {
            // The thread may wait for just this.
            self.bell.ring();
        }
        let repeated = &rq.data_ref().repeated;
        if self.is_worth_repeating(result) && !repeated.xchg(true, Relaxed) {
            return Forwarded::Requeue;
        }
        repeated.store(false, Relaxed);

        if let Err(err) = result {
            self.stats.errors.add(1);
            let (sector, sectors) = (rq.sector(), rq.sectors());
            self.tell(
                trace::Op::Read,
                sector,
                err,
                format_args!("read of {sectors} sectors at {sector}"),
            );
        }
        Forwarded::End(result)
    }

    /// Returns whether a read may have failed for another reason than a bad block.
    pub(crate) fn is_worth_repeating(&self, result: BlkResult) -> bool {
        self.optical && result == Err(BlkError::IOERR)
    }

    /// Flushes the lower device, if something was written since the last flush.
    ///
    /// The block layer sends one flush at a time, so none can overtake another here.
    pub(crate) fn flush(&self, session: &Session, rq: PacketRequest) {
        if self.dirty.xchg(false, Full) {
            self.stats.flushes.add(1);
            rq.forward(&session.lower, &self.bios);
        } else {
            rq.end(Ok(()));
        }
    }

    /// Notes that a flush of the lower device has ended. Any context.
    pub(crate) fn flush_done(&self, result: BlkResult) {
        trace::pkt_flush(self.dev, result.err().map_or(0, errno));
        if let Err(err) = result {
            // What this flush was for is still unflushed.
            self.set_dirty();
            self.stats.errors.add(1);
            self.tell(trace::Op::Flush, 0, err, format_args!("flush"));
        }
    }

    /// Forwards a discard, if the lower device supports discards.
    pub(crate) fn forward_discard(&self, session: &Session, rq: PacketRequest) {
        if session.takes_discards() {
            rq.forward(&session.lower, &self.bios);
        } else {
            rq.end(Ok(()));
        }
    }

    /// Reports failed IO of a packet.
    pub(crate) fn packet_error(&self, zone: Zone, io: Io, err: BlkError) {
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

    /// Reports failed IO as a trace event and in the log.
    fn tell(&self, op: trace::Op, sector: u64, err: BlkError, what: fmt::Arguments<'_>) {
        trace::pkt_error(self.dev, sector, op as u32, errno(err));
        if self.log_limit.allows() {
            let index = self.index();
            pr_err!("pktcdvd{index}: {what} failed: {:?}\n", err.to_error());
        }
    }
}

/// Returns the negative errno that trace events have for an error.
fn errno(err: BlkError) -> i32 {
    err.to_error().to_errno()
}
