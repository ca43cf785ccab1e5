// SPDX-License-Identifier: GPL-2.0

//! A file or a block device with latency, a volatile cache, and I/O that fails.
//!
//! For each sector it keeps what is durable and what is in the cache, as [`Disk`](super::disk::Disk)
//! does; but sectors have any bytes, I/O may begin and end within a sector, and be shorter than asked
//! for.

use crate::judge::cow::SECTOR;
use kernel::{
    error::{
        code::*,
        Error,
        Result, //
    },
    sim::{
        self,
        choose,
        clock,
        once_in, //
    },
};
use rb::{
    block::{
        bdev::LowerLimits,
        bio::{
            Command,
            Flag, //
        },
        error::BlkError,
    },
    sim::{
        lower::{
            Io,
            Lower, //
        },
        vfs::{
            File,
            FileIo, //
        },
    },
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    collections::{
        BTreeMap,
        BTreeSet, //
    },
    ops::Range,
    rc::Rc, //
};

/// How it behaves. Something happens once in so many times; 0 is never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Behaviour {
    /// The longest time that an I/O takes, in nanoseconds.
    pub latency: u64,
    /// An I/O or a flush fails.
    pub failures: u64,
    /// There is no memory for an I/O.
    pub busy: u64,
    /// There is no space for a write.
    pub full: u64,
    /// Of an I/O to a file, only a part is done.
    pub short: u64,
    /// Whether what is written can be lost until it is flushed.
    pub volatile: bool,
    /// Whether what a flush could not make durable is given up.
    pub forgets: bool,
    /// Whether a file can have holes made in it.
    pub punches: bool,
    /// Unit of direct I/O to a file, or the block size of a device.
    pub unit: u32,
    /// Whether it is written at all.
    pub read_only: bool,
}

type Content = Rc<[u8]>;

#[derive(Clone)]
struct Version {
    content: Content,
    /// When the write has ended; `None` while it is under way.
    ended: Option<u64>,
    write: u64,
    /// It is given up, and becomes durable only by chance.
    lost: bool,
}

#[derive(Clone)]
struct Sector {
    durable: Content,
    cached: Vec<Version>,
}

impl Sector {
    fn current(&self) -> &Content {
        let ended = self.cached.iter().filter(|version| version.ended.is_some());
        ended
            .max_by_key(|version| version.ended)
            .map_or(&self.durable, |version| &version.content)
    }

    /// Makes durable what had ended by a time.
    fn settle(&mut self, by: u64) {
        let settled = |version: &&Version| version.ended.is_some_and(|ended| ended <= by);
        let kept = self.cached.iter().filter(settled).filter(|v| !v.lost);
        let Some(last) = kept.max_by_key(|version| version.ended).cloned() else {
            return;
        };
        self.durable = last.content;
        self.cached
            .retain(|version| version.ended.is_none_or(|ended| Some(ended) > last.ended));
    }
}

#[derive(Default)]
struct State {
    time: u64,
    size: u64,
    durable_size: u64,
    sectors: BTreeMap<u64, Sector>,
    /// Sectors that have something in the cache.
    cached: BTreeSet<u64>,
    under_way: Vec<(u64, Range<u64>, bool)>,
    paused: bool,
    held: Vec<Box<dyn FnOnce()>>,
}

impl State {
    fn tick(&mut self) -> u64 {
        self.time += 1;
        self.time
    }

    fn zeroes() -> Sector {
        Sector {
            durable: vec![0; SECTOR as usize].into(),
            cached: Vec::new(),
        }
    }

    fn sector(&mut self, sector: u64) -> &mut Sector {
        self.sectors.entry(sector).or_insert_with(Self::zeroes)
    }

    fn bytes(&self, range: Range<u64>) -> Vec<u8> {
        let mut all = Vec::new();
        for sector in sectors(&range) {
            let part = part_of(&range, sector);
            match self.sectors.get(&sector) {
                Some(sector) => all.extend_from_slice(&sector.current()[part]),
                None => all.resize(all.len() + part.len(), 0),
            }
        }
        all
    }
}

