// SPDX-License-Identifier: GPL-2.0

//! What goes down from a packet buffer, and in and out of it.

use super::{
    Io,
    Packet, //
};
use crate::{
    disk::Disk,
    logic::{
        frames::{
            FrameRange,
            FRAME_SIZE, //
        },
        zone::Geometry, //
    },
    medium::takes_packet,
    session::Active, //
};
use core::ops::Range;
use kernel::prelude::*;
use rb::{
    block::{
        bio::{
            Command,
            Flag,
            Flags, //
        },
        error::{
            BlkError,
            BlkResult, //
        },
        mq::Request, //
    },
    trace::pktcdvd as trace, //
};

impl Packet {
    /// Submits the IO that is ready.
    pub(crate) fn submit(&mut self, device: &Active<'_>) {
        let (Some(io), Some(zone)) = (self.ready.take(), self.state.zone()) else {
            return;
        };
        let (command, flags, frames) = match io {
            Io::Gather(frames) => {
                let sectors = u64::from(frames.sectors());
                device.stats.sectors_read_gather.add(sectors);
                (Command::Read, Flags::from(Flag::Sync), Some(frames))
            }
            // Merged with another packet, it would not be one write of one packet any more.
            Io::Write => (Command::Write, Flag::Sync | Flag::NoMerge, None),
        };
        let sector = frames.map_or(zone.sector(), |frames| zone.sector_of(frames));

        if device.session.is_lost() {
            return self.io_done(device, io, Err(BlkError::IOERR));
        }
        if matches!(io, Io::Write) && !takes_packet(&device.session.lower, &device.session.geometry)
        {
            // Its limits were lowered: it would split the packet.
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
            Ok(()) => self.in_flight = Some(io),
            Err(err) => self.io_done(device, io, Err(err.into())),
        }
    }

    /// Puts the data of the writes into the buffer, in the order they were submitted.
    pub(super) fn assemble(&mut self, device: &Active<'_>) -> Result {
        if self.void {
            self.bio.zero();
            self.void = false;
        }
        for rq in self.pieces.iter() {
            let mut offset = buffer_offset(&device.session.geometry, rq).ok_or(EINVAL)?;
            for bio in rq.bios() {
                self.bio.copy_from_bio(bio, offset)?;
                offset += bio.bytes() as usize;
            }
        }
        Ok(())
    }

    /// Fills a read from the buffer.
    pub(crate) fn read(&self, device: &Active<'_>, rq: &Request<Disk>) -> BlkResult {
        let mut offset = buffer_offset(&device.session.geometry, rq).ok_or(BlkError::INVAL)?;
        for bio in rq.bios() {
            self.bio.copy_to_bio(bio, offset)?;
            offset += bio.bytes() as usize;
        }
        Ok(())
    }
}

/// Returns where the data of a request starts in the buffer of its packet, in bytes.
fn buffer_offset(geometry: &Geometry, rq: &Request<Disk>) -> Option<usize> {
    let frames = geometry.span(rq.sector(), rq.sectors())?;
    Some(frames.byte_offset())
}

/// Returns where `frames`, or all of a packet, are in the buffer.
fn byte_range(geometry: &Geometry, frames: Option<FrameRange>) -> Range<usize> {
    let all = (geometry.packet_frames() * FRAME_SIZE) as usize;
    frames.map_or(0..all, |frames| {
        frames.byte_offset()..frames.byte_offset() + frames.bytes()
    })
}
