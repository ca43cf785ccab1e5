// SPDX-License-Identifier: GPL-2.0

//! I/O to files and block devices below, that needs no memory once it was prepared.

mod buffer;

pub use buffer::IoBuffer;

use super::{
    bio::{
        Bio,
        BioIter,
        Command,
        Flag,
        Piece as Memory, //
    },
    dev_t::DevT,
    inflight::{
        Inflight,
        InflightGuard, //
    },
    lower::Lower,
    SECTOR_SHIFT,
    SECTOR_SIZE, //
};
use crate::{
    new_wait_queue,
    page,
    sim::{
        lower,
        vfs::{
            File,
            FileIo, //
        }, //
    },
    wait::WaitQueue, //
};
use core::ops::Range;
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sim::{
        self,
        context::{
            within,
            Kind, //
        }, //
    },
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    rc::Rc,
    sync::Arc as Shared, //
};

/// Nobody has it.
const IDLE: u32 = 0;

/// Somebody has begun, and it has not completed.
const BUSY: u32 = 1;

/// What somebody waits for has completed.
const DONE: u32 = 2;

/// Most entries of a bio.
const BIO_MAX_VECS: usize = 256;

/// Which way data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the lower file or device.
    Read,
    /// To the lower file or device.
    Write,
}

/// A part of an I/O to block devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Which one of the lower devices, 0 or 1.
    pub lower: usize,
    /// Where it starts there, in bytes.
    pub pos: u64,
    /// How many bytes it is.
    pub bytes: u32,
}

/// Who hears of a completion.
pub(in crate::block) type End = Box<dyn FnOnce(Result<u32>)>;

/// One I/O to a file or block device below, again and again.
#[pin_data(PinnedDrop)]
pub struct LowerIo {
    inner: Shared<Inner>,
    flights: Arc<Inflight>,
}

struct Inner {
    entries: usize,
    places: usize,
    state: Atomic<u32>,
    result: Atomic<i64>,
    done: Pin<KBox<WaitQueue>>,
}

/// A [`LowerIo`] that somebody has begun to use.
pub(in crate::block) struct Begun {
    inner: Shared<Inner>,
    flight: InflightGuard,
}

/// Where I/O goes.
pub(in crate::block) enum Target {
    Device(DevT),
    File(Rc<dyn File>, bool),
}

impl LowerIo {
    /// Returns an initializer for an I/O of up to `entries` pieces of memory.
    pub fn new(entries: usize) -> impl PinInit<Self, Error> {
        Self::with_places(entries, 1)
    }

