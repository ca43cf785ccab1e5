// SPDX-License-Identifier: GPL-2.0

//! A packet at work on a small medium: data moves as the driver would move it, reads and writes
//! fail, and what ends up where is compared with what the writers were told.

use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::{
    coverage::Coverage,
    frames::FrameRange,
    state::{Action, Event, Packet, State, WRITE_RETRIES},
    zone::{Geometry, Zone},
};

const FRAMES: usize = 12;
const ZONES: usize = 2;

/// What a frame holds: who wrote it.
type Data = u32;
/// In the buffer: nothing that may ever reach the medium.
const POISON: Data = Data::MAX;
const ZERO: Data = 0;
/// Errors are numbered, so that each is known when it comes out.
type Error = u32;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Start {
        zone: usize,
        discarded: bool,
    },
    Join {
        first: usize,
        count: usize,
        urgent: bool,
    },
    Deadline,
    /// The read or write that is under way ends.
    Complete {
        fail: bool,
    },
    Release,
    /// A frame of the medium goes bad, or is good again.
    Decay {
        zone: usize,
        frame: usize,
        bad: bool,
    },
    /// Somebody else changes the medium, and the owner hears of it.
    Change {
        zone: usize,
    },
    /// An event that cannot be.
    Stray(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let zone = 0..ZONES;
    let frame = 0..FRAMES;

    prop_oneof![
        4 => (zone.clone(), prop::bool::weighted(0.2))
            .prop_map(|(zone, discarded)| Step::Start { zone, discarded }),
        8 => (frame.clone(), 1..=FRAMES, prop::bool::weighted(0.1))
            .prop_map(|(first, count, urgent)| Step::Join { first, count, urgent }),
        3 => Just(Step::Deadline),
        6 => prop::bool::weighted(0.2).prop_map(|fail| Step::Complete { fail }),
        3 => Just(Step::Release),
        2 => (zone.clone(), frame, any::<bool>())
            .prop_map(|(zone, frame, bad)| Step::Decay { zone, frame, bad }),
        1 => zone.prop_map(|zone| Step::Change { zone }),
        1 => (0..3usize).prop_map(Step::Stray),
    ]
}

struct Joiner {
    frames: FrameRange,
    data: Data,
}

enum Pending {
    None,
    Read(FrameRange),
    Write,
    Finish(Result<(), Error>),
}

struct World {
    geometry: Geometry,
    medium: [[Data; FRAMES]; ZONES],
    bad: [[bool; FRAMES]; ZONES],
    packet: Packet<Error>,
    buffer: [Data; FRAMES],
    zone: usize,
    joiners: Vec<Joiner>,
    /// What the frames must hold once the packet was written.
    wanted: [Data; FRAMES],
    covered: [bool; FRAMES],
    urgent: bool,
    pending: Pending,
    failed_writes: u32,
    last_error: Option<Error>,
    serial: u32,
    accepted: usize,
    ended: usize,
}

fn frames_of(range: FrameRange) -> core::ops::Range<usize> {
    range.first() as usize..range.end() as usize
}

impl World {
    fn new() -> Self {
        Self {
            geometry: Geometry::new(FRAMES as u32 * 4, 0, 1 << 20).unwrap(),
            medium: [[1; FRAMES]; ZONES],
            bad: [[false; FRAMES]; ZONES],
            packet: Packet::new(FRAMES as u32),
            buffer: [POISON; FRAMES],
            zone: 0,
            joiners: vec![],
            wanted: [POISON; FRAMES],
            covered: [false; FRAMES],
            urgent: false,
            pending: Pending::None,
            failed_writes: 0,
            last_error: None,
            serial: 1,
            accepted: 0,
            ended: 0,
        }
    }

    fn stamp(&mut self) -> u32 {
        self.serial += 1;
        self.serial
    }

