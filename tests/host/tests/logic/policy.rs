// SPDX-License-Identifier: GPL-2.0

//! How many packets are written for a load, with a drive that takes its time, against who knows the
//! future.
//!
//! Queue, buffers and turns are the driver's own, put together here as the driver does it. A drive
//! does one thing at a time. Times are in microseconds.

use crate::tree::Sorted;
use rblk_host_tests::pktcdvd::logic::{
    buffer::{self, Buffer, Io},
    contents::{self, Part, Transfer},
    pieces::{Claim, Pieces},
    queue::Queue,
    schedule::{Direction, Scheduler, Writes},
    state::{Action, State},
    zone::Geometry,
};
use std::collections::{BTreeMap, VecDeque};

const FRAMES: u32 = 32;
const SECTORS: u32 = FRAMES * 4;
/// As the driver has them.
const AHEAD: usize = 8;
const IN_FLIGHT: usize = 2;
const BUFFERS: usize = 8;
const WAIT: u64 = 50_000;
/// What a drive takes for a packet that it reads or writes, and for the way there.
const TRANSFER: u64 = 37_000;
const SEEK: u64 = 15_000;

#[derive(Debug)]
struct Data;

impl Part for Data {
    fn bytes(&self) -> usize {
        0
    }
}

/// A write of one frame.
#[derive(Debug, Clone, Copy)]
struct Write {
    frame: u64,
    urgent: bool,
    came: u64,
}

impl Transfer for Write {
    type Part = Data;

    fn sector(&self) -> u64 {
        self.frame * 4
    }

    fn sectors(&self) -> u32 {
        4
    }

    fn is_urgent(&self) -> bool {
        self.urgent
    }

    fn parts(&self) -> impl Iterator<Item = &Data> {
        std::iter::empty()
    }
}

/// A buffer, and the writes that have joined.
struct Packet {
    buffer: Buffer<()>,
    pieces: Pieces<Sorted<Write>>,
}

impl std::ops::Deref for Packet {
    type Target = Buffer<()>;

    fn deref(&self) -> &Buffer<()> {
        &self.buffer
    }
}

/// Who submits writes.
trait Load {
    /// What comes until `now`. `done` writes have ended that came before.
    fn more(&mut self, now: u64, done: usize) -> Vec<Write>;

    /// When more comes, whatever ends.
    fn next(&self) -> Option<u64>;
}

/// What was done for a load.
#[derive(Debug, Default)]
struct Done {
    writes: BTreeMap<u64, u32>,
    gathers: u32,
    flushes: u32,
    /// The longest that a write has waited which nobody was known to wait for, and which somebody was.
    lazy: u64,
    urgent: u64,
    end: u64,
}

impl Done {
    fn packets(&self) -> u32 {
        self.writes.values().sum()
    }

    fn differ(&self) -> u32 {
        self.writes.len() as u32
    }
}

struct World {
    geometry: Geometry,
    queue: Queue<(), Sorted<Write>>,
    list: Vec<Packet>,
    /// What the drive has been given: the packet and its I/O, in order.
    given: VecDeque<usize>,
    busy_until: u64,
    head: u64,
    at: u64,
    submit_at: u64,
    begun: u64,
    ended: usize,
    now: u64,
    done: Done,
    scheduler: Scheduler,
    /// The drive must flush between writing and reading.
    takes_turns: bool,
    /// It has something to flush.
    dirty: bool,
}

impl World {
    /// With a drive that must flush between writing and reading.
    fn with_turns() -> Self {
        Self {
            takes_turns: true,
            ..Self::new()
        }
    }

    fn new() -> Self {
        let packet = || Packet {
            buffer: Buffer::new(FRAMES),
            pieces: Pieces::new(),
        };
        Self {
            geometry: Geometry::new(SECTORS, 0, 1 << 24).unwrap(),
            queue: Queue::new(),
            list: std::iter::repeat_with(packet).take(BUFFERS).collect(),
            given: VecDeque::new(),
            busy_until: 0,
            head: 0,
            at: 0,
            submit_at: 0,
            begun: 0,
            ended: 0,
            now: 0,
            done: Done::default(),
            scheduler: Scheduler::default(),
            takes_turns: false,
            dirty: false,
        }
    }

