// SPDX-License-Identifier: GPL-2.0

//! A whole disk: requests of many sizes at once, lower files that do a part of what they are asked for
//! or fail, flushes, and power cuts at any point.
//!
//! The disk here does what the driver does, with the same decisions. What it returns is compared with
//! a model that knows only which requests were made and how they ended: each sector with the contents
//! that it may have.

use super::words::Bits;
use proptest::prelude::*;
use rblk_host_tests::ubd::logic::{
    bitmap::{is_set, load_bytes, run, set},
    flush::{blocks_for, mark, Flush, Step, BLOCK, BLOCK_SECTORS},
    format::{create, Header, HEADER},
    layout::Layout,
    order::{Access, Entered, Order, Slot},
    transfer::{Failure, Next, Transfer},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Requests at once.
const DEPTH: usize = 6;

/// Blocks of the bitmap that a flush takes at once; disks have up to one more.
const STAGED: usize = 2;

type Sector = [u8; 512];

/// A sector with the contents of a number; 0 for zeros.
fn sector(number: u32) -> Sector {
    let mut bytes = [0; 512];
    for chunk in bytes.chunks_mut(4) {
        chunk.copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

/// What a disk has: what came to the medium, and what is in its cache.
#[derive(Default)]
struct Media {
    durable: HashMap<u64, Sector>,
    cached: Vec<(u64, Sector)>,
}

impl Media {
    fn read(&self, at: u64) -> Sector {
        let cached = self.cached.iter().rev().find(|(sector, _)| *sector == at);
        let found = cached.map(|(_, bytes)| bytes).or(self.durable.get(&at));
        found.copied().unwrap_or([0; 512])
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        assert_eq!((offset % 512, bytes.len() % 512), (0, 0));
        for (at, chunk) in (offset / 512..).zip(bytes.chunks(512)) {
            self.cached.push((at, chunk.try_into().unwrap()));
        }
    }

    fn sync(&mut self) {
        self.durable.extend(self.cached.drain(..));
    }

    /// The power goes: of the cache, what luck wants comes to the medium.
    fn cut(&mut self, mut luck: u64) {
        for (at, bytes) in self.cached.drain(..) {
            luck = luck
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            if luck >> 63 == 1 {
                self.durable.insert(at, bytes);
            }
        }
    }
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Read,
    /// Of sectors that have this number.
    Write(u32),
    /// Discards, or fills with zeros.
    Zero,
}

#[derive(Clone, Debug)]
struct Request {
    id: u64,
    kind: Kind,
    first: u64,
    count: u64,
    /// How far a read has come, and what it has read.
    at: u64,
    read: Vec<u8>,
    transfer: Option<Transfer>,
    runs: bool,
}

/// A write that has begun: its number, and when it ended, if it did not fail.
#[derive(Clone, Copy, Debug)]
struct Version {
    number: u32,
    /// Which request it is.
    id: u64,
    done: Option<u64>,
}

/// Everything that is known of a sector: what it had after the last power cut, and what came since.
#[derive(Clone, Debug, Default)]
struct History {
    base: u32,
    versions: Vec<Version>,
}

impl History {
    /// What it may have, of what ended until `time`; and if `later` is set, of what came behind that.
    fn allowed(&self, time: u64, later: bool) -> BTreeSet<u32> {
        let is_done = |version: &Version| version.done.is_some_and(|done| done <= time);
        let last = self.versions.iter().rposition(is_done);
        let (known, rest) = match last {
            Some(at) => (self.versions[at].number, &self.versions[at + 1..]),
            None => (self.base, &self.versions[..]),
        };
        let rest = rest
            .iter()
            .filter(|version| later || version.done.is_none());
        rest.map(|version| version.number).chain([known]).collect()
    }
}

struct World {
    cow: Media,
    /// Bytes of the backing file.
    size: u64,
    layout: Layout,
    bits: Bits,
    dirty: Bits,
    order: Order<Vec<Slot>>,
    flush: Flush<Vec<u64>, Failure>,
    staging: Vec<u8>,
    /// Which of the parts of a write of the bitmap are done.
    written: usize,
    flush_began: u64,
    /// How far a sector is known to be durable.
    durable: u64,
    requests: BTreeMap<u16, Request>,
    history: BTreeMap<u64, History>,
    now: u64,
    next_number: u32,
    next_id: u64,
}

impl World {
    fn new(size: u64) -> Self {
        let mut header = [0; HEADER];
        create(b"/backing", size, 7, &mut header).unwrap();
        let mut cow = Media::default();
        for (at, chunk) in (0..).zip(header.chunks(512)) {
            let mut bytes = [0; 512];
            bytes[..chunk.len()].copy_from_slice(chunk);
            cow.durable.insert(at, bytes);
        }
        Self::attach(cow, size)
    }

    /// As the driver does when a disk is added.
    fn attach(cow: Media, size: u64) -> Self {
        let image: Vec<u8> = (0..9).flat_map(|at| cow.read(at)).collect();
        let header = Header::parse(&image).unwrap();
        assert_eq!(header.check_backing(size, 7, false), Ok(()));
        let layout = header.layout().unwrap();
        let bits = Bits::new(layout.sectors());
        for at in 0..layout.bitmap_bytes().div_ceil(512) {
            let bytes = cow.read(layout.bitmap_offset() / 512 + at);
            load_bytes(&bits, at * 512, &bytes, layout.sectors());
        }
        Self {
            cow,
            size,
            layout,
            dirty: Bits::new(blocks_for(layout.sectors())),
            bits,
            order: Order::new(vec![Slot::FREE; DEPTH]),
            flush: Flush::new(vec![0; STAGED], &layout, 512).unwrap(),
            staging: vec![0; STAGED * BLOCK],
            written: 0,
            flush_began: 0,
            durable: 0,
            requests: BTreeMap::new(),
            history: BTreeMap::new(),
            now: 1,
            next_number: 1,
            next_id: 0,
        }
    }

    /// What the backing file has: numbers that no request writes, and zeros behind its end.
    fn backing(&self, at: u64) -> Sector {
        let mut bytes = sector(Self::backing_number(at));
        let end = self.size.saturating_sub(at * 512).min(512) as usize;
        bytes[end..].fill(0);
        bytes
    }

    fn backing_number(at: u64) -> u32 {
        1 << 31 | at as u32
    }

    fn history(&mut self, at: u64) -> &mut History {
        let base = Self::backing_number(at);
        self.history.entry(at).or_insert_with(|| History {
            base,
            versions: Vec::new(),
        })
    }

    /// The bytes of the number that a sector may have.
    fn bytes_of(&self, at: u64, number: u32) -> Sector {
        match number == Self::backing_number(at) {
            true => self.backing(at),
            false => sector(number),
        }
    }

    /// A request comes.
    fn submit(&mut self, kind: Kind, first: u64, count: u64) {
        let first = first % self.layout.sectors();
        let count = count.clamp(1, self.layout.sectors() - first);
        let Some(tag) = (0..DEPTH as u16).find(|tag| !self.requests.contains_key(tag)) else {
            return;
        };
        self.next_id += 1;
        let id = self.next_id;
        let kind = match kind {
            Kind::Write(_) => {
                self.next_number += 1;
                Kind::Write(self.next_number)
            }
            other => other,
        };
        let access = match kind {
            Kind::Read => Access::Read,
            Kind::Write(_) | Kind::Zero => Access::Change,
        };
        let entered = self.order.enter(tag, first, count, access);
        self.requests.insert(
            tag,
            Request {
                id,
                kind,
                first,
                count,
                at: first,
                read: Vec::new(),
                transfer: None,
                runs: entered == Entered::Start,
            },
        );
        let number = match kind {
            Kind::Read => return,
            Kind::Write(number) => number,
            Kind::Zero => 0,
        };
        for at in first..first + count {
            let version = Version {
                number,
                id,
                done: None,
            };
            self.history(at).versions.push(version);
        }
    }

    /// A request that runs gets on: its lower file does so many sectors of what it is asked for, or fails.
    fn advance(&mut self, which: usize, luck: u64, failure: Option<Failure>) {
        let running = self.requests.iter().filter(|(_, request)| request.runs);
        let tags: Vec<u16> = running.map(|(tag, _)| *tag).collect();
        if tags.is_empty() {
            return;
        }
        let tag = tags[which % tags.len()];
        let mut request = self.requests.remove(&tag).unwrap();
        let ended = match request.kind {
            Kind::Read => self.read_part(&mut request, luck, failure),
            Kind::Write(number) => self.write_part(&mut request, number, luck, failure),
            Kind::Zero => self.write_part(&mut request, 0, luck, failure),
        };
        match ended {
            None => drop(self.requests.insert(tag, request)),
            Some(result) => self.end(tag, &request, result),
        }
    }

    fn write_part(
        &mut self,
        request: &mut Request,
        number: u32,
        luck: u64,
        failure: Option<Failure>,
    ) -> Option<Result<(), Failure>> {
        let offset = self.layout.cow_offset(request.first).unwrap();
        let whole = Transfer::write(offset, request.count * 512);
        let transfer = request.transfer.get_or_insert(whole);
        let result = match failure {
            Some(failure) => Err(failure),
            None => {
                let sectors = 1 + luck % (transfer.rest() / 512);
                let bytes = sector(number).repeat(sectors as usize);
                self.cow.write(transfer.offset(), &bytes);
                Ok(sectors * 512)
            }
        };
        match transfer.got(result) {
            Next::Again | Next::Later => None,
            Next::Complete(zeros) => {
                assert_eq!(zeros, 0);
                Some(Ok(()))
            }
            Next::Fail(failure) => Some(Err(failure)),
        }
    }

    fn read_part(
        &mut self,
        request: &mut Request,
        luck: u64,
        failure: Option<Failure>,
    ) -> Option<Result<(), Failure>> {
        let end = request.first + request.count;
        let found = run(&self.bits, request.at, end - request.at);
        let part = self.layout.part(request.at, found.sectors).unwrap();
        let transfer = request.transfer.get_or_insert_with(|| match found.in_cow {
            true => Transfer::read_cow(self.layout.cow_offset(request.at).unwrap(), part),
            false => Transfer::read_backing(part),
        });
        let result = match failure {
            Some(failure) => Err(failure),
            None => {
                // A sector, or the part of it that is there.
                let bytes = transfer.rest().min(512 * (1 + luck % 3));
                for at in (transfer.offset()..transfer.offset() + bytes).step_by(512) {
                    let sector = match found.in_cow {
                        true => self.cow.read(at / 512),
                        false => self.backing(at / 512),
                    };
                    let length = (transfer.offset() + bytes - at).min(512) as usize;
                    request.read.extend(&sector[..length]);
                }
                Ok(bytes)
            }
        };
        match transfer.got(result) {
            Next::Again | Next::Later => None,
            Next::Fail(failure) => Some(Err(failure)),
            Next::Complete(zeros) => {
                request.read.extend(vec![0; zeros as usize]);
                request.at += found.sectors;
                request.transfer = None;
                (request.at == end).then_some(Ok(()))
            }
        }
    }

    /// In the order that the driver keeps.
    fn end(&mut self, tag: u16, request: &Request, result: Result<(), Failure>) {
        let sectors = request.first..request.first + request.count;
        match (request.kind, result) {
            (Kind::Read, Ok(())) => self.check_read(request),
            (Kind::Read, Err(_)) => {}
            (_, Ok(())) => {
                if set(&self.bits, request.first, request.count) {
                    mark(&self.dirty, request.first, request.count);
                }
                for at in sectors {
                    let now = self.now;
                    let mut versions = self.history(at).versions.iter_mut();
                    let version = versions.find(|version| version.id == request.id);
                    version.unwrap().done = Some(now);
                }
            }
            // It may be there or not.
            (_, Err(_)) => {}
        }
        let requests = &mut self.requests;
        self.order.leave(tag, |tag| {
            requests.get_mut(&tag).unwrap().runs = true;
        });
    }

    fn check_read(&mut self, request: &Request) {
        let now = self.now;
        assert_eq!(request.read.len() as u64, request.count * 512);
        for (at, bytes) in (request.first..).zip(request.read.chunks(512)) {
            // What has not begun yet came later: it waits for this one.
            let waits = |version: &Version| {
                let mut requests = self.requests.values();
                requests.any(|request| request.id == version.id && !request.runs)
            };
            let mut history = self.history.get(&at).cloned().unwrap_or(History {
                base: Self::backing_number(at),
                versions: Vec::new(),
            });
            history.versions.retain(|version| !waits(version));
            let allowed = history.allowed(now, false);
            let known = allowed
                .iter()
                .any(|number| bytes == self.bytes_of(at, *number));
            assert!(known, "sector {at}: {allowed:x?}");
        }
    }

    /// The flush job gets on by one step, or by a part of it.
    fn flush(&mut self, fails: bool) {
        let result = if fails { Err(Failure::Io) } else { Ok(()) };
        match self.flush.step() {
            Step::Idle => {
                self.flush.begin();
                self.flush_began = self.now;
            }
            Step::Capture => {
                let staging = &mut self.staging;
                self.flush.capture(&self.dirty, &self.bits, staging);
                self.written = 0;
            }
            Step::Sync => {
                if !fails {
                    self.cow.sync();
                    self.check_bits();
                }
                self.flush.done(&self.dirty, result);
            }
            Step::Write => {
                let next = self.flush.writes().nth(self.written);
                match next.filter(|_| !fails) {
                    Some(write) => {
                        self.cow.write(write.offset, &self.staging[write.range()]);
                        self.written += 1;
                    }
                    None => self.flush.done(&self.dirty, result),
                }
            }
            Step::Tell(result) => {
                if result.is_ok() {
                    self.durable = self.flush_began;
                }
                self.flush.end();
            }
        }
    }

    /// A bit on the medium stands for data that was written as a whole, at some time.
    fn check_bits(&self) {
        for (at, history) in &self.history {
            let byte = self.layout.bitmap_offset() + at / 8;
            let bytes = self.cow.durable.get(&(byte / 512)).copied();
            let bits = bytes.unwrap_or([0; 512])[(byte % 512) as usize];
            let was_written = history
                .versions
                .iter()
                .any(|version| version.done.is_some());
            let before = history.base != Self::backing_number(*at);
            assert!(
                bits >> (at % 8) & 1 == 0 || was_written || before,
                "sector {at}"
            );
        }
    }

    /// The power goes, and the disk is added again.
    fn cut(self, luck: u64) -> Self {
        let (mut cow, size) = (self.cow, self.size);
        cow.cut(luck);
        let mut next = Self::attach(cow, size);
        next.next_number = self.next_number;
        for (at, history) in self.history {
            let offset = next.layout.cow_offset(at).unwrap();
            let bytes = match is_set(&next.bits, at) {
                true => next.cow.read(offset / 512),
                false => next.backing(at),
            };
            let allowed = history.allowed(self.durable, true);
            let mut numbers = allowed.iter();
            let base = numbers.find(|number| bytes == next.bytes_of(at, **number));
            let base = *base.unwrap_or_else(|| panic!("sector {at}: {allowed:x?}"));
            // What the bits and the backing file agree on is that.
            next.history(at).base = base;
        }
        next
    }

    /// Everything that was begun ends.
    fn settle(&mut self) {
        while !self.requests.is_empty() {
            self.now += 1;
            self.advance(0, u64::MAX - 1, None);
        }
        while self.flush.step() != Step::Idle {
            self.now += 1;
            self.flush(false);
        }
    }

    fn flush_all(&mut self) {
        self.flush(false);
        self.settle();
    }
}

#[derive(Clone, Debug)]
enum Event {
    Submit(Kind, u64, u64),
    Advance(usize, u64),
    Fail(usize, Failure),
    Flush,
    FlushFails,
    Cut(u64),
}

fn any_event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        4 => Just(Kind::Read),
        4 => Just(Kind::Write(0)),
        1 => Just(Kind::Zero),
    ];
    // Where blocks of the bitmap meet, at the ends, and a place with many sectors.
    let place = prop_oneof![
        4 => 0..40_u64,
        1 => BLOCK_SECTORS - 9..BLOCK_SECTORS + 9,
        1 => 2 * BLOCK_SECTORS - 9..2 * BLOCK_SECTORS + 9,
        1 => Just(3 * BLOCK_SECTORS - 9),
    ];
    let failure = prop_oneof![
        Just(Failure::Passing),
        Just(Failure::NoSpace),
        Just(Failure::Io)
    ];
    prop_oneof![
        8 => (kind, place, 1..20_u64).prop_map(|(kind, first, count)| {
            Event::Submit(kind, first, count)
        }),
        12 => any::<(usize, u64)>().prop_map(|(which, luck)| Event::Advance(which, luck)),
        2 => (any::<usize>(), failure).prop_map(|(which, failure)| Event::Fail(which, failure)),
        6 => Just(Event::Flush),
        1 => Just(Event::FlushFails),
        1 => any::<u64>().prop_map(Event::Cut),
    ]
}

fn any_size() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => 1..64 * 512_u64,
        2 => Just(512 * (3 * BLOCK_SECTORS - 1) + 17),
        1 => (1..3 * BLOCK_SECTORS).prop_map(|sectors| sectors * 512),
    ]
}

