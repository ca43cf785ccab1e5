// SPDX-License-Identifier: GPL-2.0

//! All packet buffers of a device, and what is done with them next.

use crate::{
    bell::Bell,
    device::Device,
    disk::Disk,
    logic::{
        schedule::{
            Direction,
            Limits,
            Scheduler,
            Writes, //
        },
        state::State,
        zone::Geometry, //
    },
    packet::Packet,
    void_map::VoidMap, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::Delta, //
};
use rb::block::{
    bio::Command,
    mq::Request, //
};

/// How many reads may be under way at a time, as many as the pool of bios serves well.
pub(crate) const READS_IN_FLIGHT: usize = 32;

/// How many rounds the thread works before it lets others have the lock, and the processor.
const ROUNDS: usize = 16;

/// How many IOs are issued in one round.
const ISSUES: usize = 16;

/// What the thread does after it has worked.
pub(crate) enum Progress {
    /// There is more to do at once.
    More,
    /// There is nothing to do until the bell rings, or, if given, this time has passed.
    Wait(Option<Delta>),
}

/// The packet buffers of a device.
///
/// Lives in the mutex [`Device::packets`], which the thread holds while it works, and others to
/// look; the queue's spinlock nests inside. No IO is waited for under it, but the lower device may
/// make a submission wait for room.
pub(crate) struct Packets {
    list: KVec<Packet>,
    void: VoidMap,
    scheduler: Scheduler,
    /// Where the elevator that begins packets is: behind the zone that was begun last.
    begin_at: u64,
    /// Where the elevator that submits IO is: behind the packet that was submitted last.
    submit_at: u64,
    /// How many packets were begun.
    begun: u64,
}

impl Packets {
    /// Allocates `nr` packet buffers. May sleep.
    pub(crate) fn new(geometry: &Geometry, bell: &Arc<Bell>, nr: u32) -> Result<Self> {
        Ok(Self {
            list: Self::allocate(geometry, bell, nr)?,
            void: VoidMap::new(geometry.packets()),
            scheduler: Scheduler::new(Limits {
                reads_in_flight: READS_IN_FLIGHT,
                ..Limits::default()
            }),
            begin_at: 0,
            submit_at: 0,
            begun: 0,
        })
    }

    /// Allocates `nr` packet buffers for [`Packets::replace`]. May sleep.
    pub(crate) fn allocate(geometry: &Geometry, bell: &Arc<Bell>, nr: u32) -> Result<KVec<Packet>> {
        let mut list = KVec::with_capacity(nr as usize, GFP_KERNEL)?;
        for _ in 0..nr {
            list.push(Packet::new(geometry, bell)?, GFP_KERNEL)?;
        }
        Ok(list)
    }

    /// Returns the number of packet buffers.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Replaces the buffers, if all are free; returns the ones that are not used.
    pub(crate) fn replace(&mut self, list: KVec<Packet>) -> KVec<Packet> {
        if self.list.iter().all(Packet::is_idle) {
            core::mem::replace(&mut self.list, list)
        } else {
            list
        }
    }

    /// Returns how many buffers are in `state`.
    pub(crate) fn count(&self, state: State) -> usize {
        self.list.iter().filter(|p| p.state() == state).count()
    }

    /// Returns where the elevator is, in sectors.
    pub(crate) fn current_sector(&self) -> u64 {
        self.begin_at
    }

    /// Does what there is to do now, but no more than a fair share.
    pub(crate) fn work(&mut self, device: &Device) -> Progress {
        for _ in 0..ROUNDS {
            let mut progress = false;
            for packet in &mut self.list {
                progress |= packet.reap(device);
                progress |= packet.check_deadline(device);
            }
            progress |= self.others(device);
            progress |= self.admit(device);
            progress |= self.dispatch(device);
            if !progress {
                let waits = self.list.iter().filter_map(Packet::remaining_wait);
                return Progress::Wait(waits.min());
            }
        }
        Progress::More
    }

    /// Lets writes join the packets that are open, and begins new ones.
    fn admit(&mut self, device: &Device) -> bool {
        let mut progress = false;

        for packet in &mut self.list {
            let joined = packet.join(device);
            if joined {
                packet.settle(device);
            }
            progress |= joined;
        }
        while self.begin(device) {
            progress = true;
        }
        if progress {
            device.check_congestion();
        }
        progress
    }