    fn push(&mut self, write: Write) {
        let zone = self.geometry.zone_of(write.sector()).unwrap();
        let claim = Claim::new(1, FRAMES, write.urgent);
        self.queue
            .push_write(zone.sector(), write, claim, self.now * 1000);
    }

    fn join(&mut self, index: usize) {
        let packet = &mut self.list[index];
        let queue = &mut self.queue;
        contents::join(
            &self.geometry,
            &mut packet.buffer,
            &mut packet.pieces,
            |zone| queue.pop_write(zone),
            |_| {},
        );
    }

    fn begin(&mut self) -> bool {
        let busy = self.list.iter().filter(|packet| !packet.is_idle()).count();
        if busy >= AHEAD.min(BUFFERS) {
            return false;
        }
        let list = &self.list;
        let is_busy = |zone| list.iter().any(|packet| packet.is_busy_with(zone));
        let Some(at) = self.queue.next_zone(self.at, is_busy) else {
            return false;
        };
        let zone = self.geometry.zone_of(at).unwrap();
        let index = buffer::choose(&self.list, at).unwrap();

        self.begun += 1;
        self.at = at + u64::from(SECTORS);
        let action = self.list[index].buffer.start(zone, false, self.begun);
        assert_eq!(action, Action::AwaitTurn);
        self.join(index);
        true
    }

    fn issue(&mut self) -> bool {
        let next = if self.takes_turns {
            self.next_in_turn()
        } else {
            self.next_ready(|_| true)
        };
        let Some((index, at)) = next else {
            return false;
        };
        let packet = &mut self.list[index].buffer;
        let io = match packet.proceed() {
            Action::Gather(frames) => Io::Gather(frames),
            Action::Write => Io::Write,
            action => panic!("{action:?} of a packet that has its turn"),
        };

        self.submit_at = at + u64::from(SECTORS);
        packet.submitted(io);
        self.give(index);
        true
    }

    fn next_ready(&self, wanted: impl Fn(&Buffer<()>) -> bool) -> Option<(usize, u64)> {
        let has_enough = self.given.len() >= IN_FLIGHT;

        buffer::next_ready(&self.list, self.submit_at, |packet| {
            wanted(packet) && (!has_enough || packet.coverage().is_complete())
        })
    }

    /// What is next if nothing is read while a write is under way, nor written while a read is.
    fn next_in_turn(&mut self) -> Option<(usize, u64)> {
        let gather = self.next_ready(Buffer::is_to_gather);
        let write = self.next_ready(|packet| !packet.is_to_gather());
        let writes = write.map_or(Writes::None, |(_, at)| match at == self.submit_at {
            true => Writes::Streaming,
            false => Writes::Scattered,
        });
        let reads = gather.is_some() && self.scheduler.takes_gathers(writes);
        let direction = self.scheduler.next_of(reads, 0, writes)?;
        let (next, waits) = match direction {
            Direction::Write => (write, self.list.iter().any(|packet| packet.is_gathering())),
            Direction::Read => (gather, self.list.iter().any(|packet| packet.is_writing())),
        };
        if waits {
            return None;
        }
        if direction == Direction::Read && std::mem::take(&mut self.dirty) {
            self.done.flushes += 1;
        }
        self.scheduler.issued(direction);
        next
    }

    /// Gives the drive something; it begins at once if it has nothing else.
    fn give(&mut self, index: usize) {
        self.given.push_back(index);
        if self.given.len() == 1 {
            self.busy_until = self.now + self.takes(index);
        }
    }

    fn takes(&mut self, index: usize) -> u64 {
        let at = self.list[index].zone().unwrap().sector();
        let seek = if at == self.head { 0 } else { SEEK };

        self.head = at + u64::from(SECTORS);
        seek + TRANSFER
    }

    /// The drive has done what it was given first.
    fn land(&mut self) {
        let index = self.given.pop_front().unwrap();
        let packet = &mut self.list[index].buffer;
        let (io, result) = packet.reap(|| Some(Ok(()))).unwrap();
        let zone = packet.zone().unwrap().sector();

        match io {
            Io::Gather(frames) => {
                self.done.gathers += 1;
                packet.gathered(frames);
            }
            Io::Write => {
                *self.done.writes.entry(zone).or_default() += 1;
                self.dirty = true;
                assert_eq!(packet.io_done(io, result), Action::Finish(Ok(())));
                assert_eq!(packet.release(), Action::Nothing);
                self.end(index);
            }
        }
        if let Some(&next) = self.given.front() {
            self.busy_until = self.now + self.takes(next);
        }
    }

