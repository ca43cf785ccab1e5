// SPDX-License-Identifier: GPL-2.0

//! Lower devices, as the world makes them.

use crate::{
    block::{
        bdev::LowerLimits,
        bio::{
            Bio,
            Command,
            Flag,
            Flags,
            Piece, //
        },
        dev_t::DevT,
        error::{
            BlkError,
            BlkResult, //
        },
        optical::Sense,
        SECTOR_SHIFT, //
    },
    page::Memory, //
};
use kernel::{
    prelude::*,
    sim, //
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    collections::BTreeMap,
    rc::Rc, //
};

/// A lower device.
pub trait Lower {
    /// Returns the name, such as `sda`.
    fn name(&self) -> String;
    /// Returns what it allows.
    fn limits(&self) -> LowerLimits;
    /// Returns its size in sectors.
    fn sectors(&self) -> u64;
    /// Carries out an I/O, and ends it once, now or later.
    fn submit(&self, io: Io);

    /// Returns where it begins on its disk, in sectors.
    fn start_sector(&self) -> u64 {
        0
    }

    /// Returns whether it refuses writes.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Returns whether its medium can be changed.
    fn is_removable(&self) -> bool {
        false
    }

    /// Returns a number that changes when there is another medium.
    fn media_seq(&self) -> u64 {
        0
    }

    /// Is opened, and closed again, by somebody who wants no I/O, nor a medium; may sleep.
    fn glance(&self) -> Result {
        Ok(())
    }

    /// Is opened; may sleep.
    fn open(&self, _write: bool) -> Result {
        Ok(())
    }

    /// Is closed; may sleep.
    fn close(&self) {}

    /// Returns what it is if it is an optical drive.
    fn drive(&self) -> Option<&dyn Drive> {
        None
    }
}

/// The data of a command to a drive.
pub enum Payload<'a> {
    /// There is none.
    None,
    /// From the drive.
    In(&'a mut [u8]),
    /// To the drive.
    Out(&'a [u8]),
}

/// An optical drive.
pub trait Drive {
    /// Carries a command out; may sleep.
    ///
    /// Fails with what the drive says, or with an error of its own.
    fn execute(
        &self,
        cdb: &[u8],
        data: Payload<'_>,
    ) -> core::result::Result<(), Result<Sense, Error>>;

    /// Returns a number that changes when the drive says that it was reset, or has another medium.
    fn attentions(&self) -> u32;

    /// Returns whether the driver of the drive has still to look at another medium.
    fn has_changed(&self) -> bool {
        false
    }

    /// Returns whether the driver of the drive locks its door while it is open.
    fn locks_door(&self) -> bool {
        true
    }

    /// Is told that the medium was closed after the last write.
    fn set_closed(&self) {}

    /// Sets the size of the disk.
    fn set_sectors(&self, sectors: u64);

    /// Returns whether the tray is open.
    fn has_open_tray(&self) -> bool {
        false
    }
}

type End = Box<dyn FnOnce(BlkResult)>;

/// An I/O to a lower device.
pub struct Io {
    /// What is to be done.
    pub command: Command,
    /// How.
    pub flags: Flags,
    /// The first sector.
    pub sector: u64,
    /// How many bytes.
    pub bytes: u32,
    /// The pages of its data.
    pub pieces: Vec<Piece>,
    end: Option<End>,
}

impl Io {
    pub(crate) fn new(bio: Bio, end: End) -> Self {
        Self {
            command: bio.command,
            flags: bio.flags,
            sector: bio.sector,
            bytes: bio.bytes,
            pieces: bio.pieces,
            end: Some(end),
        }
    }

    /// Returns the number of sectors.
    pub fn sectors(&self) -> u64 {
        u64::from(self.bytes >> SECTOR_SHIFT)
    }

    /// Copies the data of a write.
    pub fn data(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.bytes as usize);
        for piece in &self.pieces {
            let copy = |bytes: &mut [u8]| all.extend_from_slice(bytes);
            piece.page.with(piece.offset, piece.len, copy);
        }
        all
    }

    /// Sets the data of a read.
    pub fn set_data(&self, mut data: &[u8]) {
        for piece in &self.pieces {
            let (now, later) = data.split_at(piece.len.min(data.len()));
            piece
                .page
                .with(piece.offset, now.len(), |bytes| bytes.copy_from_slice(now));
            data = later;
        }
    }

    /// Ends it.
    pub fn end(mut self, result: BlkResult) {
        // Whoever hears of it may go then, and with him the memory.
        self.pieces.clear();
        if let Some(end) = self.end.take() {
            end(result);
        }
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        if self.end.is_some() && sim::is_running() {
            sim::violation("the world has lost an IO");
        }
    }
}

/// A lower device, and whether somebody has claimed it.
struct Entry {
    lower: Rc<dyn Lower>,
    claimed: bool,
    /// How many have claimed it together.
    sharers: usize,
}

thread_local! {
    static TABLE: RefCell<BTreeMap<(u32, u32), Entry>> = const { RefCell::new(BTreeMap::new()) };
}

