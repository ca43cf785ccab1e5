// SPDX-License-Identifier: GPL-2.0

//! Zones: where the packets of a device lie.
//!
//! Packets tile the device from the start of its track on, without gaps. The packet device has the
//! addresses of the lower device, so what lies in front of the track, and what is left behind the
//! last whole packet, belongs to no packet.

use super::frames::{
    FrameRange,
    FRAME_SECTORS,
    PACKET_MAX_SECTORS, //
};
use core::{
    fmt,
    num::NonZeroU64, //
};

/// The sector at which a packet starts.
///
/// Only a [`Geometry`] makes zones, so one that is passed around is on a packet border of the
/// device that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zone(u64);

impl Zone {
    /// The first sector of the packet.
    pub const fn sector(self) -> u64 {
        self.0
    }

    /// The sector at which `frames` of this packet start.
    pub const fn sector_of(self, frames: FrameRange) -> u64 {
        // Cannot saturate: the last sector of every packet has a 64-bit number.
        self.0.saturating_add(frames.sector_offset() as u64)
    }
}

/// Why a device cannot be cut into packets as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeometryError {
    /// The packet size is zero.
    PacketEmpty,
    /// The packet size is not a whole number of frames.
    PacketUnaligned,
    /// The packet is larger than [`PACKET_MAX_SECTORS`].
    PacketTooLarge,
    /// The first packet does not start on a frame border of the device.
    StartUnaligned,
    /// Not even one packet fits between the start and the end of the device.
    DeviceTooSmall,
}

impl GeometryError {
    /// The reason in a few words, for the log.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::PacketEmpty => "packet size is zero",
            Self::PacketUnaligned => "packet size is not a multiple of 2048 bytes",
            Self::PacketTooLarge => "packet size is above 256 KiB",
            Self::StartUnaligned => "first packet does not start at a multiple of 2048 bytes",
            Self::DeviceTooSmall => "device holds no whole packet",
        }
    }
}

impl fmt::Display for GeometryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

/// How a device is cut into packets.
///
/// # Invariants
///
/// - `size` is a multiple of [`FRAME_SECTORS`], at most [`PACKET_MAX_SECTORS`].
/// - `start` is a multiple of [`FRAME_SECTORS`].
/// - `end` is `start` plus a whole, non-zero number of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    size: NonZeroU64,
    start: u64,
    end: u64,
}

impl Geometry {
    /// Cuts a device of `device_sectors` into packets of `packet_sectors`, the first one starting
    /// at `start_sector`.
    ///
    /// # Errors
    ///
    /// A [`GeometryError`] that says which of the three numbers is wrong.
    pub fn new(
        packet_sectors: u32,
        start_sector: u64,
        device_sectors: u64,
    ) -> Result<Self, GeometryError> {
        let size = NonZeroU64::new(u64::from(packet_sectors)).ok_or(GeometryError::PacketEmpty)?;

        if packet_sectors % FRAME_SECTORS != 0 {
            return Err(GeometryError::PacketUnaligned);
        }
        if packet_sectors > PACKET_MAX_SECTORS {
            return Err(GeometryError::PacketTooLarge);
        }
        if start_sector % u64::from(FRAME_SECTORS) != 0 {
            return Err(GeometryError::StartUnaligned);
        }

        let room = device_sectors.saturating_sub(start_sector);
        let end = device_sectors.saturating_sub(room % size);

        if room < size.get() {
            return Err(GeometryError::DeviceTooSmall);
        }
        // INVARIANT: All three were just checked; `end - start` is `room` rounded down to packets,
        // and `room` is at least one packet.
        Ok(Self {
            size,
            start: start_sector,
            end,
        })
    }

    /// Size of a packet in sectors.
    pub fn packet_sectors(&self) -> u32 {
        // Lossless, by the type invariant.
        self.size.get() as u32
    }

    /// Size of a packet in frames.
    pub fn packet_frames(&self) -> u32 {
        self.packet_sectors() / FRAME_SECTORS
    }

    /// The first sector of the first packet.
    pub fn start_sector(&self) -> u64 {
        self.start
    }

    /// The offset of the first packet in a grid of packets that begins at sector 0, in sectors.
    pub fn start_in_packet(&self) -> u32 {
        // Lossless, since it is less than a packet.
        (self.start % self.size) as u32
    }

