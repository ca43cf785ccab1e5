// SPDX-License-Identifier: GPL-2.0

//! A disk with latency, a volatile cache, and I/O that fails.
//!
//! For each sector it keeps what is durable and what is in the cache. So at any moment all contents
//! are known that a power cut could leave: of each sector, what is durable or one of the later
//! versions.
//!
//! Sectors are kept or lost each on its own, whatever the size of a physical block: what a device does
//! that writes several of them together is among that.
//!
//! Each sector is filled with one number; see [`Blocks`](crate::judge::blocks::Blocks).

use crate::judge::{
    blocks::{
        filled,
        value_of,
        SECTOR, //
    },
    packets::Packets, //
};
use kernel::sim::{
    self,
    choose,
    clock,
    once_in, //
};
use rb::{
    block::{
        bdev::LowerLimits,
        bio::{
            Command,
            Flag, //
        },
        error::{
            BlkError,
            BlkResult, //
        }, //
    },
    sim::lower::{
        Io,
        Lower, //
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
    rc::Rc, //
};

/// How a disk behaves.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// The longest time that an I/O takes, in nanoseconds.
    pub latency: u64,
    /// One I/O in so many fails; 0 for none.
    pub failures: u64,
    /// Whether what is written can be lost until it is flushed.
    pub volatile: bool,
    /// One read in so many finds a sector that cannot be read any more, until it is written; 0 for
    /// none.
    pub bad: u64,
    /// Most sectors of a discard.
    pub discards: u32,
}

#[derive(Clone, Copy, Debug)]
struct Version {
    value: u64,
    /// When the write has ended; `None` while it is under way.
    ended: Option<u64>,
    write: u64,
}

#[derive(Clone, Debug, Default)]
struct Sector {
    durable: u64,
    cached: Vec<Version>,
}

impl Sector {
    fn current(&self) -> u64 {
        let ended = self.cached.iter().filter(|version| version.ended.is_some());
        ended
            .max_by_key(|version| version.ended)
            .map_or(self.durable, |version| version.value)
    }
}

#[derive(Default)]
struct State {
    time: u64,
    sectors: BTreeMap<u64, Sector>,
    /// Sectors that cannot be read.
    bad: BTreeSet<u64>,
}

/// Who is told of the sectors whose contents a power cut could now leave otherwise: the first one, and
/// how many.
type Changed = Box<dyn Fn(u64, u64)>;

/// The disk.
pub struct Disk {
    sectors: u64,
    behaviour: Behaviour,
    packets: Rc<Packets>,
    state: RefCell<State>,
    failures: Cell<u64>,
    changed: RefCell<Option<Changed>>,
    frozen: Cell<bool>,
    /// What ends when it is not frozen any more.
    waiting: RefCell<Vec<Box<dyn FnOnce()>>>,
    this: std::rc::Weak<Self>,
}