fn sectors(range: &Range<u64>) -> Range<u64> {
    range.start / SECTOR..range.end.div_ceil(SECTOR)
}

/// Returns which bytes of a sector lie in a range.
fn part_of(range: &Range<u64>, sector: u64) -> Range<usize> {
    let begin = sector * SECTOR;
    let start = range.start.max(begin) - begin;
    let end = range.end.min(begin + SECTOR) - begin;
    start as usize..end as usize
}

/// Is told of a write that has begun.
type Watcher = Rc<dyn Fn(Range<u64>)>;

/// The file or device.
pub struct Store {
    name: &'static str,
    mtime: i64,
    behaviour: Cell<Behaviour>,
    state: RefCell<State>,
    failures: Cell<u64>,
    losses: Cell<u64>,
    watcher: RefCell<Option<Watcher>>,
    this: std::rc::Weak<Self>,
}

/// What is done.
enum Job {
    Read(usize),
    Write(Vec<u8>),
    Flush,
}

/// What comes of it: how many bytes were done, and those that were read.
type Outcome = Result<(usize, Vec<u8>)>;

impl Store {
    /// Makes one of zeroes, of that many bytes.
    pub fn new(name: &'static str, size: u64, mtime: i64, behaviour: Behaviour) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            name,
            mtime,
            behaviour: Cell::new(behaviour),
            state: RefCell::new(State {
                size,
                durable_size: size,
                ..State::default()
            }),
            failures: Cell::new(0),
            losses: Cell::new(0),
            watcher: RefCell::default(),
            this: this.clone(),
        })
    }

    /// Puts bytes there, as if they had always been there.
    pub fn fill(&self, pos: u64, bytes: &[u8]) {
        let range = pos..pos + bytes.len() as u64;
        let mut state = self.state.borrow_mut();
        for sector in sectors(&range) {
            let part = part_of(&range, sector);
            let at = (sector * SECTOR + part.start as u64 - pos) as usize;
            let place = state.sector(sector);
            let mut content = place.durable.to_vec();
            content[part.clone()].copy_from_slice(&bytes[at..at + part.len()]);
            place.durable = content.into();
        }
    }

    /// Has somebody told of each write that begins.
    pub fn watch(&self, watcher: Watcher) {
        *self.watcher.borrow_mut() = Some(watcher);
    }

    /// Returns how many I/Os have failed.
    pub fn failures(&self) -> u64 {
        self.failures.get()
    }

    /// Returns how often it has given up what a flush could not make durable.
    pub fn losses(&self) -> u64 {
        self.losses.get()
    }

    /// Fails no more, and loses no time.
    pub fn become_good(&self) {
        let good = Behaviour {
            failures: 0,
            busy: 0,
            full: 0,
            short: 0,
            ..self.behaviour.get()
        };
        self.behaviour.set(good);
    }

    /// Ends no I/O until it is resumed.
    pub fn pause(&self) {
        self.state.borrow_mut().paused = true;
    }

    /// Ends I/O again.
    pub fn resume(&self) {
        let held = {
            let mut state = self.state.borrow_mut();
            state.paused = false;
            core::mem::take(&mut state.held)
        };
        for call in held {
            clock::after(choose(1000), call);
        }
    }

    /// Returns bytes as they are read.
    pub fn current(&self, pos: u64, bytes: usize) -> Vec<u8> {
        self.state.borrow().bytes(pos..pos + bytes as u64)
    }

    /// Returns all that a sector can have after a power cut now.
    pub fn after_cut(&self, sector: u64) -> Vec<Content> {
        let state = self.state.borrow();
        let Some(sector) = state.sectors.get(&sector) else {
            return vec![State::zeroes().durable];
        };
        let cached = sector.cached.iter().map(|version| version.content.clone());
        cached.chain([sector.durable.clone()]).collect()
    }

    /// Returns what a power cut leaves, in the one way or another.
    pub fn cut(&self, behaviour: Behaviour) -> Rc<Self> {
        let state = self.state.borrow();
        let size = if once_in(2) {
            state.durable_size
        } else {
            state.size
        };
        let cut = Self::new("what a power cut has left", size, self.mtime, behaviour);
        let keeps_newest = once_in(3);
        for (number, sector) in &state.sectors {
            let choice = choose(sector.cached.len() as u64 + 1) as usize;
            let content = match sector.cached.get(choice) {
                _ if keeps_newest => sector.current(),
                Some(version) => &version.content,
                None => &sector.durable,
            };
            cut.fill(number * SECTOR, content);
        }
        cut
    }

    /// Puts the data of a write into the cache, as not ended.
    fn begin_write(&self, pos: u64, data: &[u8]) -> u64 {
        let range = pos..pos + data.len() as u64;
        if self.behaviour.get().read_only {
            sim::violation(&format!("{} is written", self.name));
        }
        let write = {
            let mut state = self.state.borrow_mut();
            let write = state.tick();
            for number in sectors(&range) {
                let part = part_of(&range, number);
                let at = (number * SECTOR + part.start as u64 - pos) as usize;
                state.cached.insert(number);
                let sector = state.sector(number);
                let mut content = sector.current().to_vec();
                content[part.clone()].copy_from_slice(&data[at..at + part.len()]);
                sector.cached.push(Version {
                    content: content.into(),
                    ended: None,
                    write,
                    lost: false,
                });
            }
            write
        };
        let watcher = self.watcher.borrow().clone();
        if let Some(watcher) = watcher {
            watcher(range);
        }
        write
    }

    /// Ends a write, of which the first bytes were done. If it has failed, any part may have been.
    fn end_write(&self, range: &Range<u64>, write: u64, done: Result<usize>) {
        let through = !self.behaviour.get().volatile;
        let mut state = self.state.borrow_mut();
        let (now, mut size) = (state.tick(), state.size);
        let state = &mut *state;
        let end = range.start + done.map_or(range.end - range.start, |done| done as u64);
        for number in sectors(range) {
            let Some(sector) = state.sectors.get_mut(&number) else {
                continue;
            };
            let cut_off = number * SECTOR >= end;
            let is_kept = !cut_off && (done.is_ok() || !once_in(2));
            if !is_kept {
                sector.cached.retain(|version| version.write != write);
                continue;
            }
            size = size.max(range.end.min((number + 1) * SECTOR).min(end));
            for version in &mut sector.cached {
                if version.write == write {
                    version.ended = Some(now);
                }
            }
            if through && done.is_ok() {
                sector.settle(now);
            }
        }
        state.size = size;
        if through && done.is_ok() {
            state.durable_size = size;
        }
    }

    fn settle(&self, by: u64, size: u64) {
        let state = &mut *self.state.borrow_mut();
        state.cached.retain(|number| {
            let sector = state.sectors.get_mut(number);
            sector.is_some_and(|sector| {
                sector.settle(by);
                !sector.cached.is_empty()
            })
        });
        state.durable_size = state.durable_size.max(size);
    }

    /// Gives up what had ended by a time.
    fn forget(&self, by: u64) {
        self.losses.set(self.losses.get() + 1);
        let state = &mut *self.state.borrow_mut();
        let cached = state.cached.iter();
        for number in cached {
            let versions = state
                .sectors
                .get_mut(number)
                .map(|sector| &mut sector.cached);
            for version in versions.into_iter().flatten() {
                version.lost |= version.ended.is_some_and(|ended| ended <= by);
            }
        }
    }

    fn fail(&self, err: Error) -> Error {
        self.failures.set(self.failures.get() + 1);
        sim::count("lower IOs failed", 1);
        err
    }

    /// Notes that an I/O begins; two of one sector, one of which writes, must not be under way.
    fn enter(&self, range: &Range<u64>, writes: bool) -> u64 {
        let (number, other) = {
            let mut state = self.state.borrow_mut();
            let number = state.tick();
            let touched = sectors(range);
            let clashes = |(_, other, others): &&(u64, Range<u64>, bool)| {
                let overlap = other.start.max(touched.start) < other.end.min(touched.end);
                overlap && (writes || *others)
            };
            let other = state.under_way.iter().find(clashes).cloned();
            state.under_way.push((number, touched, writes));
            (number, other)
        };
        if let Some((_, other, _)) = other {
            sim::violation(&format!(
                "{}: an IO of {:?} overtakes one of {other:?}",
                self.name,
                sectors(range)
            ));
        }
        number
    }

    fn leave(&self, number: u64) {
        let mut state = self.state.borrow_mut();
        state.under_way.retain(|(other, ..)| *other != number);
    }

    /// Returns how many I/Os are under way.
    pub fn under_way(&self) -> usize {
        self.state.borrow().under_way.len()
    }

    /// Does something; `end` is called once with what comes of it, maybe at once.
    fn run(
        &self,
        pos: u64,
        job: Job,
        shortens: bool,
        at_once: bool,
        end: Box<dyn FnOnce(Outcome)>,
    ) {
        sim::count("lower IOs", 1);
        let how = self.behaviour.get();
        let happens = |often: u64| often != 0 && once_in(often);
        let this = self.this.upgrade().expect("it is there");
        let (asked, writes) = match &job {
            Job::Read(bytes) => (*bytes, false),
            Job::Write(data) => (data.len(), true),
            Job::Flush => (0, false),
        };
        if happens(how.busy) {
            let err = [ENOMEM, EAGAIN][usize::from(shortens && once_in(2))];
            sim::count("lower IOs without memory", 1);
            return self.later(at_once, move || end(Err(err)));
        }
        let wrong = match () {
            () if happens(how.failures) => Some(EIO),
            () if writes && happens(how.full) => Some(ENOSPC),
            () => None,
        };
        let mut bytes = asked;
        // Nothing tears the sectors of a write.
        let unit = if writes {
            how.unit.max(SECTOR as u32)
        } else {
            how.unit.max(1)
        } as usize;
        if shortens && happens(how.short) && asked > unit {
            bytes = (1 + choose((asked / unit - 1) as u64) as usize) * unit;
        }
        let range = pos..pos + asked as u64;
        match job {
            Job::Flush => {
                let (by, size) = {
                    let mut state = self.state.borrow_mut();
                    (state.tick(), state.size)
                };
                self.later(at_once, move || match wrong {
                    None => {
                        this.settle(by, size);
                        end(Ok((0, Vec::new())));
                    }
                    Some(_) => {
                        if this.behaviour.get().forgets {
                            this.forget(by);
                        }
                        let err = this.fail(EIO);
                        end(Err(err));
                    }
                });
            }
            Job::Read(_) => {
                let number = self.enter(&range, false);
                self.later(at_once, move || {
                    this.leave(number);
                    let left = this.state.borrow().size.saturating_sub(pos);
                    let bytes = (bytes as u64).min(left);
                    let data = this.state.borrow().bytes(pos..pos + bytes);
                    let result = wrong.map_or(Ok(data), |err| Err(this.fail(err)));
                    end(result.map(|data| (data.len(), data)));
                });
            }
            Job::Write(data) => {
                let number = self.enter(&range, true);
                let write = self.begin_write(pos, &data);
                self.later(at_once, move || {
                    this.leave(number);
                    let result = wrong.map_or(Ok(bytes), |err| Err(this.fail(err)));
                    this.end_write(&range, write, result);
                    end(result.map(|bytes| (bytes, Vec::new())));
                });
            }
        }
    }

    /// Calls `call` after some time, or now.
    fn later(&self, at_once: bool, call: impl FnOnce() + 'static) {
        if at_once && !self.state.borrow().paused && once_in(4) {
            return call();
        }
        let this = self.this.upgrade().expect("it is there");
        let latency = self.behaviour.get().latency;
        clock::after(choose(latency), move || {
            if this.state.borrow().paused {
                return this.state.borrow_mut().held.push(Box::new(call));
            }
            call();
        });
    }

    /// Does something, and waits for it.
    fn wait_for(&self, pos: u64, job: Job) -> Result {
        let done = Rc::new(Cell::new(None));
        let (for_end, me) = (done.clone(), sim::current());
        let end = move |outcome: Outcome| {
            for_end.set(Some(outcome.map(|_| ())));
            sim::wake(me);
        };
        self.run(pos, job, false, false, Box::new(end));
        loop {
            if let Some(result) = done.get() {
                return result;
            }
            sim::wait("a file");
        }
    }
}