fn go(mut world: World, events: Vec<Event>) -> World {
    for event in events {
        world.now += 1;
        match event {
            Event::Submit(kind, first, count) => world.submit(kind, first, count),
            Event::Advance(which, luck) => world.advance(which, luck, None),
            Event::Fail(which, failure) => world.advance(which, 0, Some(failure)),
            Event::Flush => world.flush(false),
            Event::FlushFails => world.flush(true),
            Event::Cut(luck) => world = world.cut(luck),
        }
    }
    world
}

proptest! {
    /// What is read is what was written last, and what was flushed is there after a power cut; of the
    /// rest, each sector is as it was at some time since.
    #[test]
    fn model(size in any_size(), events in prop::collection::vec(any_event(), 1..120)) {
        let mut world = go(World::new(size), events);
        world.settle();
        world.flush_all();
        world.cut(0);
    }

    /// Whatever the events before, the power may go after any step of a write and a flush of it.
    #[test]
    fn u7_power_cuts_at_each_step(
        before in prop::collection::vec(any_event(), 0..40),
        first in 0..30_u64,
        luck in any::<u64>(),
    ) {
        for steps in 0..12 {
            let mut world = go(World::new(512 * (2 * BLOCK_SECTORS)), before.clone());
            world.settle();
            world.submit(Kind::Write(0), first, 8);
            for step in 0..steps {
                world.now += 1;
                match step {
                    0..4 => world.advance(0, luck % 2, None),
                    _ => world.flush(false),
                }
            }
            world.cut(luck);
        }
    }
}

