// SPDX-License-Identifier: GPL-2.0

//! Packet devices on optical drives that fail and lose power.

use super::{
    swarm::Swarm,
    user::Data, //
};
use crate::{judge::blocks, world::drive::Drive};
use kernel::{
    error::code::*,
    sim::{
        self,
        choose,
        clock,
        faults::Rates,
        once_in, //
    },
};
use rb::{
    block::{
        bio::Flags,
        dev_t::DevT,
        error::BlkResult, //
    },
    sim::{
        disks::{
            self,
            Disk, //
        },
        files,
        lower, //
    },
};
use std::{
    cell::Cell,
    rc::Rc, //
};

/// Sectors of a block.
const BLOCK: u64 = 4;

/// Discs, and the blocks of a packet.
const DISCS: [(&str, u64); 6] = [
    ("cdrw,blocks=96", 32),
    ("dvd-rw,blocks=64", 16),
    ("dvd+rw,blocks=64,state=complete", 16),
    ("dvd+rw,blocks=64,state=running,format-time=60000", 16),
    ("dvdram,blocks=64,strict", 16),
    ("bd-re,blocks=96,strict", 32),
];

/// How often users read, write and flush.
const WHAT: [u64; 3] = [3, 5, 2];

/// How often the power is cut, and how often the drive has one of its other faults.
const TROUBLE: [u64; 7] = [3, 1, 1, 1, 1, 1, 1];

/// What nothing takes longer than that ends at all: the drive may be slow, and time out again and again.
const LONGEST: u64 = 1200 * 1_000_000_000;

/// What the tasks share.
struct World {
    drive: Rc<Drive>,
    data: Data,
    sectors: u64,
    /// Most sectors that users access.
    room: u64,
    accesses: Swarm,
    trouble: Swarm,
    faults: bool,
    openers: Cell<u64>,
    over: Cell<bool>,
}

/// Plays it.
pub fn run(_seed: u64) {
    let world = Rc::new(build());
    let config = pktcdvd::Config::new(2 + choose(3) as u32).expect("the number is in range");
    let driver = pktcdvd::Driver::init(&config).expect("without faults it starts");

    map(&world);
    play(&world);
    unmap();
    look_after_cut(&world);
    if !rb::sim::unload() {
        sim::violation("the module is in use when nothing is mapped");
    }
    drop(driver);
    let left = [disks::names(), files::list()].concat();
    if !left.is_empty() || lower::is_claimed(lower_dev()) {
        sim::violation(&format!("left when the module is gone: {left:?}"));
    }
    lower::remove(lower_dev());
    let (pages, writes) = (rb::page::in_use(), world.drive.packets().under_way());
    if pages != 0 || writes != 0 {
        sim::violation(&format!("{pages} pages and {writes} writes are left"));
    }
}

fn lower_dev() -> DevT {
    DevT::new(11, 0).expect("there is such a number")
}

fn build() -> World {
    let (disc, packet) = DISCS[choose(DISCS.len() as u64) as usize];
    let cache = [0, 1, 2, 32][choose(4) as usize];
    let time = ["0", "0", "1"][choose(3) as usize];
    let options = format!("{disc},cache={cache},time={time}");
    sim::log(options.clone());
    let drive = Drive::new(&options, [1, 100_000, 10_000_000][choose(3) as usize]);
    drive.packets().expect(packet * BLOCK, 0);
    let sectors = drive.get("blocks") * BLOCK;
    lower::add(lower_dev(), drive.clone());
    let faults = !once_in(3);
    World {
        drive,
        data: Data::new(faults),
        sectors,
        room: [sectors, sectors, 16 * BLOCK, 64 * BLOCK][choose(4) as usize],
        accesses: Swarm::new(&WHAT),
        trouble: Swarm::new(&TROUBLE),
        faults,
        openers: Cell::new(0),
        over: Cell::new(false),
    }
}

fn map(world: &World) {
    let memory = once_in(3);
    for _ in 0..20 {
        sim::faults::set(Rates {
            allocation: if memory { 2 + choose(20) } else { 0 },
        });
        let result = files::store("class/pktcdvd/add", b"11:0");
        sim::faults::set(Rates::default());
        match result {
            Ok(()) => return,
            Err(ENOMEM) => {}
            Err(err) => return sim::violation(&format!("add: {err:?}")),
        }
    }
    if let Err(err) = files::store("class/pktcdvd/add", b"11:0") {
        sim::violation(&format!("add: {err:?}"));
    }
    let _ = world;
}

fn unmap() {
    if !once_in(3) {
        clock::sleep(choose(20_000_000));
    }
    if let Err(err) = files::store("class/pktcdvd/remove", b"11:0") {
        sim::violation(&format!("remove: {err:?}"));
    }
    if lower::is_claimed(lower_dev()) {
        sim::violation("the drive is in use after it was unmapped");
    }
}

