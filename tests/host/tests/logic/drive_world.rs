// SPDX-License-Identifier: GPL-2.0

//! A drive that may lose what it has cached, packet buffers above it, and users who flush: whoever
//! was told that all is on the medium finds it there.

use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::{
    buffer::{self, Buffer, Io},
    flusher::{Ended, Flusher},
    frames::FrameRange,
    state::{Action, State},
    zone::{Geometry, Zone},
};
use std::ops::{Deref, DerefMut};

/// Frames of a packet.
const FRAMES: u32 = 2;
const SECTORS: u32 = FRAMES * 4;

fn zone(index: usize) -> Zone {
    Geometry::new(SECTORS, 0, 1 << 20)
        .unwrap()
        .zone_at(index as u64)
        .unwrap()
}

fn all() -> FrameRange {
    FrameRange::new(0, FRAMES).unwrap()
}

/// A buffer, as its owner holds it.
#[derive(Debug, Clone)]
pub(crate) struct Held<E>(pub(crate) Buffer<E>);

impl<E> Deref for Held<E> {
    type Target = Buffer<E>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<E> DerefMut for Held<E> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// Packet buffers for tables of events; each event ends at once.
pub(crate) struct Buffers {
    list: Vec<Held<i32>>,
    /// What the buffer was like that is used for another packet.
    pub(crate) before: Buffer<i32>,
    used: u64,
}

impl Buffers {
    /// As many buffers, each with a packet that was written.
    pub(crate) fn cached(count: usize) -> Self {
        let mut buffers = Self {
            list: (0..count).map(|_| Held(Buffer::new(FRAMES))).collect(),
            before: Buffer::new(FRAMES),
            used: 0,
        };

        for index in 0..count {
            buffers.write(index, zone(index));
        }
        buffers
    }

    pub(crate) fn list(&mut self) -> &mut [Held<i32>] {
        &mut self.list
    }

    fn write(&mut self, index: usize, zone: Zone) {
        let buffer = &mut self.list[index];

        self.used += 1;
        assert_eq!(buffer.start(zone, false, self.used), Action::AwaitTurn);
        assert!(buffer.join(all()));
        assert_eq!(buffer.proceed(), Action::Write);
        assert_eq!(buffer.io_done(Io::Write, Ok(())), Action::Finish(Ok(())));
        let _ = buffer.release();
    }

    /// Writes another packet from a buffer; returns where that lies.
    pub(crate) fn reuse(&mut self, index: usize) -> u64 {
        let other = zone(100 + self.used as usize);

        self.before = self.list[index].0.clone();
        self.write(index, other);
        other.sector()
    }

    /// Writes all packets once more.
    pub(crate) fn write_anew(&mut self) {
        for index in 0..self.list.len() {
            let zone = self.list[index].zone().unwrap();
            self.write(index, zone);
        }
    }

    /// Writes what is to be written again.
    pub(crate) fn write_all(&mut self, result: Result<(), i32>) {
        for buffer in &mut self.list {
            if let Some((io, _)) = buffer.take_ready() {
                let _ = buffer.io_done(io, result);
            }
        }
    }
}

const ZONES: usize = 3;

/// Each write has a number of its own; 0 is what was there before.
type Version = u32;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A packet is begun, and complete or not.
    Begin {
        zone: usize,
        complete: bool,
    },
    /// The writes come that a packet waits for.
    Complete(usize),
    /// The I/O that is ready goes down.
    Issue,
    /// I/O ends.
    Land {
        index: usize,
        ok: bool,
    },
    Flush,
    /// A read must not come before the drive was asked.
    Read,
    /// The drive answers, if it was asked. If it could not, it may or may not keep what it has.
    Answer {
        ok: bool,
        keeps: bool,
    },
    /// The drive loses what it has cached.
    Lose,
    /// The thread looks whether all is written again.
    GoOn,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..ZONES, prop::bool::weighted(0.8))
            .prop_map(|(zone, complete)| Step::Begin { zone, complete }),
        2 => (0..ZONES).prop_map(Step::Complete),
        8 => Just(Step::Issue),
        8 => (0..ZONES, prop::bool::weighted(0.9))
            .prop_map(|(index, ok)| Step::Land { index, ok }),
        4 => Just(Step::Flush),
        2 => Just(Step::Read),
        4 => (prop::bool::weighted(0.7), any::<bool>())
            .prop_map(|(ok, keeps)| Step::Answer { ok, keeps }),
        1 => Just(Step::Lose),
        6 => Just(Step::GoOn),
    ]
}

