// SPDX-License-Identifier: GPL-2.0

//! What users do with a disk, as the judges of its data are told.

use crate::judge::{
    blocks::Blocks,
    flushed::{
        Ended,
        Flushed, //
    },
    progress::Progress,
    Initial, //
};
use kernel::sim::{
    self,
    choose,
    clock,
    log,
    once_in, //
};
use rb::{
    block::{
        bio::{
            Command,
            Flag,
            Flags, //
        },
        error::BlkResult, //
    },
    sim::{
        disks::Disk,
        files, //
    },
};

/// What the judges know of the data of a disk.
pub(super) struct Data {
    /// What reads may return.
    pub(super) blocks: Blocks,
    /// What power cuts may leave.
    pub(super) flushed: Flushed,
    /// Who waits.
    progress: Progress,
}

impl Data {
    /// Makes that of a disk of zeroes, whose writes may fail or not.
    pub(super) fn new(writes_fail: bool) -> Self {
        Self {
            blocks: if writes_fail {
                Blocks::that_take_back()
            } else {
                Blocks::default()
            },
            flushed: Flushed::default(),
            progress: Progress::default(),
        }
    }

    /// Makes that of a disk that begins with something, and keeps what it could not flush, or not.
    pub(super) fn of(initial: Initial, keeps: bool) -> Self {
        Self {
            blocks: Blocks::that_begin_with(initial.clone()),
            flushed: Flushed::that_begins_with(initial, keeps),
            progress: Progress::default(),
        }
    }

    /// Has a user do something that must end.
    pub(super) fn watch<R>(&self, what: String, f: impl FnOnce() -> R) -> R {
        let waiting = self.progress.begin(what, clock::now());
        let result = f();
        self.progress.end(waiting);
        result
    }

    /// Looks whether somebody waits for longer than anything takes, that is for ever; logs what the
    /// driver's files say then.
    pub(super) fn look_for_progress(&self, limit: u64) {
        if let Err(text) = self.progress.look(clock::now(), limit) {
            for path in files::list() {
                let shown = files::show(&path).unwrap_or_default();
                log(format!("{path}: {}", String::from_utf8_lossy(&shown)));
            }
            sim::violation(&text);
        }
    }

    /// Reads that many sectors, which must be what was written.
    pub(super) fn read(&self, disk: &Disk, first: u64, count: u64) -> BlkResult {
        self.read_as(disk, first, count, |_| ())
    }

    /// The same, but for what `change` makes of it.
    pub(super) fn read_as(
        &self,
        disk: &Disk,
        first: u64,
        count: u64,
        change: impl FnOnce(&mut [u8]),
    ) -> BlkResult {
        let began = self.blocks.begin_read();
        let mut data = disk.read(first, Flags::empty(), count as u32)?;
        change(&mut data);
        self.blocks.end_read(began, first, &data);
        Ok(())
    }

    /// Writes that many sectors; some writes are forced.
    pub(super) fn write(&self, disk: &Disk, first: u64, count: u64) -> BlkResult {
        self.write_in_parts(disk, first, count, u32::MAX)
    }

    /// As that, by many writes at a time, of so many sectors each.
    pub(super) fn write_in_parts(
        &self,
        disk: &Disk,
        first: u64,
        count: u64,
        most: u32,
    ) -> BlkResult {
        let forced = once_in(6);
        let flags = match choose(3) {
            _ if forced => Flag::ForcedUnitAccess.into(),
            0 => Flag::Sync.into(),
            _ => Flags::empty(),
        };
        let begun = self.blocks.begin_write(first, count);
        let to_survive = self.flushed.begin_write(first, begun.values());
        let result = disk.write_in_parts(first, flags, &begun.data(), most);
        let how = match result {
            Ok(()) if forced => Ended::Forced,
            Ok(()) => Ended::Cached,
            Err(_) if forced => Ended::FailedForced,
            Err(_) => Ended::Failed,
        };
        log(format!(
            "write of {count} at {first}: {to_survive:x?} {how:?}"
        ));
        self.flushed.end_write(to_survive, how);
        match result {
            Ok(()) => self.blocks.succeeded(&begun),
            Err(_) => self.blocks.failed(&begun),
        }
        result
    }

    /// Discards that many sectors, which may erase them or not.
    pub(super) fn discard(&self, disk: &Disk, first: u64, count: u64) -> BlkResult {
        let begun = self.blocks.begin_erase(first, count);
        let to_survive = self.flushed.begin_write(first, begun.values());
        let result = disk.erase(Command::Discard, first, count as u32);
        self.flushed.end_write(to_survive, Ended::Failed);
        self.blocks.failed(&begun);
        result
    }

    /// Writes zeroes to that many sectors.
    pub(super) fn zero(&self, disk: &Disk, first: u64, count: u64) -> BlkResult {
        self.erase(disk, (Command::WriteZeroes, Flags::empty()), first, count)
    }

    /// Has that many sectors be zeroes from then on.
    pub(super) fn erase(
        &self,
        disk: &Disk,
        how: (Command, Flags),
        first: u64,
        count: u64,
    ) -> BlkResult {
        let begun = self.blocks.begin_erase(first, count);
        let to_survive = self.flushed.begin_write(first, begun.values());
        let result = disk.erase_as(how, first, count as u32);
        let how = match result {
            Ok(()) => Ended::Cached,
            Err(_) => Ended::Failed,
        };
        self.flushed.end_write(to_survive, how);
        match result {
            Ok(()) => self.blocks.succeeded(&begun),
            Err(_) => self.blocks.failed(&begun),
        }
        result
    }

    /// Flushes.
    pub(super) fn flush(&self, disk: &Disk) -> BlkResult {
        let began = self.flushed.begin_flush();
        let result = disk.flush();
        log(format!("flush since {began:x}: {result:?}"));
        self.flushed.end_flush(began, result.is_ok());
        result
    }
}
