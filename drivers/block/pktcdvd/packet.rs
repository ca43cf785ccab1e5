// SPDX-License-Identifier: GPL-2.0

//! One packet buffer, and what is going on with it.

mod again;
mod transfer;

use crate::{
    bell::{
        Bell,
        RingBell, //
    },
    logic::{
        frames::{
            FrameRange,
            FRAME_SIZE, //
        },
        state::{
            self,
            Action,
            Event,
            State, //
        },
        zone::{
            Geometry,
            Zone, //
        },
    },
    pieces::Pieces,
    session::Active, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::{
        Delta,
        Instant,
        Monotonic, //
    },
};
use rb::{
    block::{
        bio::Flag,
        error::{
            BlkError,
            BlkResult, //
        },
        page_bio::PageBio, //
    },
    trace::pktcdvd as trace, //
};

/// IO that a packet does to the lower device.
#[derive(Clone, Copy)]
pub(crate) enum Io {
    /// Reads frames that nobody writes.
    Gather(FrameRange),
    /// Writes the whole packet.
    Write,
}

/// A packet buffer: its pages, its state, and the writes that have joined.
///
/// Only the thread of the device touches it, under
/// [`Device::packets`](crate::device::Device::packets).
pub(crate) struct Packet {
    state: state::Packet<BlkError>,
    bio: Arc<PageBio<RingBell>>,
    pieces: Pieces,
    /// What the packet held before is void: the buffer starts as zeroes.
    void: bool,
    deadline: Option<Instant<Monotonic>>,
    ready: Option<Io>,
    in_flight: Option<Io>,
    /// The buffer has what the lower device may have cached only.
    unflushed: bool,
    /// The write is one for the second time, of a packet that is free.
    again: bool,
    /// The write that is to come brings back what the lower device has lost.
    owed: bool,
    /// Missing frames were read for the second time.
    gathered_again: bool,
    /// When the packet was last begun, in packets of the device.
    last_used: u64,
}

impl Packet {
    /// Allocates a packet buffer. May sleep.
    pub(crate) fn new(geometry: &Geometry, bell: &Arc<Bell>) -> Result<Self> {
        let frames = geometry.packet_frames();
        let bytes = frames * FRAME_SIZE;

        Ok(Self {
            state: state::Packet::new(frames),
            bio: Arc::pin_init(
                PageBio::new(bytes as usize, RingBell(bell.clone())),
                GFP_KERNEL,
            )?,
            pieces: Pieces::new(),
            void: false,
            deadline: None,
            ready: None,
            in_flight: None,
            unflushed: false,
            again: false,
            owed: false,
            gathered_again: false,
            last_used: 0,
        })
    }

    /// Returns where the packet is in its life.
    pub(crate) fn state(&self) -> State {
        self.state.state()
    }

    /// Returns when the packet was last begun.
    pub(crate) fn last_used(&self) -> u64 {
        self.last_used
    }

    /// Returns whether the buffer is free.
    pub(crate) fn is_idle(&self) -> bool {
        self.state() == State::Idle && !self.again
    }

    /// Returns whether the packet works on `zone`.
    pub(crate) fn is_busy_with(&self, zone: u64) -> bool {
        !self.is_idle() && self.is_at(zone)
    }

    fn is_at(&self, zone: u64) -> bool {
        self.state.zone().is_some_and(|z| z.sector() == zone)
    }

    /// Returns whether the buffer holds what a read of `zone` is to see: what the lower device
    /// has, or will have when the write that is under way has succeeded.
    pub(crate) fn serves(&self, zone: u64) -> bool {
        self.is_at(zone) && (self.state.data_valid() || self.state() == State::Writing)
    }

    /// Returns whether the buffer is free, and keeps data for later.
    pub(crate) fn is_cached(&self) -> bool {
        self.is_idle() && self.state.data_valid()
    }

    /// Forgets cached data of `zone`.
    pub(crate) fn invalidate(&mut self, zone: u64) {
        if self.is_idle() && self.is_at(zone) {
            self.state.invalidate();
        }
    }

    /// Returns the sector that the next IO starts at, if one is ready.
    pub(crate) fn ready_at(&self) -> Option<u64> {
        self.ready.and(self.state.zone()).map(Zone::sector)
    }

    /// Returns whether the IO that is ready reads.
    pub(crate) fn is_to_gather(&self) -> bool {
        matches!(self.ready, Some(Io::Gather(_)))
    }

    /// Returns whether a read of the packet is under way.
    pub(crate) fn is_gathering(&self) -> bool {
        matches!(self.in_flight, Some(Io::Gather(_)))
    }

    /// Returns whether IO of the packet is under way.
    pub(crate) fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Returns whether the packet is being written.
    pub(crate) fn is_writing(&self) -> bool {
        matches!(self.in_flight, Some(Io::Write))
    }

    /// Returns how long the packet still waits for more writes.
    pub(crate) fn remaining_wait(&self) -> Option<Delta> {
        let left = self.deadline? - Instant::now();
        Some(left.max(Delta::from_nanos(0)))
    }

