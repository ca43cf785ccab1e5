// SPDX-License-Identifier: GPL-2.0

//! A packet at work on a small medium: data moves as the driver moves it, reads and writes fail,
//! and what ends up where is compared with what the writers were told.
//!
//! Writes come in any order with everything else, and overlap. Whatever happens, the one that was
//! submitted later wins.

use crate::tree::Sorted;
use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::{
    buffer::{Buffer, Io},
    contents::{self, Pages, Part, Transfer},
    coverage::Coverage,
    frames::{FrameRange, FRAME_SECTORS, SECTOR_SIZE},
    pieces::{Claim, Pieces},
    queue::Queue,
    state::{Action, State, WRITE_RETRIES},
    zone::{Geometry, Zone},
};

const FRAMES: usize = 12;
const SECTORS: usize = FRAMES * FRAME_SECTORS as usize;
const ZONES: usize = 2;

/// What a sector holds: which write it is of, and where it belongs; see [`data_of`].
type Data = u32;
/// In the buffer: nothing that may ever reach the medium.
const POISON: Data = Data::MAX;
const ZERO: Data = 0;
/// Errors are numbered, so that each is known when it comes out.
type Error = u32;
/// Writes are numbered in the order of their submission.
type Stamp = u32;

fn data_of(stamp: Stamp, sector: usize) -> Data {
    stamp << 8 | sector as u32
}

fn stamp_of(data: Data) -> Stamp {
    data >> 8
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A write comes. It may be too long for the packet, which the block layer does not let happen.
    Submit {
        zone: usize,
        first: usize,
        count: usize,
        /// Where it is cut into parts, one bit for each sector.
        cuts: u64,
    },
    /// The next zone of the elevator is begun.
    Begin,
    /// This zone is begun.
    Start(usize),
    /// Writes that are there join.
    Join,
    /// The packet may go on.
    Turn,
    /// The read or write that is under way ends.
    Complete {
        fail: bool,
    },
    Release,
    /// A read comes.
    Read {
        zone: usize,
        first: usize,
        count: usize,
        cuts: u64,
    },
    /// All of a packet is discarded.
    Discard(usize),
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
        8 => (zone.clone(), frame.clone(), 1..=FRAMES, any::<u64>())
            .prop_map(|(zone, first, count, cuts)| Step::Submit { zone, first, count, cuts }),
        4 => Just(Step::Begin),
        1 => zone.clone().prop_map(Step::Start),
        6 => Just(Step::Join),
        3 => Just(Step::Turn),
        6 => prop::bool::weighted(0.2).prop_map(|fail| Step::Complete { fail }),
        4 => Just(Step::Release),
        2 => (zone.clone(), frame.clone(), 1..=FRAMES, any::<u64>())
            .prop_map(|(zone, first, count, cuts)| Step::Read { zone, first, count, cuts }),
        1 => zone.clone().prop_map(Step::Discard),
        2 => (zone.clone(), frame, any::<bool>())
            .prop_map(|(zone, frame, bad)| Step::Decay { zone, frame, bad }),
        1 => zone.prop_map(|zone| Step::Change { zone }),
        1 => (0..3usize).prop_map(Step::Stray),
    ]
}

/// Data of successive sectors; of a read, as many that are to be filled.
#[derive(Debug)]
struct Chunk(Vec<Data>);

impl Part for Chunk {
    fn bytes(&self) -> usize {
        self.0.len() * SECTOR_SIZE as usize
    }
}

#[derive(Debug)]
struct Request {
    stamp: Stamp,
    zone: usize,
    first: usize,
    count: usize,
    parts: Vec<Chunk>,
}

impl Request {
    fn new(stamp: Stamp, zone: usize, first: usize, count: usize, cuts: u64) -> Self {
        let mut parts = vec![Chunk(vec![])];

        for sector in sectors_of(first, count) {
            parts.last_mut().unwrap().0.push(data_of(stamp, sector));
            if cuts >> (sector % 64) & 1 != 0 {
                parts.push(Chunk(vec![]));
            }
        }
        Self {
            stamp,
            zone,
            first,
            count,
            parts,
        }
    }

    fn fits(&self) -> bool {
        self.first + self.count <= FRAMES
    }
}

impl Transfer for Request {
    type Part = Chunk;

    fn sector(&self) -> u64 {
        (self.zone * SECTORS) as u64 + sectors_of(self.first, self.count).start as u64
    }

    fn sectors(&self) -> u32 {
        sectors_of(self.first, self.count).len() as u32
    }

    fn is_urgent(&self) -> bool {
        false
    }

