// SPDX-License-Identifier: GPL-2.0

//! What a power cut may leave of each sector.
//!
//! A write survives when it has succeeded, and a flush that began afterwards has succeeded, too. A
//! write that was to be forced to the medium survives when it has succeeded. After a power cut, a
//! sector has what a write has written that is not certainly older than one that survives. A write
//! is certainly older than another one if it had ended, in whatever way, when the other one began.
//!
//! A flush that fails says that what was written may be lost. What had begun by then need not
//! survive the flushes that follow: a part of it may have been written before. So does a forced write that fails: for a device that cannot force
//! writes, the block layer makes a write and a flush of it, and the driver sees only those. Of two
//! such flushes, the driver reports a loss to the first one, and cannot know whose write the second
//! one is for. So a forced write need not survive either if a flush has failed while it was under way.

use super::Initial;
use std::{
    cell::RefCell,
    collections::BTreeMap, //
};

#[derive(Clone, Copy, Debug)]
struct Write {
    id: u64,
    value: u64,
    began: u64,
    ended: Option<u64>,
    /// Flushes make it survive.
    succeeded: bool,
    /// Somebody was told that it may be lost.
    excused: bool,
    survives: bool,
    /// When something survived that is certainly newer.
    gone: Option<u64>,
}

/// What every sector has at first.
const INITIAL: Write = Write {
    id: 0,
    value: 0,
    began: 0,
    ended: Some(0),
    succeeded: true,
    excused: false,
    survives: true,
    gone: None,
};

#[derive(Debug, Default)]
struct State {
    time: u64,
    initial: Initial,
    /// What fails may be tried again, and nothing is lost.
    keeps: bool,
    sectors: BTreeMap<u64, Vec<Write>>,
}

/// What is known of the writes and flushes of a disk.
#[derive(Debug, Default)]
pub struct Flushed(RefCell<State>);

/// A write that has begun.
#[derive(Debug)]
pub struct Begun {
    id: u64,
    first: u64,
    count: u64,
}

/// How a write has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It has failed, and may have happened or not, sector by sector.
    Failed,
    /// The same, and it was to be forced.
    FailedForced,
    /// It has succeeded, and may be in a cache.
    Cached,
    /// It has succeeded, and survives.
    Forced,
}

impl State {
    fn tick(&mut self) -> u64 {
        self.time += 1;
        self.time
    }

    fn first(&self, sector: u64) -> Write {
        Write {
            value: self.initial.of(sector),
            ..INITIAL
        }
    }

    /// Notes that somebody was told that what has begun may be lost.
    fn excuse(&mut self) {
        if self.keeps {
            return;
        }
        for write in self.sectors.values_mut().flatten() {
            write.excused = true;
        }
    }
}

impl Flushed {
    /// Of a disk that is not of zeroes at first. If `keeps` is set, it has what it could not flush, and a
    /// flush that succeeds after one that has failed makes all of it survive.
    pub fn that_begins_with(initial: Initial, keeps: bool) -> Self {
        let this = Self::default();
        {
            let mut state = this.0.borrow_mut();
            state.initial = initial;
            state.keeps = keeps;
        }
        this
    }

    /// Begins a write of `values` to the sectors from `first` on.
    pub fn begin_write(&self, first: u64, values: &[u64]) -> Begun {
        let mut state = self.0.borrow_mut();
        let began = state.tick();
        for (sector, &value) in (first..).zip(values) {
            let first = state.first(sector);
            let writes = state.sectors.entry(sector).or_insert_with(|| vec![first]);
            writes.push(Write {
                id: began,
                value,
                began,
                ended: None,
                succeeded: false,
                excused: false,
                survives: false,
                gone: None,
            });
        }
        Begun {
            id: began,
            first,
            count: values.len() as u64,
        }
    }

    /// Ends a write.
    pub fn end_write(&self, begun: Begun, how: Ended) {
        let mut state = self.0.borrow_mut();
        let now = state.tick();
        for (_, writes) in state
            .sectors
            .range_mut(begun.first..begun.first + begun.count)
        {
            for write in writes.iter_mut().filter(|write| write.id == begun.id) {
                write.ended = Some(now);
                write.succeeded = matches!(how, Ended::Cached | Ended::Forced);
                write.survives = how == Ended::Forced && !write.excused;
            }
            give_up_older(writes, now);
        }
        if how == Ended::FailedForced {
            state.excuse();
        }
    }

    /// Begins a flush.
    pub fn begin_flush(&self) -> u64 {
        self.0.borrow_mut().tick()
    }

    /// Ends a flush that began at a time.
    pub fn end_flush(&self, began: u64, succeeded: bool) {
        let mut state = self.0.borrow_mut();
        let now = state.tick();
        if !succeeded {
            return state.excuse();
        }
        for writes in state.sectors.values_mut() {
            for write in writes.iter_mut() {
                if write.ended.is_some_and(|ended| ended < began) {
                    write.survives |= write.succeeded && !write.excused;
                }
            }
            give_up_older(writes, now);
        }
    }

    /// Returns the time, for [`look_since`](Self::look_since).
    pub fn now(&self) -> u64 {
        self.0.borrow_mut().tick()
    }

    /// Returns whether a sector may have a value after a power cut now, and why not.
    pub fn look(&self, sector: u64, value: u64) -> Result<(), String> {
        self.look_since(sector, value, u64::MAX)
    }