    /// As [`LowerIo::new`], to up to `places` places of block devices at a time.
    pub fn with_places(entries: usize, places: usize) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            inner: Inner::new(entries, places)?,
            flights: Inflight::new()?,
        }? Error)
    }

    /// Reads into a part of a buffer, and waits for it.
    pub fn read(
        &self,
        lower: &Lower,
        pos: u64,
        buffer: &mut IoBuffer,
        part: Range<usize>,
    ) -> Result<usize> {
        let memory = buffer.pages(part.clone())?;
        let bytes = self.transfer(lower, Way::Read, pos, memory.clone())?;
        buffer.take(part.start, bytes, &memory);
        Ok(bytes)
    }

    /// Writes a part of a buffer, and waits for it.
    pub fn write(
        &self,
        lower: &Lower,
        pos: u64,
        buffer: &IoBuffer,
        part: Range<usize>,
    ) -> Result<usize> {
        self.transfer(lower, Way::Write, pos, buffer.pages(part)?)
    }

    fn transfer(&self, lower: &Lower, way: Way, pos: u64, memory: Vec<Memory>) -> Result<usize> {
        sim::might_sleep("I/O below");
        let begun = self.begin().ok_or(EBUSY)?;
        let inner = self.inner.clone();
        let end = move |result: Result<u32>| {
            let raw = result.map_or_else(|err| i64::from(err.to_errno()), i64::from);
            inner.result.store(raw, Relaxed);
            inner.state.store(DONE, Release);
            inner.done.wake_up_all();
        };
        begun.launch(
            (lower.begin_io(), Target::of(lower)),
            way,
            pos,
            memory,
            false,
            Box::new(end),
        );
        let inner = &self.inner;
        inner.done.wait_event(|| inner.state.load(Acquire) == DONE);
        let result = inner.result.load(Relaxed);
        inner.state.store(IDLE, Release);
        usize::try_from(result).map_err(|_| Error::from_errno(result as i32))
    }

    /// Begins an I/O, if none is under way.
    pub(in crate::block) fn begin(&self) -> Option<Begun> {
        let begins = self.inner.state.cmpxchg(IDLE, BUSY, Acquire).is_ok();
        begins.then(|| Begun {
            inner: self.inner.clone(),
            flight: Inflight::begin(&self.flights),
        })
    }

    /// Returns how many places of block devices it can be at a time.
    pub(in crate::block) fn places(&self) -> usize {
        self.inner.places
    }

    /// Returns the memory of bios, up to `bytes` from `skip` on, as much as there is room for.
    pub(in crate::block) fn memory_of(
        &self,
        bios: BioIter<'_>,
        skip: u32,
        bytes: u32,
    ) -> Vec<Memory> {
        let all = bios.flat_map(|bio| bio.pieces.iter().cloned());
        self.cut(all, skip as usize, bytes as usize)
    }

    /// Returns zeroes, up to `bytes`, as much as there is room for.
    pub(in crate::block) fn zeroes(&self, bytes: u32) -> Vec<Memory> {
        let page = page::Memory::filled(0);
        let zeroes = core::iter::repeat_with(|| Memory {
            page: page.clone(),
            offset: 0,
            len: PAGE_SIZE,
        });
        self.cut(zeroes, 0, bytes as usize)
    }

    fn cut(
        &self,
        entries: impl Iterator<Item = Memory>,
        mut skip: usize,
        mut bytes: usize,
    ) -> Vec<Memory> {
        let mut all = Vec::new();
        for mut entry in entries {
            if bytes == 0 || all.len() == self.inner.entries {
                break;
            }
            let skipped = skip.min(entry.len);
            skip -= skipped;
            entry.offset += skipped;
            entry.len = (entry.len - skipped).min(bytes);
            bytes -= entry.len;
            if entry.len != 0 {
                all.push(entry);
            }
        }
        all
    }
}

impl Inner {
    fn new(entries: usize, places: usize) -> Result<Shared<Self>> {
        if !(1..=BIO_MAX_VECS).contains(&entries) || !(1..=64).contains(&places) {
            return Err(EINVAL);
        }
        Ok(Shared::new(Self {
            entries,
            places,
            state: Atomic::new(IDLE),
            result: Atomic::new(0),
            done: KBox::pin_init(new_wait_queue!("rb::LowerIo::done"), GFP_KERNEL)?,
        }))
    }
}

impl Target {
    /// Returns where I/O of a lower file or device goes.
    pub(in crate::block) fn of(lower: &Lower) -> Self {
        match (lower.bdev(), lower.file().regular()) {
            (None, Some(file)) => Self::File(file, lower.is_direct()),
            (Some(bdev), _) => Self::Device(bdev.dev),
            (None, None) => unreachable!("it is one of both"),
        }
    }
}

impl Begun {
    /// Starts the I/O. `end` is called once, maybe before this returns; if `ends_idle` is set, the next
    /// one can be begun then.
    pub(in crate::block) fn launch(
        self,
        (guard, target): (InflightGuard, Target),
        way: Way,
        pos: u64,
        memory: Vec<Memory>,
        ends_idle: bool,
        end: End,
    ) {
        sim::might_sleep("I/O below");
        let inner = self.inner;
        let guards = [self.flight, guard];
        let finish: End = Box::new(move |result| {
            if ends_idle {
                inner.state.store(IDLE, Release);
            }
            end(result);
            // Last: now the driver may close what is below, and drop what this was done with.
            drop(guards);
        });
        if memory.is_empty() {
            return finish(Err(EINVAL));
        }
        match target {
            Target::Device(dev) => launch_bio(dev, way, pos, memory, finish),
            Target::File(file, true) => launch_direct(&*file, way, pos, memory, finish),
            Target::File(file, false) => launch_cached(&*file, way, pos, memory, finish),
        }
    }

