// SPDX-License-Identifier: GPL-2.0

//! The bitmap of a copy-on-write disk, which requests set and a flush copies, without a lock.

use super::{model, Guarded};
use crate::ubd::{
    bitmap::{is_set, set, Words},
    flush::{mark, Flush, Step, BLOCK},
    format::{create, HEADER},
};
use loom::sync::{
    atomic::{AtomicU64, Ordering},
    Arc,
};
use loom::thread;

/// A word of the bitmap, or of the marks, as the driver orders accesses.
struct Word(AtomicU64);

impl Words for Word {
    fn len(&self) -> usize {
        1
    }

    fn load(&self, index: usize) -> u64 {
        match index {
            0 => self.0.load(Ordering::Acquire),
            _ => 0,
        }
    }

    fn fetch_or(&self, index: usize, mask: u64) -> u64 {
        match index {
            0 => self.0.fetch_or(mask, Ordering::Release),
            _ => 0,
        }
    }

    fn fetch_and(&self, index: usize, mask: u64) -> u64 {
        match index {
            0 => self.0.fetch_and(mask, Ordering::AcqRel),
            _ => 0,
        }
    }
}

struct Disk {
    bits: Word,
    dirty: Word,
}

impl Disk {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            bits: Word(AtomicU64::new(0)),
            dirty: Word(AtomicU64::new(0)),
        })
    }

    /// What a request does when its data is written.
    fn wrote(&self, sector: u64) {
        if set(&self.bits, sector, 1) {
            mark(&self.dirty, sector, 1);
        }
    }

    /// What a flush copies of the first eight sectors.
    fn captured(&self) -> u8 {
        let layout = create(b"/b", 8 * 512, 0, &mut [0; HEADER]).unwrap();
        let mut flush = Flush::<_, ()>::new(vec![0], &layout, 512).unwrap();
        let mut staging = vec![0; BLOCK];
        flush.begin();
        flush.capture(&self.dirty, &self.bits, &mut staging.as_mut_slice());
        assert!(matches!(flush.step(), Step::Sync));
        staging[0]
    }
}

/// Each bit is in what one flush copies, or in what the next one does.
#[test]
fn no_bit_is_left_out() {
    model(3, || {
        let disk = Disk::new();
        let threads = [0, 1].map(|sector| {
            let disk = disk.clone();
            thread::spawn(move || disk.wrote(sector))
        });
        let first = disk.captured();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(first | disk.captured(), 3);
    });
}

/// Whoever finds a bit set, to read the sector or to copy the bit, sees what was written.
#[test]
fn data_comes_before_its_bit() {
    model(3, || {
        let disk = Disk::new();
        let data = Guarded::new();
        let (writes, written) = (disk.clone(), data.clone());
        let writer = thread::spawn(move || {
            written.touch();
            writes.wrote(5);
        });
        if disk.captured() & 1 << 5 != 0 || is_set(&disk.bits, 5) {
            data.touch();
        }
        writer.join().unwrap();
    });
}