/// Reads from `first` on, and returns the numbers of the sectors.
fn read(world: &mut World, first: u64, count: u64) -> Vec<u32> {
    let end = first + count;
    let mut at = first;
    let mut numbers = Vec::new();
    while at < end {
        let found = run(&world.bits, at, end - at);
        for sector in at..at + found.sectors {
            let bytes = match found.in_cow {
                true => world
                    .cow
                    .read(world.layout.cow_offset(sector).unwrap() / 512),
                false => world.backing(sector),
            };
            numbers.push(u32::from_le_bytes(bytes[..4].try_into().unwrap()));
        }
        at += found.sectors;
    }
    numbers
}

/// Sectors 3 and 10 written, then 64 read at once: there, most of them are wrong.
#[test]
fn u2_reads_of_both() {
    let mut world = World::new(64 * 512);
    for at in [3, 10] {
        world.submit(Kind::Write(0), at, 1);
        world.settle();
    }
    let numbers = read(&mut world, 0, 64);
    let expected: Vec<u32> = (0..64)
        .map(|at| match at {
            3 => 2,
            10 => 3,
            at => World::backing_number(at),
        })
        .collect();
    assert_eq!(numbers, expected);
    world.submit(Kind::Read, 0, 64);
    world.settle();
}

/// A write fails: there, zeros are read afterwards.
#[test]
fn u4_a_write_that_fails_changes_nothing() {
    let mut world = World::new(64 * 512);
    world.submit(Kind::Write(0), 8, 8);
    world.advance(0, 0, Some(Failure::NoSpace));
    assert!(world.requests.is_empty());
    for at in 8..16 {
        assert!(!is_set(&world.bits, at));
    }
    assert_eq!(read(&mut world, 8, 1), [World::backing_number(8)]);
    assert!(!world.dirty.get(0));
}

/// A write fails, and succeeds when it is made again: there, it is gone after the next start.
#[test]
fn u5_a_write_that_is_made_again_stays() {
    let mut world = World::new(64 * 512);
    world.submit(Kind::Write(0), 8, 8);
    world.advance(0, 0, Some(Failure::NoSpace));
    world.submit(Kind::Write(0), 8, 8);
    world.settle();
    world.flush_all();
    let mut world = world.cut(0);
    assert_eq!(read(&mut world, 8, 8), [3; 8]);
}