    fn end(&mut self, index: usize) {
        while let Some(write) = self.list[index].pieces.pop() {
            let longest = if write.urgent {
                &mut self.done.urgent
            } else {
                &mut self.done.lazy
            };
            *longest = (*longest).max(self.now - write.came);
            self.ended += 1;
        }
    }

    /// Carries out a load to its end.
    fn run(mut self, load: &mut impl Load) -> Done {
        loop {
            for write in load.more(self.now, self.ended) {
                self.push(write);
            }
            self.queue
                .release(self.now * 1000, WAIT * 1000, false, usize::MAX);
            for index in 0..self.list.len() {
                self.join(index);
            }
            while self.begin() || self.issue() {}

            let held = self.queue.held_for(self.now * 1000, WAIT * 1000);
            let timer = held.map(|left| self.now + left.div_ceil(1000));
            let drive = (!self.given.is_empty()).then_some(self.busy_until);
            let Some(then) = [load.next(), timer, drive].into_iter().flatten().min() else {
                break;
            };
            self.now = then.max(self.now);
            if drive.is_some_and(|end| end <= self.now) {
                self.land();
            }
        }
        assert!(self.queue.is_empty(), "a write is never written");
        assert!(self.list.iter().all(|packet| packet.state() == State::Idle));
        self.done.end = self.now;
        self.done
    }
}

/// Numbers that look random, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % end
    }
}

/// Direct writes to places at random, so many at a time.
struct Direct {
    frames: Vec<u64>,
    sent: usize,
    depth: usize,
}

impl Direct {
    fn new(zones: u64, writes: usize, depth: usize) -> Self {
        let mut random = Random(zones);
        Self {
            frames: (0..writes)
                .map(|_| random.below(zones * u64::from(FRAMES)))
                .collect(),
            sent: 0,
            depth,
        }
    }
}

impl Load for Direct {
    fn more(&mut self, now: u64, done: usize) -> Vec<Write> {
        let upto = self.frames.len().min(done + self.depth);
        let sent = std::mem::replace(&mut self.sent, upto);
        let urgent = true;
        self.frames[sent..upto]
            .iter()
            .map(|&frame| Write {
                frame,
                urgent,
                came: now,
            })
            .collect()
    }

    fn next(&self) -> Option<u64> {
        None
    }
}

/// Writes at times that were recorded, or might have been.
struct Trace(VecDeque<Write>);

impl Load for Trace {
    fn more(&mut self, now: u64, _: usize) -> Vec<Write> {
        let n = self.0.iter().take_while(|write| write.came <= now).count();
        self.0.drain(..n).collect()
    }

    fn next(&self) -> Option<u64> {
        self.0.front().map(|write| write.came)
    }
}

/// A file system that writes back what an archive has left: first all data, then inodes between the
/// data, then directories; a frame each `pause`.
fn write_back(zones: u64, pause: u64) -> Trace {
    let frames = zones * u64::from(FRAMES);
    let is_inode = |frame: &u64| frame % 7 == 3;
    let data = (0..frames).filter(|frame| !is_inode(frame));
    let inodes = (0..frames).filter(is_inode);
    let came = (0..).map(|n| n * pause);

    let urgent = false;
    Trace(
        data.chain(inodes)
            .zip(came)
            .map(|(frame, came)| Write {
                frame,
                urgent,
                came,
            })
            .collect(),
    )
}

/// As few packets as somebody needs who knows the future, more or less: whoever has as many writes
/// outstanding, and writes the packet that is the least likely to be needed again soon.
fn foreseen(load: &Direct) -> u32 {
    const SOON: usize = 96;
    let zone = |frame: u64| frame / u64::from(FRAMES);
    let mut waiting = BTreeMap::<u64, usize>::new();
    let (mut sent, mut open, mut packets) = (0, 0, 0);

    loop {
        while open < load.depth && sent < load.frames.len() {
            *waiting.entry(zone(load.frames[sent])).or_default() += 1;
            sent += 1;
            open += 1;
        }
        let soon = &load.frames[sent..load.frames.len().min(sent + SOON)];
        let worth = |at: u64, n: usize| {
            let again = soon.iter().filter(|&&frame| zone(frame) == at).count();
            n as isize - again as isize
        };
        let best = waiting.iter().max_by_key(|(&at, &n)| worth(at, n));
        let Some((&at, &n)) = best else {
            return packets;
        };
        waiting.remove(&at);
        open -= n;
        packets += 1;
    }
}