    /// Starts the I/O of pieces, one behind the other in the memory. With `at_once`, the result may be
    /// that it cannot be done without waiting.
    pub(in crate::block) fn launch_pieces(
        self,
        guards: Vec<InflightGuard>,
        places: Vec<(DevT, u64, u32)>,
        way: Way,
        mut memory: Vec<Memory>,
        at_once: bool,
        end: End,
    ) {
        let (inner, flight) = (self.inner, self.flight);
        let total: u32 = places.iter().map(|place| place.2).sum();
        let finish: End = Box::new(move |result: Result<u32>| {
            inner.state.store(IDLE, Release);
            end(result.map(|_| total));
            drop((guards, flight));
        });
        let has: usize = memory.iter().map(|entry| entry.len).sum();
        if has != total as usize || places.is_empty() {
            return finish(Err(EINVAL));
        }
        // One for this function, so that it cannot complete before all is submitted.
        let left = Rc::new(Cell::new(places.len() + 1));
        let result = Rc::new(Cell::new(Ok(0)));
        let finish = Rc::new(RefCell::new(Some(finish)));
        let put = Rc::new(move |one: Result<u32>| {
            left.set(left.get() - 1);
            result.set(result.get().and(one));
            if left.get() == 0 {
                let finish = finish.borrow_mut().take();
                finish.expect("it is called once")(result.get());
            }
        });
        for (dev, pos, bytes) in places {
            let mine = split_off(&mut memory, bytes as usize);
            if at_once && sim::once_in(6) {
                put(Err(EAGAIN));
                continue;
            }
            let put = put.clone();
            launch_bio(dev, way, pos, mine, Box::new(move |one| put(one)));
        }
        put(Ok(0));
    }
}

/// Takes the first bytes.
fn split_off(memory: &mut Vec<Memory>, mut bytes: usize) -> Vec<Memory> {
    let mut first = Vec::new();
    while bytes != 0 {
        let mut entry = memory.remove(0);
        if entry.len > bytes {
            let mut rest = entry.clone();
            rest.offset += bytes;
            rest.len -= bytes;
            memory.insert(0, rest);
            entry.len = bytes;
        }
        bytes -= entry.len;
        first.push(entry);
    }
    first
}

fn launch_bio(dev: DevT, way: Way, pos: u64, memory: Vec<Memory>, finish: End) {
    let bytes: usize = memory.iter().map(|entry| entry.len).sum();
    let mask = u64::from(SECTOR_SIZE) - 1;
    if (pos | bytes as u64) & mask != 0 {
        return finish(Err(EINVAL));
    }
    let command = match way {
        Way::Read => Command::Read,
        Way::Write => Command::Write,
    };
    let flags = Flag::Sync.into();
    let bio = Bio::new(command, flags, pos >> SECTOR_SHIFT, bytes as u32, memory);
    let end = move |result: super::error::BlkResult| {
        let _irq = sim::atomic("the end of a bio");
        finish(result.map(|()| bytes as u32).map_err(|err| err.to_error()));
    };
    lower::submit(dev, bio, Box::new(end));
}

fn launch_direct(file: &dyn File, way: Way, pos: u64, memory: Vec<Memory>, finish: End) {
    sim::point();
    sim::faults::may_wait_for_io();
    let end = move |result| {
        let _irq = sim::atomic("the end of an I/O to a file");
        finish(result);
    };
    file.submit(FileIo::new(
        way == Way::Write,
        pos,
        memory,
        true,
        Box::new(end),
    ));
}

/// Through the page cache, it is done when this returns.
fn launch_cached(file: &dyn File, way: Way, pos: u64, memory: Vec<Memory>, finish: End) {
    sim::point();
    sim::faults::may_wait_for_io();
    let for_others = within(Kind::IoPath).is_some();
    if way == Way::Write && for_others && within(Kind::LocalThrottle).is_none() {
        sim::violation("who writes for others waits until less is dirty, which he is to clean");
    }
    let done = Rc::new(Cell::new(None));
    let (for_end, me) = (done.clone(), sim::current());
    let end = move |result| {
        for_end.set(Some(result));
        sim::wake(me);
    };
    file.submit(FileIo::new(
        way == Way::Write,
        pos,
        memory,
        false,
        Box::new(end),
    ));
    loop {
        if let Some(result) = done.get() {
            return finish(result);
        }
        sim::wait("the page cache");
    }
}

#[pinned_drop]
impl PinnedDrop for LowerIo {
    fn drop(self: Pin<&mut Self>) {
        sim::might_sleep("freeing an I/O");
        self.flights.wait();
    }
}