    /// Begins to collect writes for `zone`.
    pub(crate) fn start(&mut self, device: &Active<'_>, zone: Zone, void: bool, used: u64) {
        self.unflushed &= self.serves(zone.sector());
        self.void = void;
        self.gathered_again = false;
        self.last_used = used;
        device.stats.packets_started.add(1);
        let action = self.handle(
            device,
            Event::Start {
                zone,
                no_gather: void,
            },
        );
        self.act(device, action);
    }

    /// Takes the writes that can still join out of the queue; returns whether there were any.
    pub(crate) fn join(&mut self, device: &Active<'_>) -> bool {
        let Some(zone) = self.state.zone().filter(|_| self.state.is_open()) else {
            return false;
        };
        let before = self.pieces.len();
        // Without the lock for what follows: a write that cannot join ends there.
        let next = || device.queue.lock().pop_write(zone.sector());

        while let Some(rq) = next() {
            let urgent = rq.flags().contains(Flag::Sync);
            let frames = device.session.geometry.span(rq.sector(), rq.sectors());
            // The request was located when it was queued; if not, it ends with an error here.
            if frames.is_some_and(|frames| self.state.join(frames, urgent)) {
                device.stats.sectors_written.add(u64::from(rq.sectors()));
                self.pieces.insert_again(zone.sector(), rq);
            }
        }
        self.pieces.len() != before
    }

    /// Decides what follows from the writes that have joined.
    pub(crate) fn settle(&mut self, device: &Active<'_>) {
        let from = self.state();
        let action = self.state.settle();
        self.trace_from(device, from);
        self.act(device, action);
    }

    /// Ends the wait if its time has come; returns whether it has.
    pub(crate) fn check_deadline(&mut self, device: &Active<'_>) -> bool {
        if self.remaining_wait().is_none_or(|left| !left.is_zero()) {
            return false;
        }
        let action = self.handle(device, Event::Deadline);
        self.act(device, action);
        true
    }

    /// Looks whether IO has completed; returns whether it has.
    pub(crate) fn reap(&mut self, device: &Active<'_>) -> bool {
        let Some(io) = self.in_flight else {
            return false;
        };
        let Some(result) = self.bio.take_result() else {
            return false;
        };
        self.in_flight = None;
        self.io_done(device, io, result);
        true
    }

    fn io_done(&mut self, device: &Active<'_>, io: Io, result: BlkResult) {
        if self.again {
            return self.written_again(device, result);
        }
        if let (Err(err), Some(zone)) = (result, self.state.zone()) {
            device.session.io_failed();
            if self.gather_again(device, io, result) {
                return;
            }
            device.packet_error(zone, io, err);
        }
        let event = match io {
            Io::Gather(_) => Event::GatherDone(result),
            Io::Write => {
                // Before anybody learns that the write is done, and may ask to flush it.
                device.set_dirty();
                // If it has failed, what there was before is still owed.
                self.unflushed |= result.is_ok();
                Event::WriteDone(result)
            }
        };
        let action = self.handle(device, event);
        self.act(device, action);
    }

    /// Reads missing frames once more if that may help; returns whether it does.
    fn gather_again(&mut self, device: &Active<'_>, io: Io, result: BlkResult) -> bool {
        let again = matches!(io, Io::Gather(_))
            && device.is_worth_repeating(result)
            && !device.session.is_lost()
            && !core::mem::replace(&mut self.gathered_again, true);
        if again {
            self.ready = Some(io);
        }
        again
    }

    /// Reports an event to the state machine.
    fn handle(&mut self, device: &Active<'_>, event: Event<BlkError>) -> Action<BlkError> {
        let from = self.state();
        let action = self.state.handle(event);
        self.trace_from(device, from);
        action
    }

    fn trace_from(&self, device: &Active<'_>, from: State) {
        let to = self.state();
        if to != from {
            let zone = self.state.zone().map_or(0, Zone::sector);
            trace::pkt_state(device.dev, zone, from.number() as u8, to.number() as u8);
        }
    }

    /// Carries out what the state machine has decided.
    fn act(&mut self, device: &Active<'_>, action: Action<BlkError>) {
        if !matches!(action, Action::Nothing | Action::Refuse) {
            self.deadline = None;
        }
        match action {
            Action::Nothing | Action::Refuse => {}
            Action::WaitUntil => self.deadline = Some(Instant::now() + device.wait()),
            Action::Gather(frames) => self.ready = Some(Io::Gather(frames)),
            Action::Write => self.prepare_write(device),
            Action::Finish(result) => self.finish(device, result),
        }
    }

    fn prepare_write(&mut self, device: &Active<'_>) {
        match self.assemble(device) {
            Ok(()) => self.ready = Some(Io::Write),
            // Not written at all is better than written wrong.
            Err(err) => self.io_done(device, Io::Write, Err(err.into())),
        }
    }

    /// Ends the writes that have joined, and frees the buffer.
    fn finish(&mut self, device: &Active<'_>, result: BlkResult) {
        self.owed = false;
        if self.state.coverage().is_complete() {
            device.stats.packets_full.add(1);
        }
        match result {
            Ok(()) => device.stats.packets_finished.add(1),
            Err(_) => device.stats.packets_failed.add(1),
        }
        while let Some(rq) = self.pieces.pop() {
            rq.end(result);
        }
        let action = self.handle(device, Event::Released);
        self.act(device, action);
    }
}