    fn zone(&self, index: usize) -> Zone {
        self.geometry.zone_at(index as u64).unwrap()
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Start { zone, discarded } => self.start(zone, discarded),
            Step::Join {
                first,
                count,
                urgent,
            } => self.join(first, count, urgent),
            Step::Deadline => {
                let action = self.packet.handle(Event::Deadline);
                self.act(action);
            }
            Step::Complete { fail } => self.complete(fail),
            Step::Release => self.release(),
            Step::Decay { zone, frame, bad } => self.bad[zone][frame] = bad,
            Step::Change { zone } => self.change(zone),
            Step::Stray(which) => self.stray(which),
        }
        self.check();
    }

    fn start(&mut self, zone: usize, discarded: bool) {
        let event = Event::Start {
            zone: self.zone(zone),
            no_gather: discarded,
        };
        let idle = self.packet.state() == State::Idle;
        let action = self.packet.handle(event);

        assert_eq!(
            action,
            if idle {
                Action::WaitUntil
            } else {
                Action::Refuse
            }
        );
        if idle {
            self.zone = zone;
            self.urgent = false;
            self.failed_writes = 0;
            self.covered = [false; FRAMES];
            self.wanted = if discarded {
                [ZERO; FRAMES]
            } else {
                self.medium[zone]
            };
            if discarded {
                self.buffer = [ZERO; FRAMES];
            } else if !self.packet.data_valid() {
                self.buffer = [POISON; FRAMES];
            }
        }
    }

    fn join(&mut self, first: usize, count: usize, urgent: bool) {
        let frames = FrameRange::new(first as u32, count as u32).unwrap();
        let before = self.packet.state();
        let open = matches!(before, State::Waiting | State::Reading) && first + count <= FRAMES;
        let action = self.packet.handle(Event::Joined { frames, urgent });

        if !open {
            assert_eq!(action, Action::Refuse);
            return;
        }
        let data = self.stamp();
        self.accepted += 1;
        self.urgent |= urgent;
        for frame in frames_of(frames) {
            self.covered[frame] = true;
            self.wanted[frame] = data;
        }
        self.joiners.push(Joiner { frames, data });

        let ends_wait = self.urgent || self.covered.iter().all(|&covered| covered);
        assert_eq!(
            self.packet.state() == State::Waiting,
            before == State::Waiting && !ends_wait,
            "waits without need, or not at all"
        );
        self.act(action);
    }

    fn act(&mut self, action: Action<Error>) {
        match action {
            Action::Nothing => return,
            Action::Refuse => panic!("refused what was due"),
            Action::WaitUntil => panic!("waits twice"),
            _ => assert!(
                matches!(self.pending, Pending::None),
                "two things at a time"
            ),
        }
        self.pending = match action {
            Action::Gather(frames) => {
                assert!(
                    frames_of(frames).any(|frame| !self.covered[frame]),
                    "needless read"
                );
                Pending::Read(frames)
            }
            Action::Write => {
                self.assemble();
                Pending::Write
            }
            Action::Finish(result) => Pending::Finish(result),
            _ => unreachable!(),
        };
    }

    fn assemble(&mut self) {
        assert!(!self.joiners.is_empty(), "writes what nobody asked for");
        for joiner in &self.joiners {
            for frame in frames_of(joiner.frames) {
                self.buffer[frame] = joiner.data;
            }
        }
        assert!(
            !self.buffer.contains(&POISON),
            "would write a frame that it does not have"
        );
        assert_eq!(self.buffer, self.wanted, "would write what nobody wants");
    }

    fn complete(&mut self, fail: bool) {
        match core::mem::replace(&mut self.pending, Pending::None) {
            Pending::Read(frames) => self.complete_read(frames, fail),
            Pending::Write => self.complete_write(fail),
            other => self.pending = other,
        }
    }

    fn complete_read(&mut self, frames: FrameRange, fail: bool) {
        let failed = fail || frames_of(frames).any(|frame| self.bad[self.zone][frame]);

        for frame in frames_of(frames) {
            // A read that fails leaves anything behind.
            self.buffer[frame] = if failed {
                POISON
            } else {
                self.medium[self.zone][frame]
            };
        }
        let result = self.result(failed);
        let action = self.packet.handle(Event::GatherDone(result));
        if let Action::Finish(Err(_)) = action {
            assert!(
                fail || frames_of(frames).any(|f| self.bad[self.zone][f] && !self.covered[f]),
                "gave up although no bad frame is missing"
            );
        }
        self.act(action);
    }

    fn complete_write(&mut self, fail: bool) {
        if fail {
            self.failed_writes += 1;
            // Half of it may have got there.
            self.medium[self.zone][..FRAMES / 2].copy_from_slice(&self.buffer[..FRAMES / 2]);
        } else {
            self.medium[self.zone] = self.buffer;
            self.bad[self.zone] = [false; FRAMES];
        }
        let result = self.result(fail);
        let action = self.packet.handle(Event::WriteDone(result));
        let again = fail && self.failed_writes <= WRITE_RETRIES;
        assert_eq!(
            action,
            if again {
                Action::Write
            } else {
                Action::Finish(result)
            }
        );
        self.act(action);
    }

    fn result(&mut self, failed: bool) -> Result<(), Error> {
        if failed {
            self.last_error = Some(self.stamp());
        }
        self.last_error.filter(|_| failed).map_or(Ok(()), Err)
    }

    fn release(&mut self) {
        let Pending::Finish(result) = self.pending else {
            return;
        };
        self.pending = Pending::None;
        match result {
            Ok(()) if self.joiners.is_empty() => {}
            Ok(()) => assert_eq!(
                self.medium[self.zone], self.wanted,
                "told success, lost data"
            ),
            Err(error) => assert_eq!(Some(error), self.last_error, "told another error"),
        }
        self.ended += self.joiners.len();
        self.joiners.clear();
        assert_eq!(self.packet.handle(Event::Released), Action::Nothing);
        assert_eq!(self.packet.state(), State::Idle);
    }

    fn change(&mut self, zone: usize) {
        // While a packet is under way, the order would be anybody's guess.
        if self.packet.state() == State::Idle {
            self.medium[zone] = [self.stamp(); FRAMES];
            if self.packet.zone() == Some(self.zone(zone)) {
                self.packet.invalidate();
            }
        }
    }

    fn stray(&mut self, which: usize) {
        let event = match (which, self.packet.state()) {
            (0, state) if state != State::Reading => Event::GatherDone(Ok(())),
            (1, state) if state != State::Writing => Event::WriteDone(Ok(())),
            (2, state) if !matches!(state, State::Done | State::Failed) => Event::Released,
            _ => return,
        };
        let before = self.packet.clone();

        assert_eq!(self.packet.handle(event), Action::Refuse);
        assert_eq!(self.packet, before);
    }

    fn check(&self) {
        let pending = match self.packet.state() {
            State::Idle | State::Waiting => matches!(self.pending, Pending::None),
            State::Reading => matches!(self.pending, Pending::Read(_)),
            State::Writing => matches!(self.pending, Pending::Write),
            State::Done => matches!(self.pending, Pending::Finish(Ok(()))),
            State::Failed => matches!(self.pending, Pending::Finish(Err(_))),
        };

        assert!(
            pending,
            "nothing under way that could end {:?}",
            self.packet.state()
        );
        assert_eq!(
            self.accepted,
            self.ended + self.joiners.len(),
            "a write is lost"
        );
        if self.packet.data_valid() {
            let zone = self.geometry.index(self.packet.zone().unwrap()).unwrap() as usize;
            assert_eq!(self.buffer, self.medium[zone], "takes stale data for valid");
        }
        assert_eq!(
            self.packet.coverage().count() as usize,
            self.covered.iter().filter(|&&covered| covered).count()
        );
    }

    /// Lets everything that is under way end; whatever happened, that takes few steps.
    fn drain(&mut self) {
        for _ in 0..4 * FRAMES {
            match self.packet.state() {
                State::Idle => return,
                State::Waiting => self.step(&Step::Deadline),
                State::Reading | State::Writing => self.step(&Step::Complete { fail: false }),
                State::Done | State::Failed => self.step(&Step::Release),
            }
        }
        panic!("never ends");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn writers_are_told_the_truth(steps in prop::collection::vec(any_step(), 0..80)) {
        let mut world = World::new();

        for step in &steps {
            world.step(step);
        }
        world.drain();
        prop_assert!(world.joiners.is_empty());
        prop_assert_eq!(world.accepted, world.ended);
    }

    #[test]
    fn a_packet_fails_only_if_a_bad_frame_is_missing(
        writes in prop::collection::vec((0..FRAMES, 1..=FRAMES), 1..5),
        late in prop::collection::vec((0..FRAMES, 1..=FRAMES), 0..3),
        bad in prop::collection::vec(0..FRAMES, 0..4),
    ) {
        let mut world = World::new();

        for &frame in &bad {
            world.bad[0][frame] = true;
        }
        world.step(&Step::Start { zone: 0, discarded: false });
        for &(first, count) in &writes {
            let count = count.min(FRAMES - first);
            world.step(&Step::Join { first, count, urgent: false });
        }
        world.step(&Step::Deadline);
        // One read is enough unless a frame is bad; at worst it is each frame by itself.
        let most = if bad.is_empty() { 1 } else { FRAMES + 1 };
        let mut reads = 0;
        let mut late = late.into_iter();
        while world.packet.state() == State::Reading {
            if let Some((first, count)) = late.next() {
                let count = count.min(FRAMES - first);
                world.step(&Step::Join { first, count, urgent: false });
            }
            world.step(&Step::Complete { fail: false });
            reads += 1;
            prop_assert!(reads <= most);
        }
        let missing_bad = bad.iter().any(|&frame| !world.covered[frame]);
        prop_assert_eq!(world.packet.state() == State::Failed, missing_bad);
        world.drain();
    }

    #[test]
    fn the_first_read_is_the_hull(writes in prop::collection::vec((0..FRAMES, 1..=FRAMES), 1..5)) {
        let mut world = World::new();
        let mut coverage = Coverage::new(FRAMES as u32);

        world.step(&Step::Start { zone: 0, discarded: false });
        for &(first, count) in &writes {
            let count = count.min(FRAMES - first);
            if world.packet.is_open() {
                coverage.cover(FrameRange::new(first as u32, count as u32).unwrap());
            }
            world.step(&Step::Join { first, count, urgent: false });
        }
        world.step(&Step::Deadline);
        match world.pending {
            Pending::Read(frames) => prop_assert_eq!(Some(frames), coverage.hull()),
            _ => prop_assert!(coverage.is_complete()),
        }
        world.drain();
    }
}
