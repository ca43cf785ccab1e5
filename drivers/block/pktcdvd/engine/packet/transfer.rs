// SPDX-License-Identifier: GPL-2.0

//! The IO of a packet buffer, and copying of data into and out of it.

use super::Packet;
use crate::{
    engine::{
        pieces::PacketRequest,
        trace, //
    },
    logic::{
        buffer::Io,
        contents::{
            self,
            Pages,
            Part,
            Transfer, //
        },
        frames::{
            FrameRange,
            FRAME_SIZE, //
        },
        zone::Geometry, //
    },
    lower::{
        bell::RingBell,
        plain::takes_packet,
        session::Active, //
    }, //
};
use core::ops::Range;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use rb::block::{
    bio::{
        Bio,
        Command,
        Flag,
        Flags, //
    },
    error::{
        BlkError,
        BlkResult, //
    },
    page_bio::PageBio, //
};

impl Packet {
    /// Submits the IO that is next.
    pub(crate) fn submit(&mut self, device: &Active<'_>) {
        self.proceed(device);
        let Some((io, zone)) = self.take_ready() else {
            return;
        };
        let (command, flags, frames) = match io {
            Io::Gather(frames) => {
                let sectors = u64::from(frames.sectors());
                device.stats.sectors_read_gather.add(sectors);
                (Command::Read, Flags::from(Flag::Sync), Some(frames))
            }
            // If it were merged with another packet, it would not be a write of one packet.
            Io::Write => (Command::Write, Flag::Sync | Flag::NoMerge, None),
        };
        let sector = frames.map_or(zone.sector(), |frames| zone.sector_of(frames));

        if device.session.is_lost() {
            return self.io_done(device, io, Err(BlkError::IOERR));
        }
        if matches!(io, Io::Write) && !takes_packet(&device.session.lower, &device.session.geometry)
        {
            // Its limits were lowered since: it would split the packet.
            return self.io_done(device, io, Err(BlkError::INVAL));
        }
        match io {
            Io::Gather(frames) => trace::pkt_gather(device.dev, sector, frames.sectors()),
            Io::Write => {
                trace::pkt_write(device.dev, sector, device.session.geometry.packet_frames())
            }
        }

        match self.bio.as_arc_borrow().submit(
            &device.session.lower,
            command,
            flags,
            sector,
            byte_range(&device.session.geometry, frames),
        ) {
            Ok(()) => self.submitted(io),
            Err(err) => self.io_done(device, io, Err(err.into())),
        }
    }

    /// Puts the data of the writes into the buffer, in the order they were submitted.
    pub(super) fn assemble(&mut self, device: &Active<'_>) -> Result {
        let void = self.buffer.take_void();
        contents::assemble(
            &device.session.geometry,
            self.pieces.iter(),
            void,
            &mut self.bio,
        )
    }

    /// Fills a read from the buffer.
    pub(crate) fn read(&self, device: &Active<'_>, rq: &PacketRequest) -> BlkResult {
        let parts = contents::placed(&device.session.geometry, rq).ok_or(BlkError::INVAL)?;
        for (offset, bio) in parts {
            self.bio.copy_to_bio(bio, offset)?;
        }
        Ok(())
    }
}

impl Part for Bio {
    fn bytes(&self) -> usize {
        Self::bytes(self) as usize
    }
}

impl Transfer for PacketRequest {
    type Part = Bio;

    fn sector(&self) -> u64 {
        Self::sector(self)
    }

    fn sectors(&self) -> u32 {
        Self::sectors(self)
    }

    fn is_urgent(&self) -> bool {
        // A request has the flags of its first write only, and no longer what its flush was asked by.
        self.bios().any(|bio| {
            let flags = bio.flags();
            [Flag::Sync, Flag::ForcedUnitAccess, Flag::Preflush]
                .into_iter()
                .any(|flag| flags.contains(flag))
        })
    }

    fn parts(&self) -> impl Iterator<Item = &Bio> {
        self.bios()
    }
}

impl Pages<Bio> for Arc<PageBio<RingBell>> {
    type Error = Error;

    const MISPLACED: Error = EINVAL;

    fn zero(&mut self) {
        PageBio::zero(self);
    }

    fn put(&mut self, offset: usize, bio: &Bio) -> Result {
        self.copy_from_bio(bio, offset)
    }
}

/// Returns where `frames`, or all of a packet, are in the buffer.
fn byte_range(geometry: &Geometry, frames: Option<FrameRange>) -> Range<usize> {
    let all = (geometry.packet_frames() * FRAME_SIZE) as usize;
    frames.map_or(0..all, |frames| {
        frames.byte_offset()..frames.byte_offset() + frames.bytes()
    })
}
