// SPDX-License-Identifier: GPL-2.0

//! Jobs that bring the bitmap into the image.

use super::words::Bits;
use proptest::prelude::*;
use rblk_host_tests::ubd::logic::{
    bitmap::set,
    flush::{blocks_for, count_dirty, mark, Flush, Step, Sticky, Write, BLOCK, BLOCK_SECTORS},
    format::{Header, Version},
    layout::Layout,
};

fn layout(sectors: u64) -> Layout {
    Header {
        version: Version::V3,
        backing: b"/b",
        mtime: 0,
        size: sectors * 512,
        sector_size: 512,
        alignment: 4096,
        cow_format: 0,
    }
    .layout()
    .unwrap()
}

/// An image with its bitmap, and the job.
struct Rig {
    bits: Bits,
    dirty: Bits,
    memory: Vec<u8>,
    flush: Flush<Vec<u64>, &'static str>,
}

impl Rig {
    fn new(sectors: u64, slots: usize) -> Self {
        Self {
            bits: Bits::new(sectors),
            dirty: Bits::new(blocks_for(sectors)),
            memory: vec![0xee; slots * BLOCK],
            flush: Flush::new(vec![0; slots], &layout(sectors), 512).unwrap(),
        }
    }

    fn write(&self, sector: u64) {
        if set(&self.bits, sector, 1) {
            mark(&self.dirty, sector, 1);
        }
    }

    /// Does what is asked for, with this result; returns it.
    fn go(&mut self, result: Result<(), &'static str>) -> Step<&'static str> {
        let step = self.flush.step();
        match step {
            Step::Capture => {
                let memory = &mut self.memory;
                self.flush.capture(&self.dirty, &self.bits, memory);
            }
            Step::Sync | Step::Write => self.flush.done(&self.dirty, result),
            Step::Tell(_) => self.flush.end(),
            Step::Idle => {}
        }
        step
    }

    /// All steps of a job that succeeds.
    fn steps(&mut self) -> Vec<Step<&'static str>> {
        assert!(self.flush.begin());
        let steps = std::iter::from_fn(|| match self.go(Ok(())) {
            Step::Idle => None,
            step => Some(step),
        });
        steps.collect()
    }
}

const DONE: Step<&str> = Step::Tell(Ok(()));

/// UML's driver does nothing at all.
#[test]
fn u1_a_flush_without_bits_still_syncs() {
    let mut rig = Rig::new(BLOCK_SECTORS, 1);
    assert_eq!(rig.steps(), [Step::Capture, Step::Sync, DONE]);
}

#[test]
fn u7_data_is_durable_before_its_bits_are_written() {
    let mut rig = Rig::new(BLOCK_SECTORS * 8, 2);
    let round = [Step::Capture, Step::Sync, Step::Write, Step::Sync];
    rig.write(5);
    let one = [&round[..], &[DONE]].concat();
    assert_eq!(rig.steps(), one);
    assert_eq!(count_dirty(&rig.dirty), 0);

    // Three blocks, of which two fit; and two more that fill the memory.
    for block in [0, 3, 7] {
        rig.write(block * BLOCK_SECTORS + 9);
    }
    assert_eq!(rig.steps(), [&round[..], &round, &[DONE]].concat());
    rig.write(11);
    rig.write(BLOCK_SECTORS);
    let rest = [Step::Capture, Step::Sync, DONE];
    assert_eq!(rig.steps(), [&round[..], &rest].concat());
}

#[test]
fn blocks_together() {
    let mut rig = Rig::new(BLOCK_SECTORS * 3 + 8, 4);
    for block in [0, 2, 3] {
        rig.write(block * BLOCK_SECTORS);
    }
    rig.flush.begin();
    rig.go(Ok(()));
    let writes: Vec<_> = rig.flush.writes().collect();
    let expected = [
        Write {
            offset: 8192,
            slot: 0,
            bytes: 4096,
        },
        // The last block has a byte, of a unit of 512.
        Write {
            offset: 8192 + 8192,
            slot: 1,
            bytes: 4096 + 512,
        },
    ];
    assert_eq!(writes, expected);
    assert_eq!(writes[1].range(), 4096..8704);
    assert_eq!(rig.memory[0..2], [1, 0]);
    assert_eq!(rig.memory[8192..8194], [1, 0]);
    assert!(rig.memory[8193..8704].iter().all(|byte| *byte == 0));
}