struct World {
    list: Vec<Held<u32>>,
    /// What each buffer holds.
    data: Vec<Version>,
    flusher: Flusher<[Version; ZONES], u32>,
    /// What the drive has cached, and what is on the medium.
    cache: [Option<Version>; ZONES],
    medium: [Version; ZONES],
    dirty: bool,
    /// What writers were told is written.
    acked: [Version; ZONES],
    /// What a flush was told may be lost.
    excused: [Version; ZONES],
    /// Something has failed since a flush was last told anything.
    faults: bool,
    /// What the drive has lost is not all on the medium again.
    rescuing: bool,
    errors: usize,
    serial: u32,
}

impl World {
    fn new(buffers: usize) -> Self {
        Self {
            list: (0..buffers).map(|_| Held(Buffer::new(FRAMES))).collect(),
            data: vec![0; buffers],
            flusher: Flusher::new(),
            cache: [None; ZONES],
            medium: [0; ZONES],
            dirty: false,
            acked: [0; ZONES],
            excused: [0; ZONES],
            faults: false,
            rescuing: false,
            errors: 0,
            serial: 0,
        }
    }

    fn stamp(&mut self) -> u32 {
        self.serial += 1;
        self.serial
    }

    fn step(&mut self, step: Step) {
        // As long as the drive is to be asked, nothing else is begun.
        let waits = self.flusher.wants_sync();

        match step {
            Step::Begin { zone, complete } if !waits => self.begin(zone, complete),
            Step::Complete(index) if !waits => self.complete(index),
            Step::Issue if !waits => self.issue(),
            Step::Land { index, ok } => self.land(index, ok),
            Step::Flush if !waits && !self.flusher.is_flushing() => {
                let ended = self.flusher.flush(self.acked, self.dirty);
                self.end(ended);
            }
            Step::Read if !waits && self.dirty => {
                self.flusher.request();
            }
            Step::Answer { ok, keeps } if waits && !self.is_busy_below() => self.answer(ok, keeps),
            Step::Lose if !self.is_busy_below() => self.lose(),
            Step::GoOn if self.flusher.is_rewritten(&self.list) => {
                let ended = self.flusher.ask_again(&mut self.list);
                self.end(ended);
            }
            _ => {}
        }
    }

    fn is_busy_below(&self) -> bool {
        self.list.iter().any(|buffer| buffer.is_in_flight())
    }

    fn begin(&mut self, index: usize, complete: bool) {
        let zone = zone(index);

        if self.list.iter().any(|b| b.is_busy_with(zone.sector())) {
            return;
        }
        let Some(index) = buffer::choose(&self.list, zone.sector()) else {
            return;
        };
        self.flusher.reuses(&self.list[index], zone.sector());
        let used = self.stamp().into();
        assert_eq!(self.list[index].start(zone, false, used), Action::AwaitTurn);
        if complete {
            self.complete(index);
        }
    }

    fn complete(&mut self, index: usize) {
        let stamp = self.stamp();
        let Some(buffer) = self.list.get_mut(index) else {
            return;
        };
        if buffer.state() == State::Waiting {
            assert!(buffer.join(all()));
            assert_eq!(buffer.proceed(), Action::Write);
            self.data[index] = stamp;
            buffer.set_ready(Io::Write);
        }
    }

    fn issue(&mut self) {
        // Those that wait have no writes yet.
        let has_writes = |buffer: &Buffer<u32>| buffer.state() != State::Waiting;
        if let Some((index, _)) = buffer::next_ready(&self.list, 0, has_writes) {
            let buffer = &mut self.list[index];
            let (io, _) = buffer.take_ready().unwrap();
            buffer.submitted(io);
        }
    }

