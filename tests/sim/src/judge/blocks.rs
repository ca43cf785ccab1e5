// SPDX-License-Identifier: GPL-2.0

//! What reads may return: each sector is an atomic register.
//!
//! A read may return the data of a write that began before the read ended, unless another write
//! was certainly after that one and certainly before the read. A write is certainly over when it has
//! returned, or when a read has returned its data. A write that fails may have happened or not, and
//! one may turn into the other: a disk may serve reads with data that it then cannot keep.
//!
//! Each write has data of its own. Zeroes are what was erased, or was never written, unless a disk
//! begins with something else.

use super::Initial;
use kernel::sim;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc, //
};

/// Bytes of a sector.
pub const SECTOR: usize = 512;

#[derive(Clone, Copy, Debug)]
struct Write {
    id: u64,
    value: u64,
    began: u64,
    /// When it had certainly happened, if so.
    over: Option<u64>,
    /// When it returned.
    returned: Option<u64>,
    failed: bool,
}

#[derive(Default)]
struct State {
    /// Writes may fail after reads have returned their data.
    takes_back: bool,
    initial: Initial,
    time: u64,
    next: u64,
    sectors: BTreeMap<u64, Vec<Write>>,
}

/// What is known of the data of a disk.
#[derive(Clone, Default)]
pub struct Blocks(Rc<RefCell<State>>);

/// A write that has begun.
pub struct Begun {
    id: u64,
    first: u64,
    values: Vec<u64>,
}

impl Blocks {
    /// Of a disk whose writes may fail after reads have returned their data, and what was there before
    /// comes back.
    pub fn that_take_back() -> Self {
        let blocks = Self::default();
        blocks.0.borrow_mut().takes_back = true;
        blocks
    }

    /// Of a disk that is not of zeroes at first.
    pub fn that_begin_with(initial: Initial) -> Self {
        let blocks = Self::default();
        blocks.0.borrow_mut().initial = initial;
        blocks
    }

    fn tick(&self) -> u64 {
        let mut state = self.0.borrow_mut();
        state.time += 1;
        state.time
    }

    /// Begins a write of that many sectors.
    pub fn begin_write(&self, first: u64, count: u64) -> Begun {
        let began = self.tick();
        let mut state = self.0.borrow_mut();
        state.next += 1;
        let id = state.next;
        let values: Vec<u64> = (0..count).map(|n| id << 16 | n << 1 | 1).collect();
        for (n, &value) in values.iter().enumerate() {
            state.add(first + n as u64, id, value, began);
        }
        Begun { id, first, values }
    }

    /// Begins to erase that many sectors.
    pub fn begin_erase(&self, first: u64, count: u64) -> Begun {
        let began = self.tick();
        let mut state = self.0.borrow_mut();
        state.next += 1;
        let id = state.next;
        for sector in first..first + count {
            state.add(sector, id, 0, began);
        }
        let values = vec![0; count as usize];
        Begun { id, first, values }
    }

    /// Ends a write or erasure that has succeeded.
    pub fn succeeded(&self, begun: &Begun) {
        let now = self.tick();
        self.each(begun, |write| {
            write.returned = Some(now);
            write.over = Some(write.over.map_or(now, |over| over.min(now)));
        });
    }

    /// Ends one that has failed, and may have happened or not.
    pub fn failed(&self, begun: &Begun) {
        self.tick();
        self.each(begun, |write| {
            write.failed = true;
            write.over = None;
        });
    }

    /// Ends one that certainly has not happened, nor will.
    pub fn refused(&self, begun: &Begun) {
        let mut state = self.0.borrow_mut();
        for sector in begun.first..begun.first + begun.values.len() as u64 {
            if let Some(writes) = state.sectors.get_mut(&sector) {
                writes.retain(|write| write.id != begun.id);
            }
        }
    }

    fn each(&self, begun: &Begun, f: impl Fn(&mut Write)) {
        let mut state = self.0.borrow_mut();
        for sector in begun.first..begun.first + begun.values.len() as u64 {
            let writes = state.sectors.get_mut(&sector).into_iter().flatten();
            writes.filter(|write| write.id == begun.id).for_each(&f);
        }
    }