impl File for Store {
    fn size(&self) -> u64 {
        self.state.borrow().size
    }

    fn mtime(&self) -> i64 {
        self.mtime
    }

    fn direct(&self) -> (u32, u32) {
        let unit = self.behaviour.get().unit;
        (unit, unit)
    }

    fn submit(&self, io: FileIo) {
        let mask = u64::from(self.behaviour.get().unit.max(1)) - 1;
        let job = if io.write {
            Job::Write(io.data())
        } else {
            Job::Read(io.bytes())
        };
        // At the end there is nothing to read, wherever it is.
        let at_end = !io.write && io.pos >= self.size();
        if io.direct && !at_end && (io.pos | io.bytes() as u64) & mask != 0 {
            sim::violation(&format!("direct IO at {} to {}", io.pos, self.name));
        }
        let pos = io.pos;
        let end = move |outcome: Outcome| {
            let result = outcome.map(|(done, data)| {
                io.set_data(&data);
                done as u32
            });
            io.end(result);
        };
        self.run(pos, job, true, true, Box::new(end));
    }

    fn sync(&self) -> Result {
        self.wait_for(0, Job::Flush)
    }

    fn punch(&self, pos: u64, bytes: u64) -> Result {
        if !self.behaviour.get().punches {
            return Err(EOPNOTSUPP);
        }
        // What lies behind the end stays there.
        let end = (pos + bytes).min(self.size());
        let bytes = end.saturating_sub(pos) as usize;
        if bytes == 0 {
            return Ok(());
        }
        self.wait_for(pos, Job::Write(vec![0; bytes]))
    }
}