    fn land(&mut self, index: usize, ok: bool) {
        let Some(buffer) = self.list.get_mut(index) else {
            return;
        };
        let result = if ok { Ok(()) } else { Err(0) };
        let Some((io, result)) = buffer.reap(|| Some(result)) else {
            return;
        };
        let at = (buffer.zone().unwrap().sector() / u64::from(SECTORS)) as usize;

        self.dirty = true;
        if ok {
            let newest = self.cache[at].unwrap_or(self.medium[at]);
            assert!(self.data[index] >= newest, "written over by older data");
            self.cache[at] = Some(self.data[index]);
        }
        match buffer.io_done(io, result) {
            // The second write of a free packet.
            Action::Nothing => {}
            Action::Write => buffer.set_ready(Io::Write),
            Action::Finish(result) => {
                if result.is_ok() {
                    self.acked[at] = self.data[index];
                }
                let _ = buffer.release();
            }
            action => panic!("{action:?} of a complete packet"),
        }
    }

    fn answer(&mut self, ok: bool, keeps: bool) {
        self.flusher.asked();
        let rewriting = self.list.iter().any(|buffer| buffer.is_written_again())
            || self.flusher.is_rewritten(&self.list);
        self.rescuing = !ok || (self.rescuing && rewriting);
        self.dirty = !ok;
        if ok {
            for (medium, cache) in self.medium.iter_mut().zip(&mut self.cache) {
                *medium = cache.take().unwrap_or(*medium);
            }
        } else {
            self.faults = true;
            if !keeps {
                self.cache = [None; ZONES];
            }
        }
        let result = if ok { Ok(()) } else { Err(self.stamp()) };
        let ended = self.flusher.synced(&mut self.list, result);
        self.end(ended);
    }

    fn lose(&mut self) {
        let error = self.stamp();

        self.faults |= self.dirty;
        self.rescuing |= self.dirty;
        self.cache = [None; ZONES];
        let ended = self.flusher.cache_lost(&mut self.list, self.dirty, error);
        self.end(ended);
    }

    /// A flush has ended, that came when all of `filed` was written.
    fn end(&mut self, ended: Ended<[Version; ZONES], u32>) {
        let Some((filed, result)) = ended else {
            return;
        };
        if result.is_ok() {
            for (at, filed) in filed.into_iter().enumerate() {
                assert!(
                    self.medium[at] >= filed || self.excused[at] >= filed,
                    "told success, lost data"
                );
            }
        } else {
            assert!(self.faults, "an error is told that there was not, or twice");
            // As with any drive, also what was written since the flush was sent.
            self.excused = self.acked;
            self.errors += 1;
        }
        self.faults = false;
    }

    /// Lets everything end; from here on the drive works.
    fn drain(&mut self) {
        for _ in 0..20 {
            for index in 0..self.list.len() {
                self.step(Step::Complete(index));
                self.step(Step::Issue);
            }
            for index in 0..self.list.len() {
                self.step(Step::Land { index, ok: true });
            }
            self.step(Step::GoOn);
            self.step(Step::Answer {
                ok: true,
                keeps: true,
            });
        }
        assert!(
            self.list.iter().all(|buffer| buffer.is_idle()),
            "a packet never ends"
        );
        assert!(
            !self.flusher.wants_sync() && !self.flusher.is_flushing(),
            "a flush never ends"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whoever_flushes_is_told_the_truth(
        buffers in 1..=ZONES,
        steps in prop::collection::vec(any_step(), 0..150),
    ) {
        let mut world = World::new(buffers);

        for step in steps {
            world.step(step);
        }
        world.drain();
        // What was lost is told once, and then no more.
        for _ in 0..2 {
            world.step(Step::Flush);
            world.drain();
        }
        let errors = world.errors;
        world.step(Step::Flush);
        world.drain();
        prop_assert_eq!(world.errors, errors);
        for at in 0..ZONES {
            prop_assert!(
                world.medium[at] >= world.acked[at] || world.excused[at] >= world.acked[at]
            );
        }
    }

    #[test]
    fn nothing_is_lost_if_all_is_still_there(
        steps in prop::collection::vec(any_step(), 0..150),
    ) {
        // With a buffer for each zone, none is needed for another.
        let mut world = World::new(ZONES);

        for step in steps {
            match step {
                Step::Land { index, .. } => world.step(Step::Land { index, ok: true }),
                // It can the second time.
                Step::Answer { ok, keeps } => world.step(Step::Answer {
                    ok: ok || world.rescuing,
                    keeps,
                }),
                step => world.step(step),
            }
        }
        world.drain();
        world.step(Step::Flush);
        world.drain();
        prop_assert_eq!(world.errors, 0);
        prop_assert_eq!(world.medium, world.acked);
    }
}