fn key(dev: DevT) -> (u32, u32) {
    (dev.major(), dev.minor())
}

/// Adds a lower device.
pub fn add(dev: DevT, lower: Rc<dyn Lower>) {
    let entry = Entry {
        lower,
        claimed: false,
        sharers: 0,
    };
    TABLE.with(|table| table.borrow_mut().insert(key(dev), entry));
}

/// Removes a lower device.
pub fn remove(dev: DevT) {
    // Dropped when the table is free: it may look there.
    let entry = TABLE.with(|table| table.borrow_mut().remove(&key(dev)));
    drop(entry);
}

/// Returns whether somebody has claimed a device.
pub fn is_claimed(dev: DevT) -> bool {
    TABLE.with(|table| {
        table
            .borrow()
            .get(&key(dev))
            .is_some_and(|entry| entry.claimed || entry.sharers != 0)
    })
}

/// Finds a lower device.
pub(crate) fn find(dev: DevT) -> Option<Rc<dyn Lower>> {
    TABLE.with(|table| {
        table
            .borrow()
            .get(&key(dev))
            .map(|entry| entry.lower.clone())
    })
}

/// Claims a device, alone or together with others.
pub(crate) fn claim(dev: DevT, shared: bool) -> Result {
    sim::point();
    TABLE.with(|table| {
        let mut table = table.borrow_mut();
        let entry = table.get_mut(&key(dev)).ok_or(ENXIO)?;
        if entry.claimed || (entry.sharers != 0 && !shared) {
            return Err(EBUSY);
        }
        if shared {
            entry.sharers += 1;
        } else {
            entry.claimed = true;
        }
        Ok(())
    })
}

/// Gives a device back.
pub(crate) fn release(dev: DevT, shared: bool) {
    TABLE.with(|table| {
        if let Some(entry) = table.borrow_mut().get_mut(&key(dev)) {
            if shared {
                entry.sharers -= 1;
            } else {
                entry.claimed = false;
            }
        }
    });
}

/// Forgets all devices.
pub(crate) fn reset() {
    TABLE.with(|table| core::mem::forget(core::mem::take(&mut *table.borrow_mut())));
}

/// Hands a bio to a lower device, cut as that wants it; `end` is called when all of it has ended.
pub(crate) fn submit(dev: DevT, mut bio: Bio, end: End) {
    sim::might_sleep("submitting a bio");
    sim::point();
    let Some(lower) = find(dev) else {
        return end(Err(BlkError::OFFLINE));
    };
    let sectors = u64::from(bio.bytes >> SECTOR_SHIFT);
    if sectors > lower.sectors() || bio.sector > lower.sectors() - sectors {
        return end(Err(BlkError::IOERR));
    }
    let parts = cut(&mut bio, &lower.limits());
    let shared = Rc::new(RefCell::new((parts.len(), Ok(()), Some(end))));
    for part in parts {
        let shared = shared.clone();
        let end = Box::new(move |result: BlkResult| {
            let end = {
                let mut shared = shared.borrow_mut();
                shared.0 -= 1;
                shared.1 = shared.1.and(result);
                if shared.0 == 0 {
                    shared.2.take().map(|end| (end, shared.1))
                } else {
                    None
                }
            };
            if let Some((end, result)) = end {
                end(result);
            }
        });
        lower.submit(Io::new(part, end));
    }
}

/// Has a device flush its cache, and waits for it.
pub(crate) fn flush(dev: DevT) -> BlkResult {
    let bio = Bio::new(Command::Write, Flag::Preflush.into(), 0, 0, Vec::new());
    let done = Rc::new(Cell::new(None));
    let (for_end, me) = (done.clone(), sim::current());
    let end = move |result| {
        for_end.set(Some(result));
        sim::wake(me);
    };
    submit(dev, bio, Box::new(end));
    loop {
        if let Some(result) = done.get() {
            return result;
        }
        sim::wait("a flush of a lower device");
    }
}

fn cut(bio: &mut Bio, limits: &LowerLimits) -> Vec<Bio> {
    let mut parts = Vec::new();
    loop {
        let mut most = match bio.command {
            Command::Discard => limits.max_discard_sectors,
            _ => limits.max_sectors,
        }
        .max(1);
        if let Some(into) = bio.sector.checked_rem(u64::from(limits.chunk_sectors)) {
            most = most.min(limits.chunk_sectors - into as u32);
        }
        if bio.bytes >> SECTOR_SHIFT <= most {
            parts.push(bio.clone());
            return parts;
        }
        parts.push(bio.split(most));
    }
}

/// Returns new pages for so many bytes, for I/O of the world itself.
pub fn pages(bytes: usize) -> Vec<Piece> {
    let whole = kernel::page::PAGE_SIZE;
    (0..bytes.div_ceil(whole))
        .map(|n| Piece {
            page: Memory::filled(0),
            offset: 0,
            len: (bytes - n * whole).min(whole),
        })
        .collect()
}
