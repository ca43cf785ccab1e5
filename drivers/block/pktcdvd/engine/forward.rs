// SPDX-License-Identifier: GPL-2.0

//! Requests that are forwarded to the lower device unchanged: reads, flushes and discards.

use crate::{
    engine::{
        hub::{
            Hub,
            READS_IN_FLIGHT, //
        },
        pieces::PacketRequest,
        report::errno,
        trace, //
    },
    lower::session::Session, //
};
use kernel::sync::atomic::{
    Full,
    Relaxed, //
};
use rb::block::{
    error::BlkResult,
    mq::Forwarded, //
};

/// Forwards a read to the lower device.
pub(crate) fn read(hub: &Hub, session: &Session, rq: PacketRequest) {
    hub.reads_in_flight.fetch_add(1, Relaxed);
    rq.forward(&session.lower, &hub.bios);
}

/// Notes that a forwarded read has ended, and decides whether to end its request. Any context.
///
/// A drive that was reset fails the next command once, to report the reset. The read is then
/// sent again, after it was checked that the medium is the same.
pub(crate) fn read_done(hub: &Hub, rq: &PacketRequest, result: BlkResult) -> Forwarded {
    if result.is_err() {
        hub.failed.store(true, Relaxed);
    }
    let before = hub.reads_in_flight.fetch_sub(1, Full);
    if before == READS_IN_FLIGHT || (before == 1 && hub.optical) {
        // The thread may wait for just this.
        hub.bell.ring();
    }
    let repeated = &rq.data_ref().repeated;
    if hub.is_worth_repeating(result) && !repeated.xchg(true, Relaxed) {
        return Forwarded::Requeue;
    }
    repeated.store(false, Relaxed);

    if let Err(err) = result {
        hub.stats.errors.add(1);
        let (sector, sectors) = (rq.sector(), rq.sectors());
        hub.report.tell(
            trace::Op::Read,
            sector,
            err,
            format_args!("read of {sectors} sectors at {sector}"),
        );
    }
    Forwarded::End(result)
}

/// Flushes the lower device, if something was written since the last flush.
///
/// The block layer sends one flush at a time, so none can overtake another here.
pub(crate) fn flush(hub: &Hub, session: &Session, rq: PacketRequest) {
    if hub.dirty.xchg(false, Full) {
        hub.stats.flushes.add(1);
        rq.forward(&session.lower, &hub.bios);
    } else {
        rq.end(Ok(()));
    }
}

/// Notes that a flush of the lower device has ended. Any context.
pub(crate) fn flush_done(hub: &Hub, result: BlkResult) {
    trace::pkt_flush(hub.dev, result.err().map_or(0, errno));
    if let Err(err) = result {
        // What this flush was for is still unflushed.
        hub.set_dirty();
        hub.stats.errors.add(1);
        hub.report
            .tell(trace::Op::Flush, 0, err, format_args!("flush"));
    }
}

/// Forwards a discard, if the lower device supports discards.
pub(crate) fn discard(hub: &Hub, session: &Session, rq: PacketRequest) {
    if session.takes_discards() {
        rq.forward(&session.lower, &hub.bios);
    } else {
        rq.end(Ok(()));
    }
}
