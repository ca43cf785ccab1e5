// SPDX-License-Identifier: GPL-2.0

//! A packet buffer: what its packet does next, and which of its data may be in a cache only.

use super::{
    coverage::Coverage,
    frames::FrameRange,
    state::{
        Action,
        Event,
        Packet,
        State, //
    },
    zone::Zone, //
};
use core::ops::Deref;

/// How many packets are begun at most while one that is not full waits for its turn.
const PATIENCE: u64 = 16;

/// I/O that a packet does to the lower device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Io {
    /// Reads frames that nobody writes.
    Gather(FrameRange),
    /// Writes the whole packet.
    Write,
}

/// I/O that has ended, and its result.
pub type Reaped<E> = (Io, Result<(), E>);

/// The write that brings back what the lower device has lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// None is to come.
    No,
    /// One of the packet that is free.
    Free,
    /// The one that the packet is about to do anyway, with the writes that have joined.
    Joined,
}

/// A packet buffer without its pages and the writes that have joined.
///
/// The owner carries out the [`Action`]s of the packet. `E` is the error of the lower device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffer<E> {
    packet: Packet<E>,
    ready: Option<Io>,
    in_flight: Option<Io>,
    /// What the packet held before is void: the buffer starts as zeroes.
    void: bool,
    /// The buffer has what the lower device may have cached only.
    unflushed: bool,
    again: Again,
    /// The read has ended, of which the packet learns when what follows has its turn: until then
    /// writes can join.
    gathered: Option<FrameRange>,
    /// When the packet was last begun, in packets of the device.
    last_used: u64,
}

impl<E: Copy> Buffer<E> {
    /// A free buffer for packets of `frames` frames.
    pub fn new(frames: u32) -> Self {
        Self {
            packet: Packet::new(frames),
            ready: None,
            in_flight: None,
            void: false,
            unflushed: false,
            again: Again::No,
            gathered: None,
            last_used: 0,
        }
    }

    /// Where the packet is in its life.
    pub fn state(&self) -> State {
        self.packet.state()
    }

    /// The zone that the packet has, or had last.
    pub fn zone(&self) -> Option<Zone> {
        self.packet.zone()
    }

    /// Which frames the writes that joined have data for.
    pub fn coverage(&self) -> &Coverage {
        self.packet.coverage()
    }

    /// Whether a write to the zone may still join.
    pub fn is_open(&self) -> bool {
        self.packet.is_open()
    }

    /// Whether the buffer is free.
    pub fn is_idle(&self) -> bool {
        self.state() == State::Idle && self.again != Again::Free
    }

    /// Whether the packet works on `zone`.
    pub fn is_busy_with(&self, zone: u64) -> bool {
        !self.is_idle() && self.is_at(zone)
    }

    fn is_at(&self, zone: u64) -> bool {
        self.zone().is_some_and(|z| z.sector() == zone)
    }

    /// Whether the buffer holds what a read of `zone` is to see: what the lower device has, or will
    /// have when the write that is under way has succeeded.
    pub fn serves(&self, zone: u64) -> bool {
        self.is_at(zone) && (self.packet.data_valid() || self.state() == State::Writing)
    }

    /// Whether the buffer is free, and keeps data for later.
    pub fn is_cached(&self) -> bool {
        self.is_idle() && self.packet.data_valid()
    }

    /// Forgets cached data of `zone`, all of which was discarded: none of it is owed any more.
    pub fn discard(&mut self, zone: u64) {
        if self.is_idle() && self.is_at(zone) {
            self.packet.invalidate();
            self.unflushed = false;
        }
    }

    /// Forgets cached data of `zone`, some of which the lower device may not have any more.
    pub fn invalidate(&mut self, zone: u64) {
        if self.is_idle() && self.is_at(zone) {
            self.packet.invalidate();
        }
    }

    /// Begins to collect writes for `zone`, as the `used`th packet of the device.
    pub fn start(&mut self, zone: Zone, void: bool, used: u64) -> Action<E> {
        let serves = self.serves(zone.sector());
        let action = self.packet.handle(Event::Start {
            zone,
            no_gather: void,
        });

        if !matches!(action, Action::Refuse) {
            self.unflushed &= serves;
            self.gathered = None;
            self.void = void;
            self.last_used = used;
        }
        action
    }

    /// Whether a write can join.
    pub fn accepts(&self, frames: FrameRange) -> bool {
        self.packet.accepts(frames)
    }

    /// Lets a write join; returns whether it was accepted.
    pub fn join(&mut self, frames: FrameRange) -> bool {
        self.packet.join(frames)
    }

    /// Whether the buffer is to be filled with zeroes, before data of writes gets into it. Asked
    /// once.
    pub fn take_void(&mut self) -> bool {
        core::mem::take(&mut self.void)
    }

    /// Notes that I/O can be submitted.
    pub fn set_ready(&mut self, io: Io) {
        self.ready = Some(io);
    }

    /// Takes the I/O that is ready, and the zone it is for.
    pub fn take_ready(&mut self) -> Option<(Io, Zone)> {
        self.ready.take().zip(self.zone())
    }

    /// The zone whose I/O is next, if it can be submitted after [`Buffer::proceed`].
    pub fn ready_at(&self) -> Option<u64> {
        let ready = self.ready.is_some() || self.is_held();
        self.zone().filter(|_| ready).map(Zone::sector)
    }

    /// Whether the next I/O reads.
    pub fn is_to_gather(&self) -> bool {
        match self.ready {
            Some(io) => matches!(io, Io::Gather(_)),
            None => self.is_held() && self.packet.would_gather(),
        }
    }