/// The most that can be done without knowing it: always the packet with the most writes.
fn greedy(load: &Direct) -> u32 {
    let mut waiting = BTreeMap::<u64, usize>::new();
    let (mut sent, mut open, mut packets) = (0, 0, 0);

    loop {
        while open < load.depth && sent < load.frames.len() {
            let at = load.frames[sent] / u64::from(FRAMES);
            *waiting.entry(at).or_default() += 1;
            sent += 1;
            open += 1;
        }
        let Some((&at, &n)) = waiting.iter().max_by_key(|(_, &n)| n) else {
            return packets;
        };
        waiting.remove(&at);
        open -= n;
        packets += 1;
    }
}

#[test]
fn scattered_direct_writes_take_few_packets() {
    for (zones, writes) in [(128, 512), (256, 512), (128, 4096)] {
        let mut load = Direct::new(zones, writes, 64);
        let (future, best) = (foreseen(&load), greedy(&load));
        let done = World::new().run(&mut load);
        println!(
            "{zones} zones, {writes} writes: {} packets, greedy {best}, foreseen {future}, of {}; longest {} ms",
            done.packets(),
            done.differ(),
            done.urgent / 1000
        );
        assert!(
            done.packets() * 100 <= best * 108,
            "{} of {best}",
            done.packets()
        );
    }
}

#[test]
fn a_drive_that_must_flush_in_between_gathers_for_many_packets_at_once() {
    let mut load = Direct::new(128, 512, 64);
    let best = greedy(&load);
    let done = World::with_turns().run(&mut load);

    println!("{} packets, {} flushes", done.packets(), done.flushes);
    assert!(
        done.packets() * 100 <= best * 108,
        "{} of {best}",
        done.packets()
    );
    // As many as are begun at a time.
    assert!(
        done.flushes * 6 <= done.gathers,
        "{} for {}",
        done.flushes,
        done.gathers
    );
}

#[test]
fn what_is_written_back_together_is_written_once() {
    // As fast as it can be submitted, and with pauses that are shorter than the wait.
    for pause in [1, 100, 700] {
        let done = World::new().run(&mut write_back(40, pause));
        println!(
            "pause {pause} us: {} packets of {}",
            done.packets(),
            done.differ()
        );
        assert!(done.packets() * 100 <= done.differ() * 115, "{done:?}");
        assert_eq!(done.gathers, 0);
    }
}

#[test]
fn a_lone_write_that_somebody_waits_for_takes_what_the_drive_takes() {
    let mut load = Direct::new(1 << 10, 20, 1);
    let done = World::new().run(&mut load);

    // Where no packet is in memory: a way and a read, a way back and a write.
    assert!(done.urgent <= 2 * (SEEK + TRANSFER), "{done:?}");
}

#[test]
fn nothing_waits_for_long_while_the_drive_is_idle() {
    let lazy = |frame, came| Write {
        frame,
        urgent: false,
        came,
    };
    let done = World::new().run(&mut Trace([lazy(0, 0)].into()));
    assert!(done.lazy <= WAIT + 2 * (SEEK + TRANSFER));

    // One that is alone in its packet, and others that never stop.
    let others = (0..400).map(|n| lazy(64 + n % 8 * 4096, 1 + n * (WAIT / 2)));
    let done = World::new().run(&mut Trace([lazy(0, 0)].into_iter().chain(others).collect()));
    assert!(done.lazy <= 21 * WAIT + 20 * (SEEK + TRANSFER), "{done:?}");
}

#[test]
fn a_stream_keeps_the_drive_busy_and_does_not_seek() {
    let urgent = false;
    let writes = (0..64 * u64::from(FRAMES)).map(|frame| Write {
        frame,
        urgent,
        came: frame,
    });
    let done = World::new().run(&mut Trace(writes.collect()));

    assert_eq!((done.packets(), done.gathers), (64, 0));
    // From the first full packet on.
    assert!(
        done.end <= u64::from(FRAMES) + 64 * TRANSFER + SEEK,
        "{done:?}"
    );
}