    /// Where the last whole packet ends: the size that the packet device must have.
    pub fn capacity_sectors(&self) -> u64 {
        self.end
    }

    /// Number of packets, at least 1.
    pub fn packets(&self) -> u64 {
        self.end.saturating_sub(self.start) / self.size
    }

    /// The `chunk_sectors` queue limit that makes the block core cut at every packet border.
    ///
    /// The core counts chunks from sector 0. When the track does not start on a packet border
    /// counted so, the largest chunk that meets every border is the greatest common divisor of the
    /// packet size and the distance.
    pub fn chunk_sectors(&self) -> u32 {
        // Lossless: a divisor of the packet size is not above it.
        gcd(self.size.get(), self.start % self.size) as u32
    }

    /// The packet that `sector` belongs to, if any.
    pub fn zone_of(&self, sector: u64) -> Option<Zone> {
        if sector >= self.end {
            return None;
        }
        let behind_border = sector.checked_sub(self.start)? % self.size;

        Some(Zone(sector.checked_sub(behind_border)?))
    }

    /// The number of a packet, counted from 0.
    ///
    /// [`None`] for a zone of another geometry that is not one of this geometry.
    pub fn index(&self, zone: Zone) -> Option<u64> {
        if self.zone_of(zone.sector()) != Some(zone) {
            return None;
        }
        Some(zone.sector().checked_sub(self.start)? / self.size)
    }

    /// The packet with a number, if there are that many.
    pub fn zone_at(&self, index: u64) -> Option<Zone> {
        let sector = index
            .checked_mul(self.size.get())?
            .checked_add(self.start)?;

        (sector < self.end).then_some(Zone(sector))
    }

    /// The packet behind `zone`, unless that is the last one.
    pub fn next_zone(&self, zone: Zone) -> Option<Zone> {
        self.zone_of(zone.sector().checked_add(self.size.get())?)
    }

    /// The first packet that starts at `sector` or behind it.
    pub fn first_zone_from(&self, sector: u64) -> Option<Zone> {
        let behind_start = sector.saturating_sub(self.start);

        self.zone_at(behind_start.div_ceil(self.size.get()))
    }

    /// The packets that lie completely in the `sectors` sectors from `sector` on.
    pub fn zones_within(&self, sector: u64, sectors: u32) -> impl Iterator<Item = Zone> + '_ {
        let end = sector.saturating_add(u64::from(sectors));
        let first = self.first_zone_from(sector);

        core::iter::successors(first, |zone| self.next_zone(*zone))
            .take_while(move |zone| zone.sector().saturating_add(self.size.get()) <= end)
    }

    /// All packets that lie only in part in `sectors` sectors, at least one, from `sector` on: two
    /// at most.
    pub fn zones_cut_by(&self, sector: u64, sectors: u32) -> impl Iterator<Item = Zone> + '_ {
        let end = sector.saturating_add(u64::from(sectors));
        let first = self.zone_of(sector);
        let last = end.checked_sub(1).and_then(|last| self.zone_of(last));
        let second = last.filter(|_| last != first);

        first.into_iter().chain(second).filter(move |zone| {
            zone.sector() < sector || zone.sector().saturating_add(self.size.get()) > end
        })
    }

    /// The frames that `sectors` sectors from `sector` on are.
    ///
    /// [`None`] unless they are whole frames of one packet.
    pub fn span(&self, sector: u64, sectors: u32) -> Option<FrameRange> {
        self.locate(sector, sectors).map(|(_, frames)| frames)
    }

    /// The packet and the frames in it that `sectors` sectors from `sector` on are.
    ///
    /// [`None`] unless they are whole frames of one packet.
    pub fn locate(&self, sector: u64, sectors: u32) -> Option<(Zone, FrameRange)> {
        let zone = self.zone_of(sector)?;
        let offset = u32::try_from(sector.checked_sub(zone.sector())?).ok()?;

        if offset % FRAME_SECTORS != 0 || sectors % FRAME_SECTORS != 0 {
            return None;
        }
        if offset.checked_add(sectors)? > self.packet_sectors() {
            return None;
        }
        let frames = FrameRange::new(offset / FRAME_SECTORS, sectors / FRAME_SECTORS)?;

        Some((zone, frames))
    }
}

/// The greatest common divisor by Euclid's rule; `a` when `b` is zero.
fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or_default());
    }
    a
}
