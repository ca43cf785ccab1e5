// SPDX-License-Identifier: GPL-2.0

//! Disks as users have them.

use crate::{
    block::{
        bio::{
            Bio,
            Command,
            Flags,
            Piece, //
        },
        dev_t::DevT,
        error::BlkResult,
        gen_disk::{
            Core,
            Opening,
            Used, //
        },
        limits::QueueLimits,
        SECTOR_SHIFT, //
    },
    page::Memory, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sim, //
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    collections::BTreeMap,
    sync::Arc as Shared, //
};

type Table = BTreeMap<String, Shared<dyn Used>>;

thread_local! {
    static DISKS: RefCell<Table> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: Cell<u32> = const { Cell::new(0) };
}

/// Makes a disk known, and gives it a number if it has none.
pub(crate) fn add(name: &str, disk: Shared<dyn Used>) -> Result {
    sim::point();
    if disk.core().get(|state| state.dev == DevT::NONE) {
        let number = NEXT.with(|next| next.replace(next.get() + 1));
        disk.core()
            .set(|state| DevT::new(259, number).map(|dev| state.dev = dev))?;
    }
    let dev = disk.core().get(|state| state.dev);
    DISKS.with(|disks| {
        let mut disks = disks.borrow_mut();
        let taken = disks
            .iter()
            .any(|(other, used)| other == name || used.core().peek_dev() == dev);
        if taken {
            return Err(EEXIST);
        }
        disks.insert(name.to_owned(), disk);
        Ok(())
    })
}

/// Makes a disk unknown.
pub(crate) fn remove(core: &Core) {
    let disk = DISKS.with(|disks| disks.borrow_mut().remove(&*core.name.to_string_lossy()));
    drop(disk);
}

pub(crate) fn find(name: &str) -> Option<Shared<dyn Used>> {
    DISKS.with(|disks| disks.borrow().get(name).cloned())
}

/// Forgets all disks.
pub(crate) fn reset() {
    DISKS.with(|disks| core::mem::forget(core::mem::take(&mut *disks.borrow_mut())));
    NEXT.with(|next| next.set(0));
}

/// Returns the names of all disks.
pub fn names() -> Vec<String> {
    DISKS.with(|disks| disks.borrow().keys().cloned().collect())
}

/// Returns the capacity of a disk in sectors; 0 if there is none.
pub fn sectors(name: &str) -> u64 {
    find(name).map_or(0, |disk| disk.core().get(|state| state.capacity))
}

/// A disk that a user has open.
pub struct Disk(Shared<dyn Used>);

/// Opens a disk.
pub fn open(name: &str, write: bool) -> Result<Disk> {
    sim::point();
    let disk = find(name).ok_or(ENXIO)?;
    disk.open(Opening {
        write,
        nonblock: false,
    })?;
    Ok(Disk(disk))
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Disk {
    /// Returns the capacity in sectors.
    pub fn sectors(&self) -> u64 {
        self.0.core().get(|state| state.capacity)
    }

    /// Returns the limits.
    pub fn limits(&self) -> QueueLimits {
        self.0.core().get(|state| state.limits)
    }

    /// Reads sectors.
    pub fn read(&self, sector: u64, flags: Flags, sectors: u32) -> BlkResult<Vec<u8>> {
        let (bytes, offset) = ((sectors << SECTOR_SHIFT) as usize, shift());
        let pieces = pages(bytes, offset);
        let bio = Bio::new(Command::Read, flags, sector, bytes as u32, pieces.clone());
        self.0.submit(bio)?;
        let mut data = Vec::with_capacity(bytes);
        for piece in &pieces {
            piece.page.with(piece.offset, piece.len, |bytes| {
                data.extend_from_slice(bytes)
            });
        }
        Ok(data)
    }

    /// Writes sectors.
    pub fn write(&self, sector: u64, flags: Flags, data: &[u8]) -> BlkResult {
        self.write_in_parts(sector, flags, data, u32::MAX)
    }

    /// Returns how many writes of all users wait that the driver has not taken.
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }

    /// Writes sectors by many writes at a time, of so many sectors each.
    pub fn write_in_parts(&self, sector: u64, flags: Flags, data: &[u8], most: u32) -> BlkResult {
        let pieces = pages(data.len(), shift());
        let mut rest = data;
        for piece in &pieces {
            let (now, later) = rest.split_at(piece.len);
            piece
                .page
                .with(piece.offset, piece.len, |bytes| bytes.copy_from_slice(now));
            rest = later;
        }
        let mut bio = Bio::new(Command::Write, flags, sector, data.len() as u32, pieces);
        bio.most = most;
        self.0.submit(bio)
    }

    /// Discards sectors, or writes zeroes to them.
    pub fn erase(&self, command: Command, sector: u64, sectors: u32) -> BlkResult {
        self.erase_as((command, Flags::empty()), sector, sectors)
    }

    /// The same, with flags.
    pub fn erase_as(&self, how: (Command, Flags), sector: u64, sectors: u32) -> BlkResult {
        let bytes = sectors << SECTOR_SHIFT;
        self.0
            .submit(Bio::new(how.0, how.1, sector, bytes, Vec::new()))
    }

    /// Has all that was written go to where it survives.
    pub fn flush(&self) -> BlkResult {
        let flags = crate::block::bio::Flag::Preflush.into();
        self.0
            .submit(Bio::new(Command::Write, flags, 0, 0, Vec::new()))
    }

    /// Asks the driver.
    pub fn ioctl(&self, cmd: u32, arg: usize) -> Result<i32> {
        self.0.ioctl(cmd, arg)
    }
}

/// Where in their pages the buffers of users begin.
fn shift() -> usize {
    (sim::choose(3) * 512) as usize
}

fn pages(bytes: usize, mut offset: usize) -> Vec<Piece> {
    let (mut left, mut pieces) = (bytes, Vec::new());
    while left != 0 {
        let len = left.min(PAGE_SIZE - offset);
        pieces.push(Piece {
            page: Memory::filled(0xee),
            offset,
            len,
        });
        left -= len;
        offset = 0;
    }
    pieces
}