    /// Whether the packet waits for its turn only, and writes can join.
    fn is_held(&self) -> bool {
        self.state() == State::Waiting || self.gathered.is_some()
    }

    /// Notes that the read has succeeded. Writes can join until [`Buffer::proceed`].
    pub fn gathered(&mut self, frames: FrameRange) {
        self.gathered = Some(frames);
    }

    /// Whether the I/O of the packet may go down. If the lower device has enough to do, that of a packet
    /// that is not full waits, as it may become fuller; but not for longer than it takes to begin
    /// [`PATIENCE`] others: `begun` is how many were.
    pub fn is_let_down(&self, has_enough: bool, begun: u64) -> bool {
        let waited = begun.wrapping_sub(self.last_used);
        !has_enough || self.coverage().is_complete() || waited >= PATIENCE
    }

    /// Has the packet go on, since it is its turn.
    pub fn proceed(&mut self) -> Action<E> {
        if self.ready.is_some() {
            return Action::Nothing;
        }
        match self.gathered.take() {
            Some(frames) => self.io_done(Io::Gather(frames), Ok(())),
            None => self.packet.handle(Event::Turn),
        }
    }

    /// Notes that I/O is under way.
    pub fn submitted(&mut self, io: Io) {
        self.in_flight = Some(io);
    }

    /// Takes the I/O that was under way and its `result`, if that is there.
    pub fn reap(&mut self, result: impl FnOnce() -> Option<Result<(), E>>) -> Option<Reaped<E>> {
        let io = self.in_flight?;
        let result = result()?;

        self.in_flight = None;
        Some((io, result))
    }

    /// Whether I/O of the packet is under way.
    pub fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Whether a read of the packet is under way.
    pub fn is_gathering(&self) -> bool {
        matches!(self.in_flight, Some(Io::Gather(_)))
    }

    /// Whether the packet is being written.
    pub fn is_writing(&self) -> bool {
        matches!(self.in_flight, Some(Io::Write))
    }

    /// Takes what came of I/O that has ended, or could not be submitted.
    pub fn io_done(&mut self, io: Io, result: Result<(), E>) -> Action<E> {
        match io {
            Io::Write if self.again == Again::Free => {
                self.written_again(result.is_ok());
                Action::Nothing
            }
            Io::Write => {
                // If it has failed, what there was before is still owed.
                self.unflushed |= result.is_ok();
                self.packet.handle(Event::WriteDone(result))
            }
            Io::Gather(_) => self.packet.handle(Event::GatherDone(result)),
        }
    }

    /// Notes that the writes that joined are ended: the buffer is free.
    pub fn release(&mut self) -> Action<E> {
        if self.again == Again::Joined {
            self.again = Again::No;
        }
        self.packet.handle(Event::Released)
    }
}

/// Writing once more what the lower device could not keep.
impl<E: Copy> Buffer<E> {
    /// Whether the buffer has what the lower device may have cached only.
    pub fn is_unflushed(&self) -> bool {
        self.unflushed
    }

    /// Whether a write is to come that brings back what the lower device has lost.
    pub fn is_written_again(&self) -> bool {
        self.again != Again::No
    }

    /// Notes that the lower device has flushed its cache.
    pub fn flushed(&mut self) {
        // What is being written was not in it, or not for sure.
        self.unflushed &= self.in_flight.is_some();
    }

    /// Whether the buffer still has what the lower device may have lost.
    ///
    /// A packet that is not free has it as well, and is about to be written as a whole.
    pub fn can_write_again(&self) -> bool {
        !self.is_idle() || self.is_cached()
    }

    /// Whether what the buffer had is owed, and it has it no more.
    pub fn has_lost(&self) -> bool {
        self.unflushed && !self.can_write_again()
    }

    /// Has the packet written that the lower device may have lost. No write of it is under way.
    pub fn write_again(&mut self) {
        if self.is_cached() {
            self.again = Again::Free;
            self.ready = Some(Io::Write);
        } else if self.again == Again::No {
            self.again = Again::Joined;
        }
    }

    /// Takes what came of a second write.
    fn written_again(&mut self, done: bool) {
        self.again = Again::No;
        if !done {
            self.packet.invalidate();
        }
    }
}

/// Chooses a free buffer for `zone`: one that has its data, one that has none, one whose data
/// is on the medium for sure, or the one that was used the longest ago.
pub fn choose<E, P>(list: &[P], zone: u64) -> Option<usize>
where
    E: Copy,
    P: Deref<Target = Buffer<E>>,
{
    let free = || list.iter().enumerate().filter(|(_, p)| p.is_idle());

    free()
        .find(|(_, packet)| packet.serves(zone))
        .or_else(|| free().min_by_key(|(_, p)| (p.is_cached(), p.is_unflushed(), p.last_used)))
        .map(|(index, _)| index)
}

/// Chooses the packet whose I/O is next, of those that are `wanted`: the first from where the
/// elevator is, at sector `from`, or else the first of all. Returns where that I/O starts, too.
pub fn next_ready<E, P>(
    list: &[P],
    from: u64,
    wanted: impl Fn(&Buffer<E>) -> bool,
) -> Option<(usize, u64)>
where
    E: Copy,
    P: Deref<Target = Buffer<E>>,
{
    list.iter()
        .enumerate()
        .filter(|(_, packet)| wanted(packet))
        .filter_map(|(index, packet)| Some((index, packet.ready_at()?)))
        .min_by_key(|(_, at)| (*at < from, *at))
}
