// SPDX-License-Identifier: GPL-2.0

//! What a server keeps: sectors, with a cache that a crash of the server loses.
//!
//! Of each sector there is what is durable, and what is in the cache since. So all is known that a crash
//! could leave. Each sector is filled with one number; see [`Blocks`](crate::judge::blocks::Blocks).

use crate::judge::blocks::{
    filled,
    value_of,
    SECTOR, //
};
use kernel::sim;
use std::{
    cell::RefCell,
    collections::BTreeMap, //
};

#[derive(Clone, Debug, Default)]
struct Sector {
    durable: u64,
    /// What was written since, one after the other.
    cached: Vec<u64>,
}

/// Who is told of a sector of which a crash could now leave something else.
type Changed = Box<dyn Fn(u64)>;

/// The sectors of a server.
pub struct Export {
    volatile: bool,
    changed: RefCell<Option<Changed>>,
    sectors: RefCell<BTreeMap<u64, Sector>>,
}

impl Export {
    /// Makes one of zeroes; `volatile` if it has a cache.
    pub fn new(volatile: bool) -> Self {
        Self {
            volatile,
            changed: RefCell::default(),
            sectors: RefCell::default(),
        }
    }

    /// Has `changed` called for each sector that is written.
    pub fn watch(&self, changed: impl Fn(u64) + 'static) {
        *self.changed.borrow_mut() = Some(Box::new(changed));
    }

    /// Returns what a sector reads as.
    pub fn current(&self, sector: u64) -> u64 {
        let sectors = self.sectors.borrow();
        let sector = sectors.get(&sector);
        sector.map_or(0, |sector| *sector.cached.last().unwrap_or(&sector.durable))
    }

    /// Returns all that a sector can have after a crash now.
    pub fn after_cut(&self, sector: u64) -> Vec<u64> {
        let sectors = self.sectors.borrow();
        let Some(sector) = sectors.get(&sector) else {
            return vec![0];
        };
        let cached = sector.cached.iter().copied();
        cached.chain([sector.durable]).collect()
    }

    /// Reads.
    pub fn read(&self, first: u64, count: u64) -> Vec<u8> {
        filled((first..first + count).map(|sector| self.current(sector)))
    }

    /// Writes, `through` the cache or to it.
    pub fn write(&self, first: u64, data: &[u8], through: bool) {
        for (sector, bytes) in (first..).zip(data.chunks(SECTOR)) {
            match value_of(bytes) {
                Some(value) => self.set(sector, value, through),
                None => sim::violation(&format!(
                    "sector {sector} is written with what nobody has written"
                )),
            }
        }
    }

    /// Writes zeroes.
    pub fn zero(&self, first: u64, count: u64, through: bool) {
        for sector in first..first + count {
            self.set(sector, 0, through);
        }
    }

    fn set(&self, sector: u64, value: u64, through: bool) {
        self.put(sector, value, through);
        if let Some(changed) = &*self.changed.borrow() {
            changed(sector);
        }
    }

    fn put(&self, sector: u64, value: u64, through: bool) {
        let mut sectors = self.sectors.borrow_mut();
        let sector = sectors.entry(sector).or_default();
        if through || !self.volatile {
            sector.cached.clear();
            sector.durable = value;
        } else {
            sector.cached.push(value);
        }
    }

    /// Makes all durable.
    pub fn flush(&self) {
        for sector in self.sectors.borrow_mut().values_mut() {
            if let Some(last) = sector.cached.pop() {
                sector.durable = last;
                sector.cached.clear();
            }
        }
    }
}