    fn parts(&self) -> impl Iterator<Item = &Chunk> {
        self.parts.iter()
    }
}

/// The buffer.
struct Memory([Data; SECTORS]);

impl Memory {
    fn at(offset: usize) -> usize {
        assert_eq!(offset % SECTOR_SIZE as usize, 0);
        offset / SECTOR_SIZE as usize
    }
}

impl Pages<Chunk> for Memory {
    type Error = &'static str;

    const MISPLACED: Self::Error = "a write of another packet";

    fn zero(&mut self) {
        self.0 = [ZERO; SECTORS];
    }

    fn put(&mut self, offset: usize, part: &Chunk) -> Result<(), Self::Error> {
        let at = Self::at(offset);
        let room = self.0.get_mut(at..at + part.0.len());

        room.ok_or("beyond the end")?.copy_from_slice(&part.0);
        Ok(())
    }
}

enum Pending {
    None,
    Read(FrameRange),
    Write,
    Finish(Result<(), Error>),
}

/// What was submitted, as the judge knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Note {
    stamp: Stamp,
    first: usize,
    count: usize,
}

struct World {
    geometry: Geometry,
    medium: [[Data; SECTORS]; ZONES],
    bad: [[bool; FRAMES]; ZONES],
    void: [bool; ZONES],
    queue: Queue<(), Sorted<Request>>,
    buffer: Buffer<Error>,
    memory: Memory,
    pieces: Pieces<Sorted<Request>>,
    /// Where the elevator is.
    at: u64,
    zone: usize,
    /// The writes that wait in the queue, and those that have joined.
    queued: [Vec<Note>; ZONES],
    joined: Vec<Note>,
    /// What the sectors must hold but for the writes that have joined.
    base: [Data; SECTORS],
    pending: Pending,
    failed_writes: u32,
    last_error: Option<Error>,
    serial: u32,
    /// The last write of each sector that has ended without an error.
    told: [[Stamp; SECTORS]; ZONES],
}

fn frames_of(range: FrameRange) -> core::ops::Range<usize> {
    range.first() as usize..range.end() as usize
}

/// The sectors that some frames are.
fn sectors_of(first: usize, count: usize) -> core::ops::Range<usize> {
    let sectors = FRAME_SECTORS as usize;
    first * sectors..(first + count) * sectors
}

impl World {
    fn new() -> Self {
        Self {
            geometry: Geometry::new(SECTORS as u32, 0, 1 << 20).unwrap(),
            medium: [[1; SECTORS]; ZONES],
            bad: [[false; FRAMES]; ZONES],
            void: [false; ZONES],
            queue: Queue::new(),
            buffer: Buffer::new(FRAMES as u32),
            memory: Memory([POISON; SECTORS]),
            pieces: Pieces::new(),
            at: 0,
            zone: 0,
            queued: [const { vec![] }; ZONES],
            joined: vec![],
            base: [POISON; SECTORS],
            pending: Pending::None,
            failed_writes: 0,
            last_error: None,
            serial: 1,
            told: [[0; SECTORS]; ZONES],
        }
    }

    fn stamp(&mut self) -> u32 {
        self.serial += 1;
        self.serial
    }

    fn zone(&self, index: usize) -> Zone {
        self.geometry.zone_at(index as u64).unwrap()
    }

    fn covered(&self, frame: usize) -> bool {
        let mut joined = self.joined.iter();
        joined.any(|note| (note.first..note.first + note.count).contains(&frame))
    }

