// SPDX-License-Identifier: GPL-2.0

//! Who uses the disk.

use super::world::{
    World,
    REGION, //
};
use kernel::{
    error::code::*,
    sim::{
        self,
        choose,
        clock,
        once_in, //
    },
};
use rb::{
    block::{
        bio::{
            Command,
            Flag,
            Flags, //
        },
        error::{
            BlkError,
            BlkResult, //
        },
    },
    sim::disks::{
        self,
        Disk, //
    },
};

/// Opens the disk; [`None`] if somebody removes it.
fn open(world: &World) -> Option<Disk> {
    world.opens.set(world.opens.get() + 1);
    world.openers.set(world.openers.get() + 1);
    match disks::open("ubda", !world.is_read_only()) {
        Ok(disk) => Some(disk),
        Err(err) => {
            world.openers.set(world.openers.get() - 1);
            if err != ENXIO {
                sim::violation(&format!("open: {err:?}"));
            }
            None
        }
    }
}

pub(super) fn use_disk(world: &World) {
    for _ in 0..1 + choose(3) {
        let Some(disk) = open(world) else {
            clock::sleep(choose(5_000_000));
            continue;
        };
        if world.regions.len() > 4 && once_in(2) {
            sweep(world, &disk);
        }
        let mut last = u64::MAX;
        for _ in 0..choose(14) {
            last = access(world, &disk, last);
            if once_in(8) {
                clock::sleep(choose(8_000_000));
            }
        }
        drop(disk);
        world.openers.set(world.openers.get() - 1);
    }
}

/// Writes a block of each region, so that many blocks of the bitmap have to be written, and flushes.
fn sweep(world: &World, disk: &Disk) {
    let forced = world.forced.get();
    for &region in &world.regions {
        let place = (region, world.block);
        carry_out(world, disk, 4, place, forced);
    }
    carry_out(world, disk, 9, (0, 0), forced);
}

/// Accesses some sectors; `last` is where the access before has ended. Returns where this one ends.
fn access(world: &World, disk: &Disk, last: u64) -> u64 {
    let (block, forced) = (world.block, world.forced.get());
    let region = world.regions[choose(world.regions.len() as u64) as usize];
    let end = disk.sectors().min(region + REGION);
    if end < region + block {
        return 0;
    }
    let first = if (region..end).contains(&last) && !once_in(3) {
        last
    } else {
        region + choose((end - region) / block) * block
    };
    let longest = if once_in(4) { 24 } else { 4 };
    let count = (1 + choose(longest))
        .next_multiple_of(block)
        .min(end - first);
    carry_out(world, disk, choose(14), (first, count), forced);
    first + count
}

fn carry_out(world: &World, disk: &Disk, what: u64, (first, count): (u64, u64), forced: u64) {
    let failures = world.failures();
    let data = &world.data;
    let flushes = data.flushed.now();
    let text = format!("{what} of {count} at {first}");
    let erase =
        |how: (Command, Flags)| data.watch(text.clone(), || data.erase(disk, how, first, count));
    let is_flush = what == 9;
    let result: BlkResult = match what {
        0..=3 => data.watch(text.clone(), || {
            data.read_as(disk, first, count, |bytes| world.straighten(first, bytes))
        }),
        4..=8 => data.watch(text.clone(), || data.write(disk, first, count)),
        9 => data.watch(text.clone(), || flush(world, disk)),
        10 | 11 => erase((Command::Discard, Flags::empty())),
        12 => erase((Command::WriteZeroes, Flags::empty())),
        _ => erase((Command::WriteZeroes, Flag::NoUnmap.into())),
    };
    let _ = flushes;
    sim::count("accesses", 1);
    sim::count("bytes", count * 512);
    let excuse = Excuse {
        // A write that is to be forced is a flush, too.
        failed: world.failures() != failures
            || ((is_flush || (4..=8).contains(&what))
                && (world.failures() != world.flushed_at.get() || world.has_lost())),
        removed: world.forced.get() != forced || disk.sectors() == 0,
        refused: world.is_read_only() && !(0..=3).contains(&what),
        unsupported: what >= 10 && !world.discards,
    };
    judge(result, &excuse, &text);
}

/// Flushes.
fn flush(world: &World, disk: &Disk) -> BlkResult {
    let failures = world.failures();
    let result = world.data.flush(disk);
    if result.is_ok() {
        world.flushed_at.set(failures);
        world.look_after_cut();
    }
    result
}

/// Why something may fail.
struct Excuse {
    failed: bool,
    removed: bool,
    refused: bool,
    unsupported: bool,
}

/// Errors are only where something failed.
fn judge(result: BlkResult, excuse: &Excuse, what: &str) {
    let excused = match result {
        Ok(()) => true,
        Err(BlkError::NOTSUPP) => excuse.unsupported || excuse.refused,
        Err(BlkError::NOSPC) => excuse.failed,
        Err(_) => excuse.failed || excuse.removed || excuse.refused,
    };
    if !excused {
        sim::violation(&format!("{what} fails for nothing: {result:?}"));
    }
}
