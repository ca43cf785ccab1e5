// SPDX-License-Identifier: GPL-2.0

//! Which I/O goes down next.

use super::{
    Packets,
    ISSUES, //
};
use crate::{
    engine::{
        active::Active,
        forward,
        packet::Packet, //
    },
    logic::{
        buffer::{
            self,
            Buffer, //
        },
        contents::Transfer,
        schedule::{
            Direction,
            Writes, //
        },
    }, //
};
use kernel::sync::atomic::Relaxed;
use rb::block::error::BlkError;

impl Packets {
    /// Issues reads and the I/O of packets, in turn.
    pub(super) fn dispatch(&mut self, device: &Active<'_>) -> bool {
        let takes_turns = device.session.takes_turns();

        for issued in 0..ISSUES {
            // Not to another medium than the one that the data is for.
            if device.session.is_suspect() {
                return issued != 0;
            }
            let done = if takes_turns {
                self.issue_in_turn(device)
            } else {
                self.issue(device)
            };
            if !done {
                return issued != 0;
            }
        }
        true
    }

    fn issue(&mut self, device: &Active<'_>) -> bool {
        let reads = device.queue.lock().has_read();
        let ready = self.next_ready(device, |_| true);
        let Some(direction) =
            self.scheduler
                .next_of(reads, device.reads_in_flight(), self.writes(ready))
        else {
            return false;
        };

        self.scheduler.issued(direction);
        match (direction, ready) {
            (Direction::Write, Some((index, at))) => self.submit(device, index, at),
            _ => self.read_next(device),
        }
        true
    }

    /// Issues I/O to a drive that must not read while it has something cached that was written.
    ///
    /// So nothing is read while a write is under way, nor written while a read is, and between
    /// writing and reading the cache is flushed. Reads that a buffer serves go on all the time.
    fn issue_in_turn(&mut self, device: &Active<'_>) -> bool {
        let read = device.queue.lock().first_read().map(Transfer::sector);
        if read.is_some_and(|sector| self.server(device, sector).is_some()) {
            self.read_next(device);
            return true;
        }
        let gather = self.next_ready(device, Buffer::is_to_gather);
        let write = self.next_ready(device, |packet| !packet.is_to_gather());
        let writes = self.writes(write);
        let reads = read.is_some() || (gather.is_some() && self.scheduler.takes_gathers(writes));
        let Some(direction) = self
            .scheduler
            .next_of(reads, device.reads_in_flight(), writes)
        else {
            return false;
        };

        match (direction, gather, write) {
            (Direction::Write, _, Some((index, at))) => {
                if device.reads_in_flight() != 0 || self.list.iter().any(|p| p.is_gathering()) {
                    return false;
                }
                self.scheduler.issued(direction);
                self.submit(device, index, at);
            }
            _ if self.list.iter().any(|p| p.is_writing()) => return false,
            _ if device.is_dirty() && self.flusher.request() => return false,
            // First what writers wait for: there is not much of it.
            (_, Some((index, at)), _) => {
                self.scheduler.issued(direction);
                self.submit(device, index, at);
            }
            _ => {
                self.scheduler.issued(direction);
                self.read_next(device);
            }
        }
        true
    }

    fn writes(&self, ready: Option<(usize, u64)>) -> Writes {
        match ready {
            None => Writes::None,
            Some((_, at)) if at == self.submit_at => Writes::Streaming,
            Some(_) => Writes::Scattered,
        }
    }

    /// Returns the packet whose I/O is next; see [`Buffer::is_let_down`].
    fn next_ready(
        &self,
        device: &Active<'_>,
        wanted: impl Fn(&Buffer<BlkError>) -> bool,
    ) -> Option<(usize, u64)> {
        let in_flight = self.list.iter().filter(|p| p.is_in_flight()).count();
        let has_enough = in_flight >= device.session.packets_in_flight();

        buffer::next_ready(&self.list, self.submit_at, |packet| {
            wanted(packet) && packet.is_let_down(has_enough, self.begun)
        })
    }

    fn submit(&mut self, device: &Active<'_>, index: usize, at: u64) {
        self.submit_at = at + u64::from(device.session.geometry.packet_sectors());
        if let Some(packet) = self.list.get_mut(index) {
            if !packet.is_to_gather() {
                self.flusher.writes();
            }
            packet.submit(device);
        }
    }

    /// Returns the packet that a read at `sector` is served from.
    fn server(&self, device: &Active<'_>, sector: u64) -> Option<&Packet> {
        if device.session.is_lost() {
            return None;
        }
        let zone = device.session.geometry.zone_of(sector)?;
        self.list.iter().find(|p| p.serves(zone.sector()))
    }

    /// Serves the oldest read from a buffer, or else from the lower device.
    ///
    /// What a buffer holds from the time its packet is put together is what all later reads see,
    /// until the lower device has it too. So no read sees older data than one before it.
    fn read_next(&self, device: &Active<'_>) {
        let Some(rq) = device.queue.lock().pop_read() else {
            return;
        };
        device.stats.sectors_read.add(u64::from(rq.sectors()));

        match self.server(device, rq.sector()) {
            Some(packet) => {
                device.stats.cache_hits.add(1);
                rq.data_ref().repeated.store(false, Relaxed);
                let result = packet.read(device, &rq);
                rq.end(result);
            }
            None if device.session.is_lost() => rq.end(Err(BlkError::IOERR)),
            None => forward::read(device, device.session, rq),
        }
    }
}