impl Disk {
    /// Makes a disk of zeroes; `packets` judges its writes.
    pub fn new(sectors: u64, behaviour: Behaviour, packets: Rc<Packets>) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            sectors,
            behaviour,
            packets,
            state: RefCell::default(),
            failures: Cell::new(0),
            changed: RefCell::default(),
            frozen: Cell::new(false),
            waiting: RefCell::default(),
            this: this.clone(),
        })
    }

    /// Returns how many I/Os have failed.
    pub fn failures(&self) -> u64 {
        self.failures.get()
    }

    /// Has `changed` called for the sectors of each write, when it begins and when it ends.
    pub fn watch(&self, changed: impl Fn(u64, u64) + 'static) {
        *self.changed.borrow_mut() = Some(Box::new(changed));
    }

    /// Lets no I/O end any more, or all of them.
    pub fn freeze(&self, frozen: bool) {
        self.frozen.set(frozen);
        if !frozen {
            for end in self.waiting.take() {
                clock::after(choose(self.behaviour.latency), end);
            }
        }
    }

    fn end_later(&self, end: Box<dyn FnOnce()>) {
        if self.frozen.get() {
            self.waiting.borrow_mut().push(end);
        } else {
            end();
        }
    }

    fn tell(&self, first: u64, count: u64) {
        if let Some(changed) = &*self.changed.borrow() {
            changed(first, count);
        }
    }

    /// Returns what a sector reads as.
    pub fn current(&self, sector: u64) -> u64 {
        self.state
            .borrow()
            .sectors
            .get(&sector)
            .map_or(0, Sector::current)
    }

    /// Returns all that a sector can have after a power cut now.
    pub fn after_cut(&self, sector: u64) -> Vec<u64> {
        let state = self.state.borrow();
        let Some(sector) = state.sectors.get(&sector) else {
            return vec![0];
        };
        let cached = sector.cached.iter().map(|version| version.value);
        cached.chain([sector.durable]).collect()
    }

    fn tick(&self) -> u64 {
        let mut state = self.state.borrow_mut();
        state.time += 1;
        state.time
    }

    /// Puts the data of a write into the cache, as not ended.
    fn begin_write(&self, io: &Io, erases: bool) -> u64 {
        let write = self.tick();
        let data = if erases { Vec::new() } else { io.data() };
        let mut state = self.state.borrow_mut();
        for n in 0..io.sectors() {
            let bytes = data.get(n as usize * SECTOR..(n as usize + 1) * SECTOR);
            let value = bytes.map_or(Some(0), value_of);
            let Some(value) = value else {
                drop(state);
                return foreign(io.sector + n);
            };
            let version = Version {
                value,
                ended: None,
                write,
            };
            state
                .sectors
                .entry(io.sector + n)
                .or_default()
                .cached
                .push(version);
        }
        write
    }

    /// Ends a write; of one that has failed, any part may have been carried out.
    fn end_write(&self, first: u64, count: u64, write: u64, failed: bool, through: bool) {
        let now = self.tick();
        let mut state = self.state.borrow_mut();
        for sector in first..first + count {
            let Some(sector) = state.sectors.get_mut(&sector) else {
                continue;
            };
            if failed && once_in(2) {
                sector.cached.retain(|version| version.write != write);
                continue;
            }
            for version in &mut sector.cached {
                if version.write == write {
                    version.ended = Some(now);
                }
            }
            if through && !failed {
                sector.settle(now);
            }
        }
    }

    /// Makes durable what had ended by a time.
    fn settle(&self, by: u64) {
        for sector in self.state.borrow_mut().sectors.values_mut() {
            sector.settle(by);
        }
    }

    /// Carries an I/O out.
    fn carry_out(&self, io: Io, begun: Begun, result: BlkResult) {
        match begun {
            Begun::Read if result.is_ok() => {
                let values = (io.sector..io.sector + io.sectors()).map(|s| self.current(s));
                io.set_data(&filled(values));
            }
            Begun::Write(write, through) => {
                self.end_write(io.sector, io.sectors(), write, result.is_err(), through);
                self.tell(io.sector, io.sectors());
                if io.command == Command::Write {
                    judge(self.packets.end(io.sector, io.sectors()));
                }
            }
            Begun::Flush(by) if result.is_ok() => self.settle(by),
            Begun::Read | Begun::Flush(_) => {}
        }
        io.end(result);
    }

    fn begin(&self, io: &Io) -> Begun {
        let through = io.flags.contains(Flag::ForcedUnitAccess) || !self.behaviour.volatile;
        match io.command {
            Command::Read => Begun::Read,
            _ if io.bytes == 0 => Begun::Flush(self.tick()),
            Command::Write => {
                judge(self.packets.begin(io.sector, io.sectors()));
                Begun::Write(self.begin_write(io, false), through)
            }
            _ => Begun::Write(self.begin_write(io, true), through),
        }
    }

    /// Returns whether a sector of a read cannot be read, from now on or since an earlier read. A write
    /// makes it readable.
    fn is_unreadable(&self, io: &Io) -> bool {
        let range = io.sector..io.sector + io.sectors();
        let state = &mut *self.state.borrow_mut();
        if io.command != Command::Read {
            state.bad.retain(|sector| !range.contains(sector));
            return false;
        }
        if self.behaviour.bad != 0 && once_in(self.behaviour.bad) {
            state.bad.insert(io.sector + choose(io.sectors()));
        }
        state.bad.range(range).next().is_some()
    }
}

fn judge(verdict: Result<(), String>) {
    if let Err(text) = verdict {
        sim::violation(&text);
    }
}

enum Begun {
    Read,
    /// Its number, and whether it goes through the cache.
    Write(u64, bool),
    /// What had ended by then becomes durable.
    Flush(u64),
}

impl Sector {
    fn settle(&mut self, by: u64) {
        let settled = |version: &Version| version.ended.is_some_and(|ended| ended <= by);
        let last = self
            .cached
            .iter()
            .filter(|v| settled(v))
            .max_by_key(|v| v.ended)
            .copied();
        if let Some(last) = last {
            self.durable = last.value;
            self.cached.retain(|version| !settled(version));
        }
    }
}

fn foreign(sector: u64) -> u64 {
    sim::violation(&format!(
        "sector {sector} is written with what nobody has written"
    ));
    0
}

impl Lower for Disk {
    fn name(&self) -> String {
        "sda".to_owned()
    }

    fn limits(&self) -> LowerLimits {
        LowerLimits {
            logical_block_size: 512,
            physical_block_size: 512,
            max_sectors: 512,
            max_segments: 128,
            max_segment_size: 65536,
            chunk_sectors: 0,
            dma_alignment: 511,
            max_discard_sectors: self.behaviour.discards,
            rotational: false,
            stable_writes: false,
        }
    }

    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn submit(&self, io: Io) {
        sim::count("lower IOs", 1);
        let begun = self.begin(&io);
        if matches!(begun, Begun::Write(..)) {
            self.tell(io.sector, io.sectors());
        }
        let fails = self.behaviour.failures != 0 && once_in(self.behaviour.failures);
        let error = match (fails, self.is_unreadable(&io)) {
            (true, _) => Some(BlkError::IOERR),
            (false, true) => Some(BlkError::MEDIUM),
            (false, false) => None,
        };
        let Some(this) = self.this.upgrade() else {
            return;
        };
        let disk = this.clone();
        let end = move || {
            if error.is_some() {
                this.failures.set(this.failures.get() + 1);
                sim::count("lower IOs failed", 1);
            }
            let result = error.map_or(Ok(()), Err);
            this.carry_out(io, begun, result);
        };
        clock::after(choose(self.behaviour.latency), move || {
            disk.end_later(Box::new(end));
        });
    }
}