fn play(world: &Rc<World>) {
    let mut tasks = Vec::new();
    for _ in 0..1 + choose(3) {
        let world = world.clone();
        tasks.push(sim::spawn("user", move || use_disk(&world)));
    }
    let (for_trouble, for_looks) = (world.clone(), world.clone());
    let trouble = sim::spawn("trouble", move || make_trouble(&for_trouble));
    let looks = sim::spawn("looks", move || look_again_and_again(&for_looks));
    for task in tasks {
        sim::exited(task);
    }
    world.over.set(true);
    sim::exited(trouble);
    sim::exited(looks);
}

/// Looks at what a power cut would leave, again and again.
fn look_again_and_again(world: &World) {
    while !world.over.get() {
        look_after_cut(world);
        clock::sleep(choose(120_000_000));
    }
}

fn look_after_cut(world: &World) {
    sim::count("looks", 1);
    world.data.look_for_progress(LONGEST);
    world
        .drive
        .after_cut(|sector, value| judge(look(world, sector, value, u64::MAX)));
}

fn look(world: &World, sector: u64, value: Option<u64>, began: u64) -> Result<(), String> {
    let value = value.ok_or_else(|| format!("sector {sector} is torn"))?;
    world.data.flushed.look_since(sector, value, began)
}

fn judge(verdict: Result<(), String>) {
    if let Err(text) = verdict {
        sim::violation(&text);
    }
}

/// Lets things go wrong.
fn make_trouble(world: &World) {
    if !world.faults {
        return;
    }
    for _ in 0..choose(6) {
        clock::sleep(choose(300_000_000));
        if world.over.get() {
            return;
        }
        let rule = match world.trouble.next() {
            0 => {
                world.drive.cut_power();
                continue;
            }
            1 => "op=write act=sense:3/0c/00",
            2 => "op=write act=sense:3/0c/00 done=5",
            3 => "op=read act=sense:3/11/05",
            4 => "op=35 act=sense:4/44/00 count=3",
            5 => "op=any act=busy",
            _ => "op=write skip=1 act=powercut",
        };
        if rule.ends_with("powercut") {
            world.drive.will_cut_power();
        }
        world.drive.fault(rule);
    }
}

fn use_disk(world: &World) {
    for _ in 0..1 + choose(3) {
        match disks::open("pktcdvd0", true) {
            Ok(disk) => {
                world.openers.set(world.openers.get() + 1);
                use_open_disk(world, &disk);
                close(world, disk);
            }
            Err(_) if world.drive.had_trouble() => {}
            Err(err) => return sim::violation(&format!("open: {err:?}")),
        }
        clock::sleep(choose(8_000_000));
    }
}

/// Closes the disk. When the last user does so, the driver has the cache of the drive flushed. As its
/// guide says, only the log tells of a failure of that.
fn close(world: &World, disk: Disk) {
    world.openers.set(world.openers.get() - 1);
    if world.openers.get() == 0 && world.faults {
        world.data.flushed.end_flush(0, false);
    }
    drop(disk);
}

fn use_open_disk(world: &World, disk: &Disk) {
    let mut last = u64::MAX;
    for _ in 0..choose(14) {
        last = access(world, disk, last);
        if once_in(8) {
            clock::sleep(choose(80_000_000));
        }
    }
}

/// Accesses some sectors; `last` is where the access before has ended. Returns where this one ends.
fn access(world: &World, disk: &Disk, last: u64) -> u64 {
    let end = disk.sectors().min(world.sectors).min(world.room);
    if end < BLOCK {
        if !world.drive.had_trouble() {
            sim::violation("the disk has no size");
        }
        return 0;
    }
    let again = last < end && !once_in(3);
    let first = if again {
        last
    } else {
        choose(end / BLOCK) * BLOCK
    };
    let longest = if once_in(4) { 40 } else { 6 };
    let count = ((1 + choose(longest)) * BLOCK).min(end - first);
    let (what, data) = (world.accesses.next(), &world.data);
    let result = data.watch(format!("{what} of {count} at {first}"), || match what {
        0 => read(world, disk, first, count),
        1 => data.write(disk, first, count),
        _ => data.flush(disk),
    });
    sim::count("accesses", 1);
    sim::count("bytes", count * 512);
    if result.is_err() && !world.drive.had_trouble() {
        sim::violation(&format!(
            "an access of {count} sectors at {first} fails for nothing: {result:?}"
        ));
    }
    first + count
}

fn read(world: &World, disk: &Disk, first: u64, count: u64) -> BlkResult {
    let (began, since) = (world.data.blocks.begin_read(), world.data.flushed.now());
    let data = disk.read(first, Flags::empty(), count as u32)?;
    if world.drive.cuts() == 0 {
        world.data.blocks.end_read(began, first, &data);
        return Ok(());
    }
    // What was not flushed may be gone.
    for (sector, bytes) in (first..).zip(data.chunks(blocks::SECTOR)) {
        judge(look(world, sector, blocks::value_of(bytes), since));
    }
    Ok(())
}