    /// What the sectors must hold once the packet was written: the writes over what was there, in
    /// the order of their submission.
    fn wanted(&self) -> [Data; SECTORS] {
        let mut wanted = self.base;
        let mut joined = self.joined.clone();

        joined.sort_unstable();
        for note in joined {
            for sector in sectors_of(note.first, note.count) {
                wanted[sector] = data_of(note.stamp, sector);
            }
        }
        wanted
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Submit {
                zone,
                first,
                count,
                cuts,
            } => {
                let stamp = self.stamp();
                let rq = Request::new(stamp, zone, first, count, cuts);
                self.submit(rq);
            }
            Step::Begin => self.begin(),
            Step::Start(zone) => self.start(zone),
            Step::Join => self.join(),
            Step::Turn => {
                let action = self.buffer.proceed();
                self.act(action);
            }
            Step::Complete { fail } => self.complete(fail),
            Step::Release => self.release(),
            Step::Read {
                zone,
                first,
                count,
                cuts,
            } => self.read(&Request::new(0, zone, first, count, cuts)),
            Step::Discard(zone) => self.discard(zone),
            Step::Decay { zone, frame, bad } => self.bad[zone][frame] = bad,
            Step::Change { zone } => self.change(zone),
            Step::Stray(which) => self.stray(which),
        }
        self.check();
    }

    fn submit(&mut self, rq: Request) {
        if rq.fits() {
            self.queued[rq.zone].push(Note {
                stamp: rq.stamp,
                first: rq.first,
                count: rq.count,
            });
        }
        let zone = self.zone(rq.zone).sector();
        self.queue.push_write(zone, rq, Claim::new(0, 1, true), 0);
    }

    fn begin(&mut self) {
        if !self.buffer.is_idle() {
            return;
        }
        let buffer = &self.buffer;
        let zone = self.queue.next_zone(self.at, |at| buffer.is_busy_with(at));
        let Some(zone) = zone.and_then(|at| self.geometry.zone_of(at)) else {
            return;
        };
        let index = self.geometry.index(zone).unwrap() as usize;
        self.at = zone.sector() + SECTORS as u64;
        self.start(index);
        self.join();
    }

    fn start(&mut self, index: usize) {
        let zone = self.zone(index);
        let idle = self.buffer.state() == State::Idle;
        let void = idle && core::mem::take(&mut self.void[index]);
        let kept = !void && self.buffer.serves(zone.sector());
        let used = self.stamp().into();
        let action = self.buffer.start(zone, void, used);

        assert_eq!(
            action,
            if idle {
                Action::AwaitTurn
            } else {
                Action::Refuse
            }
        );
        if idle {
            self.zone = index;
            self.failed_writes = 0;
            self.base = if void {
                [ZERO; SECTORS]
            } else {
                self.medium[index]
            };
            if !kept {
                self.memory = Memory([POISON; SECTORS]);
            }
        }
    }

    fn join(&mut self) {
        let before = self.buffer.state();
        let open = matches!(before, State::Waiting | State::Reading);
        let mut joined = vec![];
        let any = contents::join(
            &self.geometry,
            &mut self.buffer,
            &mut self.pieces,
            |zone| self.queue.pop_write(zone),
            |rq| {
                joined.push(Note {
                    stamp: rq.stamp,
                    first: rq.first,
                    count: rq.count,
                });
            },
        );

        // All that were there have joined, or none.
        let expected = if open {
            core::mem::take(&mut self.queued[self.zone])
        } else {
            vec![]
        };
        assert_eq!(joined, expected);
        assert_eq!(any, !joined.is_empty());
        self.joined.extend(joined);

        assert_eq!(self.buffer.state(), before, "does not wait for its turn");
    }

    fn act(&mut self, action: Action<Error>) {
        match action {
            Action::Nothing => return,
            Action::Refuse => panic!("refused what was due"),
            Action::AwaitTurn => panic!("waits twice"),
            _ => assert!(
                matches!(self.pending, Pending::None),
                "two things at a time"
            ),
        }
        self.pending = match action {
            Action::Gather(frames) => {
                assert!(
                    frames_of(frames).any(|frame| !self.covered(frame)),
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
        let void = self.buffer.take_void();
        let writes = self.pieces.iter();

        assert!(!self.joined.is_empty(), "writes what nobody asked for");
        contents::assemble(&self.geometry, writes, void, &mut self.memory).unwrap();
        assert!(
            !self.memory.0.contains(&POISON),
            "would write a sector that it does not have"
        );
        assert_eq!(
            self.memory.0,
            self.wanted(),
            "would write what nobody wants"
        );
    }

    /// Serves a read from the buffer, if it can be.
    fn read(&mut self, rq: &Request) {
        if !rq.fits() {
            assert!(contents::placed(&self.geometry, rq).is_none());
            return;
        }
        if !self.buffer.serves(self.zone(rq.zone).sector()) {
            return;
        }
        let parts = contents::placed(&self.geometry, rq).unwrap();
        let read: Vec<Data> = parts
            .flat_map(|(offset, part)| &self.memory.0[Memory::at(offset)..][..part.0.len()])
            .copied()
            .collect();
        // What is put together is what all later reads see.
        let whole = if self.buffer.state() == State::Writing {
            self.wanted()
        } else {
            self.medium[rq.zone]
        };
        assert_eq!(read, whole[sectors_of(rq.first, rq.count)]);
    }

    fn discard(&mut self, index: usize) {
        let zone = self.zone(index).sector();

        if self.buffer.is_busy_with(zone) || self.queue.has_write(zone) {
            return;
        }
        self.buffer.discard(zone);
        self.void[index] = true;
        self.told[index] = [0; SECTORS];
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
        let sectors = sectors_of(frames.first() as usize, frames.count() as usize);

        // A read that fails leaves anything behind.
        if failed {
            self.memory.0[sectors].fill(POISON);
        } else {
            self.memory.0[sectors.clone()].copy_from_slice(&self.medium[self.zone][sectors]);
        }
        let result = self.result(failed);
        if result.is_ok() {
            return self.buffer.gathered(frames);
        }
        let action = self.buffer.io_done(Io::Gather(frames), result);
        if let Action::Finish(Err(_)) = action {
            assert!(
                fail || frames_of(frames).any(|f| self.bad[self.zone][f] && !self.covered(f)),
                "gave up although no bad frame is missing"
            );
        }
        self.act(action);
    }

    fn complete_write(&mut self, fail: bool) {
        let half = if fail { SECTORS / 2 } else { SECTORS };

        // Half of one that fails may have got there.
        self.medium[self.zone][..half].copy_from_slice(&self.memory.0[..half]);
        if fail {
            self.failed_writes += 1;
        } else {
            self.bad[self.zone] = [false; FRAMES];
        }
        let result = self.result(fail);
        let action = self.buffer.io_done(Io::Write, result);
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
            Ok(()) if self.joined.is_empty() => {}
            Ok(()) => assert_eq!(
                self.medium[self.zone],
                self.wanted(),
                "told success, lost data"
            ),
            Err(error) => assert_eq!(Some(error), self.last_error, "told another error"),
        }
        let mut ended: Vec<Stamp> = core::iter::from_fn(|| self.pieces.pop())
            .map(|rq| rq.stamp)
            .collect();
        ended.sort_unstable();
        let mut joined: Vec<Stamp> = self.joined.iter().map(|note| note.stamp).collect();
        joined.sort_unstable();
        assert_eq!(ended, joined, "a write is lost");

        for note in self.joined.drain(..).filter(|_| result.is_ok()) {
            for sector in sectors_of(note.first, note.count) {
                let told = &mut self.told[self.zone][sector];
                *told = note.stamp.max(*told);
            }
        }
        assert_eq!(self.buffer.release(), Action::Nothing);
        assert_eq!(self.buffer.state(), State::Idle);
    }

    fn change(&mut self, zone: usize) {
        // While a packet is under way, the order would be anybody's guess.
        if self.buffer.state() == State::Idle {
            let stamp = self.stamp();
            self.medium[zone] = core::array::from_fn(|sector| data_of(stamp, sector));
            self.buffer.invalidate(self.zone(zone).sector());
        }
    }

    fn stray(&mut self, which: usize) {
        let mut after = self.buffer.clone();
        let frames = FrameRange::new(0, 1).unwrap();
        let action = match (which, self.buffer.state()) {
            (0, state) if state != State::Reading => after.io_done(Io::Gather(frames), Ok(())),
            (1, state) if state != State::Writing => after.io_done(Io::Write, Err(0)),
            (2, state) if !matches!(state, State::Done | State::Failed) => after.release(),
            _ => return,
        };

        assert_eq!(action, Action::Refuse);
        assert_eq!(self.buffer, after);
    }

    fn check(&self) {
        let pending = match self.buffer.state() {
            State::Idle | State::Waiting => matches!(self.pending, Pending::None),
            State::Reading => match self.pending {
                Pending::Read(_) => self.buffer.ready_at().is_none(),
                Pending::None => self.buffer.ready_at().is_some(),
                _ => false,
            },
            State::Writing => matches!(self.pending, Pending::Write),
            State::Done => matches!(self.pending, Pending::Finish(Ok(()))),
            State::Failed => matches!(self.pending, Pending::Finish(Err(_))),
        };

        assert!(
            pending,
            "nothing under way that could end {:?}",
            self.buffer.state()
        );
        assert_eq!(self.pieces.len(), self.joined.len(), "a write is lost");
        if self.buffer.is_cached() {
            let zone = self.geometry.index(self.buffer.zone().unwrap()).unwrap() as usize;
            assert_eq!(
                self.memory.0, self.medium[zone],
                "takes stale data for valid"
            );
        }
        let covered = (0..FRAMES).filter(|&frame| self.covered(frame)).count();
        let idle = self.buffer.state() == State::Idle;
        assert!(idle || self.buffer.coverage().count() as usize == covered);
        for (medium, told) in self.medium.iter().zip(&self.told) {
            for (&data, &told) in medium.iter().zip(told) {
                assert!(stamp_of(data) >= told, "an older write has won");
            }
        }
    }

    /// Lets everything that is under way end; whatever happened, that takes few steps.
    fn drain(&mut self) {
        for _ in 0..4 * FRAMES {
            match self.buffer.state() {
                State::Idle => return,
                State::Waiting => self.step(&Step::Turn),
                State::Reading if self.buffer.ready_at().is_some() => self.step(&Step::Turn),
                State::Reading | State::Writing => self.step(&Step::Complete { fail: false }),
                State::Done | State::Failed => self.step(&Step::Release),
            }
        }
        panic!("never ends");
    }

    /// Lets everything end that was submitted.
    fn drain_all(&mut self) {
        self.drain();
        while !self.queue.is_empty() {
            self.step(&Step::Begin);
            self.drain();
        }
        assert!(self.queued.iter().all(Vec::is_empty), "a write is lost");
    }

    /// Submits a write to zone 0 that the end of the packet cuts off, and lets it join.
    fn write(&mut self, first: usize, count: usize) {
        self.step(&Step::Submit {
            zone: 0,
            first,
            count: count.min(FRAMES - first),
            cuts: 0,
        });
        self.step(&Step::Join);
    }
}

#[test]
fn a_write_that_is_not_one_of_the_packet_is_put_nowhere() {
    let world = World::new();
    let mut memory = Memory([POISON; SECTORS]);
    let rq = Request::new(1, 0, FRAMES - 1, 2, 0);
    let result = contents::assemble(&world.geometry, [&rq].into_iter(), false, &mut memory);

    assert_eq!(result, Err(Memory::MISPLACED));
    assert_eq!(memory.0, [POISON; SECTORS]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn writers_are_told_the_truth(steps in prop::collection::vec(any_step(), 0..100)) {
        let mut world = World::new();

        for step in &steps {
            world.step(step);
        }
        world.drain_all();
    }

    #[test]
    fn of_writes_that_overlap_the_later_wins(
        writes in prop::collection::vec(
            (0..ZONES, 0..FRAMES, 1..=FRAMES, any::<u64>()),
            1..20,
        ),
        others in prop::collection::vec(any_step(), 0..40),
    ) {
        let mut world = World::new();
        let mut expected = world.medium;
        let mut others = others.into_iter().filter(|step| matches!(
            step,
            Step::Begin | Step::Join | Step::Turn | Step::Release | Step::Complete { .. }
        ));

        for (zone, first, count, cuts) in writes {
            let count = count.min(FRAMES - first);
            world.step(&Step::Submit { zone, first, count, cuts });
            for sector in sectors_of(first, count) {
                expected[zone][sector] = data_of(world.serial, sector);
            }
            if let Some(step) = others.next() {
                // Nothing fails: that would leave things open.
                world.step(match &step {
                    Step::Complete { .. } => &Step::Complete { fail: false },
                    step => step,
                });
            }
        }
        world.drain_all();
        prop_assert_eq!(world.medium, expected);
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
        world.step(&Step::Start(0));
        for &(first, count) in &writes {
            world.write(first, count);
        }
        world.step(&Step::Turn);
        // One read is enough unless a frame is bad; at worst it is each frame by itself.
        let most = if bad.is_empty() { 1 } else { FRAMES + 1 };
        let mut reads = 0;
        let mut late = late.into_iter();
        while world.buffer.state() == State::Reading {
            if let Some((first, count)) = late.next() {
                world.write(first, count);
            }
            world.step(&Step::Complete { fail: false });
            world.step(&Step::Turn);
            reads += 1;
            prop_assert!(reads <= most);
        }
        let missing_bad = bad.iter().any(|&frame| !world.covered(frame));
        prop_assert_eq!(world.buffer.state() == State::Failed, missing_bad);
        world.drain();
    }

    #[test]
    fn the_first_read_is_the_hull(writes in prop::collection::vec((0..FRAMES, 1..=FRAMES), 1..5)) {
        let mut world = World::new();
        let mut coverage = Coverage::new(FRAMES as u32);

        world.step(&Step::Start(0));
        for &(first, count) in &writes {
            let count = count.min(FRAMES - first);
            if world.buffer.is_open() {
                coverage.cover(FrameRange::new(first as u32, count as u32).unwrap());
            }
            world.write(first, count);
        }
        world.step(&Step::Turn);
        match world.pending {
            Pending::Read(frames) => prop_assert_eq!(Some(frames), coverage.hull()),
            _ => prop_assert!(coverage.is_complete()),
        }
        world.drain();
    }
}