    /// Begins the next packet, if a buffer is free and a write waits.
    fn begin(&mut self, device: &Device) -> bool {
        if !self.list.iter().any(Packet::is_idle) {
            return false;
        }

        let list = &self.list;
        let zone = device.queue.lock().next_zone(self.begin_at, |zone| {
            list.iter().any(|packet| packet.is_busy_with(zone))
        });
        let Some(zone) = zone.and_then(|zone| device.geometry.zone_of(zone)) else {
            return false;
        };
        let void = device
            .geometry
            .index(zone)
            .is_some_and(|index| self.void.take(index));
        let chosen = self.choose(zone.sector());

        self.begun = self.begun.wrapping_add(1);
        self.begin_at = zone.sector() + u64::from(device.geometry.packet_sectors());
        let Some(packet) = chosen.and_then(|index| self.list.get_mut(index)) else {
            return false;
        };
        packet.start(device, zone, void, self.begun);
        packet.join(device);
        packet.settle(device);
        true
    }

    /// Chooses a free buffer for `zone`: one that has its data, one that has none, or the one that
    /// was used the longest ago.
    fn choose(&self, zone: u64) -> Option<usize> {
        let free = || self.list.iter().enumerate().filter(|(_, p)| p.is_idle());

        free()
            .find(|(_, packet)| packet.serves(zone))
            .or_else(|| free().min_by_key(|(_, p)| (p.is_cached(), p.last_used())))
            .map(|(index, _)| index)
    }

    /// Issues reads and the IO of packets, in turn.
    fn dispatch(&mut self, device: &Device) -> bool {
        for issued in 0..ISSUES {
            let reads = device.queue.lock().has_read();
            let ready = self.next_ready();
            let writes = match ready {
                None => Writes::None,
                Some((_, at)) if at == self.submit_at => Writes::Streaming,
                Some(_) => Writes::Scattered,
            };
            let Some(direction) = self
                .scheduler
                .next_of(reads, device.reads_in_flight(), writes)
            else {
                return issued != 0;
            };

            self.scheduler.issued(direction);
            match (direction, ready) {
                (Direction::Write, Some((index, at))) => self.submit(device, index, at),
                _ => self.read_next(device),
            }
        }
        true
    }

    /// Returns the packet whose IO is next: the first from where the elevator is, or else the
    /// first of all.
    fn next_ready(&self) -> Option<(usize, u64)> {
        self.list
            .iter()
            .enumerate()
            .filter_map(|(index, packet)| Some((index, packet.ready_at()?)))
            .min_by_key(|(_, at)| (*at < self.submit_at, *at))
    }

    fn submit(&mut self, device: &Device, index: usize, at: u64) {
        self.submit_at = at + u64::from(device.geometry.packet_sectors());
        if let Some(packet) = self.list.get_mut(index) {
            packet.submit(device);
        }
    }

    /// Serves the oldest read from a buffer, or else from the lower device.
    ///
    /// What a buffer holds from the time its packet is put together is what all later reads see,
    /// until the lower device has it too. So no read sees older data than one before it.
    fn read_next(&self, device: &Device) {
        let Some(rq) = device.queue.lock().pop_read() else {
            return;
        };
        device.stats.sectors_read.add(u64::from(rq.sectors()));

        let packet = device
            .geometry
            .zone_of(rq.sector())
            .and_then(|zone| self.list.iter().find(|p| p.serves(zone.sector())));
        match packet {
            Some(packet) => {
                device.stats.cache_hits.add(1);
                let result = packet.read(device, &rq);
                rq.end(result);
            }
            None => device.forward_read(rq),
        }
    }

    /// Carries out the requests that move no data, but not so many that others have to wait long.
    fn others(&mut self, device: &Device) -> bool {
        for done in 0..ISSUES {
            // The guard must not live on: what follows may sleep.
            let rq = device.queue.lock().pop_other();
            let Some(rq) = rq else {
                return done != 0;
            };
            match rq.command() {
                Command::Flush => device.flush(rq),
                _ => self.discard(device, rq),
            }
        }
        true
    }

    /// Notes which packets are void now. A packet that is being written, or is about to be, stays.
    fn discard(&mut self, device: &Device, rq: Request<Disk>) {
        let geometry = &device.geometry;
        let end = rq.sector().saturating_add(u64::from(rq.sectors()));
        let size = u64::from(geometry.packet_sectors());
        let mut zone = geometry.first_zone_from(rq.sector());

        while let Some(at) = zone.filter(|zone| zone.sector().saturating_add(size) <= end) {
            let busy = self.list.iter().any(|p| p.is_busy_with(at.sector()))
                || device.queue.lock().has_write(at.sector());
            if !busy {
                self.list
                    .iter_mut()
                    .for_each(|packet| packet.invalidate(at.sector()));
                if let Some(index) = geometry.index(at) {
                    self.void.set(index);
                }
            }
            zone = geometry.next_zone(at);
        }
        device.forward_discard(rq);
    }
}