    /// Returns whether a sector may have had a value at any time from `began` until now, if power
    /// was cut before, and why not.
    pub fn look_since(&self, sector: u64, value: u64, began: u64) -> Result<(), String> {
        let state = self.0.borrow();
        let none = vec![state.first(sector)];
        let writes = state.sectors.get(&sector).unwrap_or(&none);
        let may = |write: &&Write| write.gone.is_none_or(|gone| gone > began);
        if writes.iter().filter(may).any(|write| write.value == value) {
            return Ok(());
        }
        Err(format!(
            "sector {sector} has {value:#x} after a power cut; writes: {writes:x?}"
        ))
    }
}

/// Gives up the writes that had ended before one began that survives.
fn give_up_older(writes: &mut [Write], now: u64) {
    let survivors = writes.iter().filter(|write| write.survives);
    let last = survivors.map(|write| write.began).max().unwrap_or(0);
    let is_older = |write: &&mut Write| write.ended.is_some_and(|ended| ended < last);
    for write in writes.iter_mut().filter(is_older) {
        write.gone = write.gone.or(Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(disk: &Flushed, value: u64, how: Ended) {
        let begun = disk.begin_write(7, &[value]);
        disk.end_write(begun, how);
    }

    fn flush(disk: &Flushed, succeeded: bool) {
        let began = disk.begin_flush();
        disk.end_flush(began, succeeded);
    }

    fn allowed(disk: &Flushed) -> Vec<u64> {
        (0..9)
            .filter(|&value| disk.look(7, value).is_ok())
            .collect()
    }

    #[test]
    fn what_was_not_flushed_may_be_lost() {
        let disk = Flushed::default();
        assert_eq!(allowed(&disk), [0]);
        write(&disk, 1, Ended::Cached);
        write(&disk, 2, Ended::Cached);
        assert_eq!(allowed(&disk), [0, 1, 2]);
    }

    #[test]
    fn what_was_flushed_survives() {
        let disk = Flushed::default();
        write(&disk, 1, Ended::Cached);
        write(&disk, 2, Ended::Cached);
        flush(&disk, true);
        assert_eq!(allowed(&disk), [2]);
        write(&disk, 3, Ended::Cached);
        assert_eq!(allowed(&disk), [2, 3]);
    }

    #[test]
    fn a_forced_write_survives_without_a_flush() {
        let disk = Flushed::default();
        write(&disk, 1, Ended::Cached);
        write(&disk, 2, Ended::Forced);
        assert_eq!(allowed(&disk), [2]);
    }

    #[test]
    fn a_flush_covers_what_had_ended_when_it_began() {
        let disk = Flushed::default();
        write(&disk, 1, Ended::Cached);
        let late = disk.begin_write(7, &[2]);
        let began = disk.begin_flush();
        disk.end_write(late, Ended::Cached);
        disk.end_flush(began, true);
        assert_eq!(allowed(&disk), [1, 2]);
    }

    #[test]
    fn writes_at_a_time_may_end_in_any_order() {
        let disk = Flushed::default();
        let (one, two) = (disk.begin_write(7, &[1]), disk.begin_write(7, &[2]));
        disk.end_write(two, Ended::Cached);
        disk.end_write(one, Ended::Cached);
        flush(&disk, true);
        assert_eq!(allowed(&disk), [1, 2]);
    }

    #[test]
    fn a_write_that_failed_may_have_happened_until_another_one_survives() {
        let disk = Flushed::default();
        write(&disk, 1, Ended::Forced);
        write(&disk, 2, Ended::Failed);
        flush(&disk, true);
        assert_eq!(allowed(&disk), [1, 2]);
        write(&disk, 3, Ended::Forced);
        assert_eq!(allowed(&disk), [3]);
    }

    #[test]
    fn a_flush_that_fails_tells_of_a_loss() {
        let disk = Flushed::default();
        write(&disk, 1, Ended::Cached);
        let late = disk.begin_write(8, &[1]);
        flush(&disk, false);
        disk.end_write(late, Ended::Cached);
        flush(&disk, true);
        assert_eq!(allowed(&disk), [0, 1]);
        assert!(disk.look(8, 0).is_ok());
        write(&disk, 2, Ended::Cached);
        flush(&disk, true);
        assert_eq!(allowed(&disk), [2]);
    }

    #[test]
    fn a_disk_that_keeps_what_it_could_not_flush_flushes_it_later() {
        let disk = Flushed::that_begins_with(Initial::new(|sector| sector), true);
        assert_eq!(allowed(&disk), [7]);
        write(&disk, 1, Ended::Cached);
        flush(&disk, false);
        assert_eq!(allowed(&disk), [1, 7]);
        flush(&disk, true);
        assert_eq!(allowed(&disk), [1]);
    }

    #[test]
    fn a_forced_write_that_fails_tells_of_a_loss() {
        for (how, allows) in [(Ended::FailedForced, &[0, 1][..]), (Ended::Failed, &[1])] {
            let disk = Flushed::default();
            write(&disk, 1, Ended::Cached);
            let other = disk.begin_write(3, &[8]);
            disk.end_write(other, how);
            flush(&disk, true);
            assert_eq!(allowed(&disk), allows);
        }
    }

    #[test]
    fn a_read_may_find_what_was_given_up_meanwhile() {
        let disk = Flushed::default();
        write(&disk, 1, Ended::Cached);
        let began = disk.now();
        write(&disk, 2, Ended::Forced);
        assert!(disk.look_since(7, 1, began).is_ok());
        assert!(disk.look_since(7, 1, disk.now()).is_err());
    }

    #[test]
    fn sectors_are_independent() {
        let disk = Flushed::default();
        let begun = disk.begin_write(6, &[1, 2, 3]);
        disk.end_write(begun, Ended::Forced);
        assert_eq!(allowed(&disk), [2]);
        assert!(disk.look(6, 2).is_err());
        assert!(disk.look(9, 3).is_err());
        assert!(disk.look(9, 0).is_ok());
    }
}
