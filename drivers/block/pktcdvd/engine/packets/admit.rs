// SPDX-License-Identifier: GPL-2.0

//! Which writes are taken from the queue next: those to packets that are open, and to new ones.

use super::{
    Packets,
    ISSUES, //
};
use crate::{
    engine::{
        active::Active,
        forward,
        pieces::PacketRequest, //
    },
    logic::buffer, //
};
use rb::block::{
    bio::Command,
    error::BlkError, //
};

impl Packets {
    /// Lets writes join the packets that are open, and begins new ones.
    pub(super) fn admit(&mut self, device: &Active<'_>) -> bool {
        let mut progress = false;

        for packet in &mut self.list {
            progress |= packet.join(device);
        }
        while self.begin(device) {
            progress = true;
        }
        if progress {
            device.check_congestion();
        }
        progress
    }

    /// Begins the next packet, if a buffer is free and a write is due.
    ///
    /// Not far ahead of the drive: what is best to do next may be something else by then.
    fn begin(&mut self, device: &Active<'_>) -> bool {
        let idle = self.list.iter().filter(|packet| packet.is_idle()).count();
        if idle == 0 || self.list.len() - idle >= device.session.packets_ahead() {
            return false;
        }

        let list = &self.list;
        let zone = device.queue.lock().next_zone(self.begin_at, |zone| {
            list.iter().any(|packet| packet.is_busy_with(zone))
        });
        let Some(zone) = zone.and_then(|zone| device.session.geometry.zone_of(zone)) else {
            return false;
        };
        let void = device
            .session
            .geometry
            .index(zone)
            .is_some_and(|index| self.void.take(index));
        let chosen = buffer::choose(&self.list, zone.sector());

        self.begun = self.begun.wrapping_add(1);
        self.begin_at = zone.sector() + u64::from(device.session.geometry.packet_sectors());
        let Some(packet) = chosen.and_then(|index| self.list.get_mut(index)) else {
            return false;
        };
        self.flusher.reuses(packet, zone.sector());
        packet.start(device, zone, void, self.begun);
        packet.join(device);
        true
    }

    /// Carries out the requests that move no data, but not so many that others have to wait long.
    pub(super) fn others(&mut self, device: &Active<'_>) -> bool {
        for done in 0..ISSUES {
            if self.flusher.is_flushing() {
                return done != 0;
            }
            // The guard must not live on: what follows may sleep.
            let rq = device.queue.lock().pop_other();
            let Some(rq) = rq else {
                return done != 0;
            };
            match rq.command() {
                Command::Flush => self.flush(device, rq),
                _ => self.discard(device, rq),
            }
        }
        true
    }

    /// Notes which packets are void now. A packet that is being written, or is about to be, stays.
    ///
    /// Of packets that are discarded in part, the lower device may have other data then than a buffer.
    fn discard(&mut self, device: &Active<'_>, rq: PacketRequest) {
        if device.session.is_lost() {
            return rq.end(Err(BlkError::IOERR));
        }
        let geometry = &device.session.geometry;

        for zone in geometry.zones_within(rq.sector(), rq.sectors()) {
            let sector = zone.sector();
            let busy = self.list.iter().any(|p| p.is_busy_with(sector))
                || device.queue.lock().has_write(sector);
            if busy {
                continue;
            }
            self.list
                .iter_mut()
                .for_each(|packet| packet.discard(sector));
            if let Some(index) = geometry.index(zone) {
                self.void.set(index);
            }
        }
        if device.session.takes_discards() {
            for zone in geometry.zones_cut_by(rq.sector(), rq.sectors()) {
                self.list
                    .iter_mut()
                    .for_each(|packet| packet.invalidate(zone.sector()));
            }
        }
        forward::discard(device, device.session, rq);
    }
}
