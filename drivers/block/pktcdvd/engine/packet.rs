// SPDX-License-Identifier: GPL-2.0

//! One packet buffer, and the packet in it: its I/O, and the copying of data into and out of it.

use crate::{
    engine::{
        active::Active,
        pieces::{
            PacketRequest,
            Pieces, //
        },
        trace, //
    },
    logic::{
        buffer::{
            Buffer,
            Io, //
        },
        contents::{
            self,
            Pages, //
        },
        frames::{
            FrameRange,
            FRAME_SIZE, //
        },
        state::Action,
        zone::{
            Geometry,
            Zone, //
        },
    },
};
use common::bell::Bell;
use core::ops::{
    Deref,
    DerefMut,
    Range, //
};
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
    page_bio::{
        Completion,
        PageBio, //
    }, //
};

/// Rings the bell of the thread when the I/O of a packet has completed.
struct RingBell(Arc<Bell>);

impl Completion for RingBell {
    fn completed(&self) {
        self.0.ring();
    }
}

/// A packet buffer: its pages, its state, and the writes that have joined.
///
/// Only the thread of the device touches it, under the mutex of all
/// [packets](crate::engine::packets::Packets).
pub(crate) struct Packet {
    buffer: Buffer<BlkError>,
    bio: Arc<PageBio<RingBell>>,
    pieces: Pieces,
    /// Missing frames were read for the second time.
    gathered_again: bool,
}

impl Deref for Packet {
    type Target = Buffer<BlkError>;

    fn deref(&self) -> &Self::Target {
        &self.buffer
    }
}

impl DerefMut for Packet {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.buffer
    }
}

impl Packet {
    /// Allocates a packet buffer. May sleep.
    pub(crate) fn new(geometry: &Geometry, bell: &Arc<Bell>) -> Result<Self> {
        let frames = geometry.packet_frames();
        let bytes = frames * FRAME_SIZE;

        Ok(Self {
            buffer: Buffer::new(frames),
            bio: Arc::pin_init(
                PageBio::new(bytes as usize, RingBell(bell.clone())),
                GFP_KERNEL,
            )?,
            pieces: Pieces::new(),
            gathered_again: false,
        })
    }

    /// Begins to collect writes for `zone`.
    pub(crate) fn start(&mut self, device: &Active<'_>, zone: Zone, void: bool, used: u64) {
        self.gathered_again = false;
        device.stats.packets_started.add(1);
        self.handle(device, |buffer| buffer.start(zone, void, used));
    }

    /// Takes the writes that can still join out of the queue; returns whether there were any.
    pub(crate) fn join(&mut self, device: &Active<'_>) -> bool {
        contents::join(
            &device.session.geometry,
            &mut self.buffer,
            &mut self.pieces,
            // Without the lock for what follows: a write that cannot join ends there.
            |zone| device.queue.lock().pop_write(zone),
            |rq| device.stats.sectors_written.add(u64::from(rq.sectors())),
        )
    }

    /// Has the packet go on, since it is its turn: no write can join any more if it is written now.
    pub(crate) fn proceed(&mut self, device: &Active<'_>) {
        self.handle(device, Buffer::proceed);
    }

    /// Takes the result of I/O that has completed; returns whether there was one.
    pub(crate) fn reap(&mut self, device: &Active<'_>) -> bool {
        let Some((io, result)) = self.buffer.reap(|| self.bio.take_result()) else {
            return false;
        };
        match (io, result) {
            (Io::Gather(frames), Ok(())) => self.buffer.gathered(frames),
            _ => self.io_done(device, io, result),
        }
        true
    }

    fn io_done(&mut self, device: &Active<'_>, io: Io, result: BlkResult) {
        if let (Err(err), Some(zone)) = (result, self.zone()) {
            device.session.io_failed();
            if self.gather_again(device, io, result) {
                return;
            }
            device.report.packet(zone, io, err);
        }
        if matches!(io, Io::Write) {
            // Before the writers learn that the write is done: they may ask for a flush then.
            device.set_dirty();
        }
        self.handle(device, |buffer| buffer.io_done(io, result));
    }

    /// Reads missing frames once more if that may help; returns whether it does.
    fn gather_again(&mut self, device: &Active<'_>, io: Io, result: BlkResult) -> bool {
        let again = matches!(io, Io::Gather(_))
            && device.is_worth_repeating(result)
            && !device.session.is_lost()
            && !core::mem::replace(&mut self.gathered_again, true);
        if again {
            self.set_ready(io);
        }
        again
    }

    /// Reports to the state machine what has happened, and carries out what it decides.
    fn handle(
        &mut self,
        device: &Active<'_>,
        event: impl FnOnce(&mut Buffer<BlkError>) -> Action<BlkError>,
    ) {
        let from = self.state();
        let action = event(&mut self.buffer);
        let to = self.state();

        if to != from {
            let zone = self.zone().map_or(0, Zone::sector);
            trace::pkt_state(device.dev, zone, from.number() as u32, to.number() as u32);
        }
        self.act(device, action);
    }

    /// Carries out what the state machine has decided.
    fn act(&mut self, device: &Active<'_>, action: Action<BlkError>) {
        match action {
            // Until it is its turn.
            Action::Nothing | Action::Refuse | Action::AwaitTurn => {}
            Action::Gather(frames) => self.set_ready(Io::Gather(frames)),
            Action::Write => self.prepare_write(device),
            Action::Finish(result) => self.finish(device, result),
        }
    }

    fn prepare_write(&mut self, device: &Active<'_>) {
        match self.assemble(device) {
            Ok(()) => self.set_ready(Io::Write),
            // Better no write than wrong data.
            Err(err) => self.io_done(device, Io::Write, Err(err.into())),
        }
    }

    /// Ends the writes that have joined, and frees the buffer.
    fn finish(&mut self, device: &Active<'_>, result: BlkResult) {
        if self.coverage().is_complete() {
            device.stats.packets_full.add(1);
        }
        match result {
            Ok(()) => device.stats.packets_finished.add(1),
            Err(_) => device.stats.packets_failed.add(1),
        }
        // Before the writers learn of it: they may look at the trace then.
        self.handle(device, Buffer::release);
        while let Some(rq) = self.pieces.pop() {
            rq.end(result);
        }
    }

    /// Submits the I/O that is next.
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
        if matches!(io, Io::Write) && !device.session.takes_packet() {
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
    fn assemble(&mut self, device: &Active<'_>) -> Result {
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