impl Lower for Store {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn limits(&self) -> LowerLimits {
        let block = self.behaviour.get().unit;
        LowerLimits {
            logical_block_size: block,
            physical_block_size: block,
            max_sectors: 64,
            max_segments: 128,
            max_segment_size: 65536,
            chunk_sectors: 0,
            dma_alignment: 511,
            max_discard_sectors: 0,
            rotational: false,
            stable_writes: false,
        }
    }

    fn sectors(&self) -> u64 {
        self.state.borrow().size / SECTOR
    }

    fn is_read_only(&self) -> bool {
        self.behaviour.get().read_only
    }

    fn submit(&self, io: Io) {
        let pos = io.sector * SECTOR;
        let job = match io.command {
            Command::Read => Job::Read(io.bytes as usize),
            Command::Write if io.bytes == 0 && io.flags.contains(Flag::Preflush) => Job::Flush,
            Command::Write => Job::Write(io.data()),
            _ => return sim::violation(&format!("{:?} to {}", io.command, self.name)),
        };
        let mask = u64::from(self.behaviour.get().unit) - 1;
        if (pos | u64::from(io.bytes)) & mask != 0 {
            sim::violation(&format!("a part of a block at {pos} of {}", self.name));
        }
        let end = move |outcome: Outcome| match outcome {
            Ok((_, data)) => {
                io.set_data(&data);
                io.end(Ok(()));
            }
            Err(ENOMEM | EAGAIN) => io.end(Err(BlkError::RESOURCE)),
            Err(ENOSPC) => io.end(Err(BlkError::NOSPC)),
            Err(_) => io.end(Err(BlkError::IOERR)),
        };
        self.run(pos, job, false, false, Box::new(end));
    }
}