/// What is set while a job goes on is written by it as a whole, or by the next one.
#[test]
fn bits_that_come_between() {
    let mut rig = Rig::new(BLOCK_SECTORS, 1);
    rig.write(0);
    rig.flush.begin();
    rig.go(Ok(()));
    rig.write(1);
    assert_eq!(count_dirty(&rig.dirty), 1);
    assert_eq!(rig.memory[0], 1);
    while rig.go(Ok(())) != Step::Idle {}
    rig.steps();
    assert_eq!(rig.memory[0], 3);
}

/// A write that is tried again after an error has its bit in the image, if only the bitmap's write failed.
#[test]
fn u5_blocks_are_dirty_until_they_are_durable() {
    for fails_at in 1..8 {
        let mut rig = Rig::new(BLOCK_SECTORS * 3, 2);
        for block in 0..3 {
            rig.write(block * BLOCK_SECTORS);
        }
        rig.flush.begin();
        let mut at = 0;
        let result = loop {
            let result = if at == fails_at { Err("no") } else { Ok(()) };
            at += 1;
            if let Step::Tell(result) = rig.go(result) {
                break result;
            }
        };
        // The steps that can fail: sync, write, sync; then capture; then the same for the last block.
        let captures = fails_at == 4;
        assert_eq!(result, if captures { Ok(()) } else { Err("no") });
        let dirty = match fails_at {
            1..=3 => 3,
            4 => 0,
            _ => 1,
        };
        assert_eq!(count_dirty(&rig.dirty), dirty, "{fails_at}");
        assert_eq!(rig.steps().last(), Some(&DONE));
        assert_eq!(count_dirty(&rig.dirty), 0);
    }
}

#[test]
fn one_at_a_time() {
    let mut rig = Rig::new(100, 1);
    assert_eq!(rig.flush.step(), Step::Idle);
    assert!(rig.flush.begin());
    assert!(!rig.flush.begin());
    // What comes out of turn changes nothing.
    rig.flush.done(&rig.dirty, Err("no"));
    rig.flush.end();
    assert_eq!(rig.flush.step(), Step::Capture);
}

#[test]
fn what_cannot_be() {
    let new = |slots: usize, unit| Flush::<_, ()>::new(vec![0; slots], &layout(100), unit);
    assert!(new(0, 512).is_none());
    assert!(new(1, 0).is_none());
    assert!(new(1, 3).is_none());
    assert!(new(1, 8192).is_none());
    assert!(new(1, 4096).is_some());
}

#[test]
fn errors_that_stay() {
    let mut sticky = Sticky::default();
    assert_eq!(sticky.ended(Ok(()), true), Ok(()));
    // A flush was told; the next one is right again.
    assert_eq!(sticky.ended(Err(5), true), Err(5));
    assert_eq!(sticky.error(), Some(5));
    assert_eq!(sticky.ended(Ok(()), true), Ok(()));
    assert_eq!(sticky.error(), None);
    // None was told, but the next one is, once.
    assert_eq!(sticky.ended(Err(6), false), Err(6));
    assert_eq!(sticky.ended(Ok(()), false), Ok(()));
    assert_eq!(sticky.ended(Ok(()), true), Err(6));
    assert_eq!(sticky.ended(Ok(()), true), Ok(()));
    // What is lost stays so.
    assert_eq!(sticky.lost(), None);
    sticky.lose(7);
    sticky.lose(8);
    assert_eq!(sticky.lost(), Some(7));
}

proptest! {
    /// Blocks of the sectors, no others.
    #[test]
    fn marks(first in 0..BLOCK_SECTORS * 80, count in 0..BLOCK_SECTORS * 70) {
        let dirty = Bits::new(160);
        mark(&dirty, first, count);
        for block in 0..160 {
            let start = block * BLOCK_SECTORS;
            let touched = count > 0 && first < start + BLOCK_SECTORS && start < first + count;
            prop_assert_eq!(dirty.get(block), touched);
        }
    }
}