    /// Begins a read.
    pub fn begin_read(&self) -> u64 {
        self.tick()
    }

    /// Looks at what a read has returned.
    pub fn end_read(&self, began: u64, first: u64, data: &[u8]) {
        let now = self.tick();
        for (sector, bytes) in (first..).zip(data.chunks(SECTOR)) {
            let value = match value_of(bytes) {
                Some(value) => value,
                None => return wrong(sector, &format!("torn or foreign data: {}", shown(bytes))),
            };
            let mut state = self.0.borrow_mut();
            let allowed = state.saw(sector, value, began, now);
            let writes = state.sectors.get(&sector).cloned();
            drop(state);
            if !allowed {
                let text =
                    format!("a read [{began}, {now}] returns {value:#x}; writes: {writes:x?}");
                return wrong(sector, &text);
            }
        }
    }
}

impl State {
    fn add(&mut self, sector: u64, id: u64, value: u64, began: u64) {
        self.sectors.entry(sector).or_default().push(Write {
            id,
            value,
            began,
            over: None,
            returned: None,
            failed: false,
        });
    }

    /// Notes what a read has returned; returns whether it may have.
    fn saw(&mut self, sector: u64, value: u64, began: u64, now: u64) -> bool {
        let first = self.initial.of(sector);
        let writes = self.sectors.entry(sector).or_default();
        let is_superseded = |returned: Option<u64>| {
            returned.is_some_and(|returned| {
                let after = |other: &&Write| other.began > returned;
                writes
                    .iter()
                    .filter(after)
                    .any(|w| w.over.is_some_and(|over| over < began))
            })
        };
        let initial = value == first && !is_superseded(Some(0));
        let matches: Vec<usize> = (0..writes.len())
            .filter(|&at| {
                let write = writes[at];
                write.value == value && write.began < now && !is_superseded(write.returned)
            })
            .collect();
        if let ([only], false) = (&matches[..], initial) {
            let write = &mut writes[*only];
            if !write.failed && !self.takes_back {
                write.over = Some(write.over.map_or(now, |over| over.min(now)));
            }
        }
        initial || !matches.is_empty()
    }
}

impl Begun {
    /// Returns what each sector is filled with.
    pub fn values(&self) -> &[u64] {
        &self.values
    }

    /// Returns the data to write.
    pub fn data(&self) -> Vec<u8> {
        filled(self.values.iter().copied())
    }
}

/// Returns the data of a sector that is filled with a value.
pub fn fill(value: u64) -> Vec<u8> {
    value.to_le_bytes().repeat(SECTOR / 8)
}

/// Returns the data of sectors that are filled with one value each.
pub fn filled(values: impl Iterator<Item = u64>) -> Vec<u8> {
    let mut data = Vec::with_capacity(values.size_hint().0 * SECTOR);
    for value in values {
        data.extend_from_slice(&[value.to_le_bytes(); SECTOR / 8].concat());
    }
    data
}

/// Returns the value that a sector is filled with.
pub fn value_of(bytes: &[u8]) -> Option<u64> {
    let first: [u8; 8] = bytes.get(..8)?.try_into().ok()?;
    let same = bytes.chunks(8).all(|chunk| chunk == first);
    same.then(|| u64::from_le_bytes(first))
}

fn shown(bytes: &[u8]) -> String {
    let words: Vec<String> = bytes
        .chunks(8)
        .map(|chunk| {
            chunk
                .iter()
                .rev()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        })
        .collect();
    let mut runs: Vec<(usize, &String)> = Vec::new();
    for word in &words {
        match runs.last_mut() {
            Some((count, last)) if *last == word => *count += 1,
            _ => runs.push((1, word)),
        }
    }
    format!("{runs:?}")
}

fn wrong(sector: u64, text: &str) {
    sim::violation(&format!("sector {sector}: {text}"));
}
