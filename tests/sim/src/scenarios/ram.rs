// SPDX-License-Identifier: GPL-2.0

//! RAM disks that are added, changed and removed while they are used.

use super::swarm::Swarm;
use crate::judge::blocks::{
    Begun,
    Blocks, //
};
use kernel::{
    error::code::*,
    sim::{
        self,
        choose,
        faults::Rates,
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
        }, //
    },
    sim::{
        disks::{
            self,
            Disk, //
        },
        files, //
    },
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    collections::BTreeMap,
    rc::Rc, //
};

/// Sectors of a page.
const PAGE: u64 = 8;

/// Most sectors that a disk has.
const MOST: u64 = 6 * PAGE;

/// Most tasks that use disks.
const USERS: u64 = 4;

/// Pages that a disk may take: two writers may both pay for the page that one of them adds.
const PAGES: u64 = MOST / PAGE + USERS;

/// How often users read, write, discard and write zeroes.
const WHAT: [u64; 4] = [4, 4, 1, 1];

/// How often a disk gets another size, is emptied, gets another limit, and is looked at.
const CHANGES: [u64; 4] = [2, 1, 1, 2];

/// What is known of a disk that one administrator has added.
#[derive(Default)]
struct Known {
    blocks: Blocks,
    /// Its block size in sectors.
    block: u64,
    /// How often somebody has begun to change its size, and how often that was over.
    resizes: Cell<(u64, u64)>,
    size: Cell<u64>,
    /// There was less memory for it than it may take.
    limited: Cell<bool>,
}

/// What the tasks share.
struct World {
    disks: RefCell<BTreeMap<String, Rc<Known>>>,
    /// There is less memory than the disks may take.
    limited: bool,
    faults: bool,
    accesses: Swarm,
    changes: Swarm,
}

/// Plays it.
pub fn run(_seed: u64) {
    let mem_max = [0, 0, 3, 7, 2 * PAGES][choose(5) as usize] * 4096;
    let faults = once_in(3);
    let world = Rc::new(World {
        disks: RefCell::default(),
        limited: mem_max != 0 && mem_max < 2 * PAGES * 4096,
        faults,
        accesses: Swarm::new(&WHAT),
        changes: Swarm::new(&CHANGES),
    });
    let config = ram::Config {
        disks: 0,
        disk_size: 1 << 20,
        mem_max,
    };
    let driver = ram::Driver::init(&config).expect("without faults it starts");
    if faults {
        sim::faults::set(Rates {
            allocation: 2 + choose(30),
        });
    }
    let mut tasks = Vec::new();
    for n in 0..1 + choose(2) {
        let world = world.clone();
        tasks.push(sim::spawn("admin", move || administrate(&world, n)));
    }
    for _ in 0..2 + choose(USERS - 1) {
        let world = world.clone();
        tasks.push(sim::spawn("user", move || use_disks(&world)));
    }
    for task in tasks {
        sim::exited(task);
    }
    sim::faults::set(Rates::default());
    if mem_max != 0 {
        fill(mem_max / 4096);
    }
    drop(driver);
    let left = [disks::names(), files::list()].concat();
    if !left.is_empty() {
        sim::violation(&format!("left when the module is gone: {left:?}"));
    }
    let pages = rb::page::in_use();
    if pages != 0 {
        sim::violation(&format!("{pages} pages are in use when the module is gone"));
    }
}

/// With all disks removed, all of the memory can be used again.
fn fill(pages: u64) {
    for name in disks::names() {
        let removed = files::store("class/rblk-ram/remove", name.as_bytes());
        if removed.is_err() {
            sim::violation(&format!("{name} is not removed: {removed:?}"));
        }
    }
    let size = pages * 4096;
    let added = files::store(
        "class/rblk-ram/add",
        format!("size={size} name=last").as_bytes(),
    );
    let Ok(disk) = added.and_then(|()| disks::open("last", true)) else {
        return sim::violation("no disk can be added any more");
    };
    // What fails for want of memory, and what is discarded, is given back, too.
    sim::faults::set(Rates { allocation: 2 });
    for _ in 0..6 {
        let _ = disk.write(choose(pages) * PAGE, Flags::empty(), &[1; 4096]);
    }
    sim::faults::set(Rates::default());
    for _ in 0..2 {
        write_all(&disk, pages);
        let erased = disk.erase(Command::Discard, 0, (pages * PAGE) as u32);
        if erased.is_err() {
            sim::violation(&format!("discard of all: {erased:?}"));
        }
    }
    write_all(&disk, pages);
}

fn write_all(disk: &Disk, pages: u64) {
    for page in 0..pages {
        let written = disk.write(page * PAGE, Flags::empty(), &[1; 4096]);
        if written.is_err() {
            sim::violation(&format!(
                "page {page} of {pages} has no memory: {written:?}"
            ));
        }
    }
}

/// Adds, changes and removes a disk, again and again.
fn administrate(world: &World, n: u64) {
    let name = format!("disk{n}");
    for _ in 0..1 + choose(3) {
        let Some(known) = add(world, &name) else {
            continue;
        };
        for _ in 0..choose(8) {
            if once_in(4) {
                meddle(world);
            } else {
                change(world, &name, &known);
            }
        }
        if once_in(2) {
            remove(&name);
        }
    }
    remove(&name);
}

fn add(world: &World, name: &str) -> Option<Rc<Known>> {
    if disks::names().iter().any(|other| other == name) {
        return world.disks.borrow().get(name).cloned();
    }
    let block = [1, 1, 2, 8][choose(4) as usize];
    let size = (1 + choose(MOST / block)) * block;
    let limit = [0, 0, 1 + choose(5), PAGES][choose(4) as usize];
    let known = Rc::new(Known {
        block,
        size: Cell::new(size),
        limited: Cell::new(limit != 0 && limit < PAGES),
        ..Known::default()
    });
    world
        .disks
        .borrow_mut()
        .insert(name.to_owned(), known.clone());
    let text = format!(
        "name={name} size={} block_size={} front={} mem_limit={} prealloc={}\n",
        size * 512,
        block * 512,
        ["bio", "mq"][choose(2) as usize],
        limit * 4096,
        if limit == 0 { choose(4) / 3 } else { 0 },
    );
    match files::store("class/rblk-ram/add", text.as_bytes()) {
        Ok(()) => Some(known),
        Err(ENOMEM) => None,
        Err(err) => {
            sim::violation(&format!("add {text}: {err:?}"));
            None
        }
    }
}

fn remove(name: &str) {
    let there = disks::names().iter().any(|other| other == name);
    match files::store("class/rblk-ram/remove", name.as_bytes()) {
        Ok(()) => {
            if disks::names().iter().any(|other| other == name) {
                sim::violation("a disk is there that was removed");
            }
        }
        Err(EBUSY | ENOMEM) => {}
        Err(ENODEV) if !there => {}
        Err(err) => sim::violation(&format!("remove {name}: {err:?}")),
    }
}

/// Changes the size of a disk that another administrator may have added.
fn meddle(world: &World) {
    let names: Vec<String> = world.disks.borrow().keys().cloned().collect();
    let Some(name) = names.get(choose(names.len() as u64) as usize) else {
        return;
    };
    // While it is open it cannot be removed, and another one be added.
    let Ok(_disk) = disks::open(name, true) else {
        return;
    };
    let known = world.disks.borrow().get(name).cloned();
    let Some(known) = known else { return };
    for _ in 0..1 + choose(2) {
        resize(name, &known);
    }
}

fn change(world: &World, name: &str, known: &Known) {
    match world.changes.next() {
        0 => resize(name, known),
        1 => reset(name, known),
        2 => {
            let limit = [0, 1, 2, 3, 4, 5, 6, PAGES][choose(8) as usize] * 4096;
            let short = limit != 0 && limit < PAGES * 4096;
            known.limited.set(known.limited.get() || short);
            let path = format!("block/{name}/ram/mem_limit");
            if let Err(err) = files::store(&path, format!("{limit}\n").as_bytes()) {
                sim::violation(&format!("mem_limit: {err:?}"));
            }
        }
        _ => look(name),
    }
}

fn look(name: &str) {
    for file in ["size", "pages", "mem_limit", "prealloc", "front"] {
        if let Err(err) = files::show(&format!("block/{name}/ram/{file}")) {
            sim::violation(&format!("{file}: {err:?}"));
        }
    }
    if let Err(err) = files::show("class/rblk-ram/device_map") {
        sim::violation(&format!("device_map: {err:?}"));
    }
}

fn resize(name: &str, known: &Known) {
    let size = (1 + choose(MOST / known.block)) * known.block;
    let force = once_in(2);
    let old = known.size.get();
    let (begun, ended) = known.resizes.get();
    known.resizes.set((begun + 1, ended));
    if begun == ended {
        // What has ended behind the end was lost when the end was put there.
        let outside = known.blocks.begin_erase(old, MOST - old);
        known.blocks.succeeded(&outside);
    }
    // What lies behind the new end is lost, also for those who use it meanwhile.
    let lost = known.blocks.begin_erase(size, MOST - size);
    let text = format!("{}{}", size * 512, if force { " force" } else { "" });
    let result = files::store(&format!("block/{name}/ram/size"), text.as_bytes());
    sim::log(format!("{name}: size {text}: {result:?}"));
    // Somebody else has changed it meanwhile.
    let crowded = begun != ended || known.resizes.get() != (begun + 1, ended);
    match result {
        Ok(()) => known.blocks.succeeded(&lost),
        Err(EBUSY) if !force && (size < old || crowded) => known.blocks.refused(&lost),
        Err(ENOMEM) if size > old || crowded => known.blocks.refused(&lost),
        Err(err) => sim::violation(&format!("size {text}: {err:?}")),
    }
    // At once, so that who comes now knows it.
    known.size.set(disks::sectors(name));
    let (begun, ended) = known.resizes.get();
    known.resizes.set((begun, ended + 1));
    look_at_size(name, known);
}

/// The driver and the block layer have one size, when nobody changes it.
fn look_at_size(name: &str, known: &Known) {
    let before = known.resizes.get();
    let shown = files::show(&format!("block/{name}/ram/size"));
    let shown = shown.map(|text| String::from_utf8_lossy(&text).trim().to_owned());
    let sectors = disks::sectors(name);
    let alone = before.0 == before.1 && known.resizes.get() == before;
    if alone && shown != Ok((sectors * 512).to_string()) {
        sim::violation(&format!("a disk of {sectors} sectors has {shown:?} bytes"));
    }
}

fn reset(name: &str, known: &Known) {
    let all = known.blocks.begin_erase(0, MOST);
    match files::store(&format!("block/{name}/ram/reset"), b"1") {
        Ok(()) => known.blocks.succeeded(&all),
        Err(EBUSY) => known.blocks.refused(&all),
        Err(err) => sim::violation(&format!("reset: {err:?}")),
    }
}

/// Opens disks, and reads and writes.
fn use_disks(world: &World) {
    for _ in 0..1 + choose(4) {
        let names: Vec<String> = world.disks.borrow().keys().cloned().collect();
        let Some(name) = names.get(choose(names.len() as u64) as usize) else {
            sim::clock::sleep(choose(1000));
            continue;
        };
        // It cannot be removed, and another one be added, while it is open.
        let Ok(disk) = disks::open(name, true) else {
            continue;
        };
        let known = world.disks.borrow().get(name).cloned();
        let Some(known) = known else { continue };
        for _ in 0..choose(12) {
            access(world, &disk, &known);
        }
    }
}

/// What may go wrong with an access.
struct Excuse {
    /// The size was changed meanwhile, or the range is behind the end.
    size: bool,
    /// There may be no memory.
    memory: bool,
    /// It must not wait.
    nowait: bool,
}

/// Chooses some sectors, often near the end of the disk, or up to there.
fn range(known: &Known) -> (u64, u64) {
    let (block, size) = (known.block, known.size.get());
    let mut first = choose(MOST / block) * block;
    if once_in(3) {
        let last = size.saturating_sub(choose(PAGE + 1));
        first = (last / block * block).min(MOST - block);
        if first < size && once_in(2) {
            return (first, size - first);
        }
    }
    let most = if once_in(4) { 3 * PAGE } else { PAGE };
    let count = (1 + choose(most)).div_ceil(block) * block;
    (first, count.min(MOST - first))
}

fn access(world: &World, disk: &Disk, known: &Known) {
    let (first, count) = range(known);
    let nowait = once_in(6);
    let flags = if nowait {
        Flag::NoWait.into()
    } else {
        Flags::empty()
    };
    let resizes = known.resizes.get();
    let outside = first + count > known.size.get();
    let blocks = &known.blocks;

    let (result, begun): (BlkResult, Option<Begun>) = match world.accesses.next() {
        0 => {
            let began = blocks.begin_read();
            let read = disk.read(first, flags, count as u32);
            if let Ok(data) = &read {
                blocks.end_read(began, first, data);
            }
            (read.map(drop), None)
        }
        1 => {
            let begun = blocks.begin_write(first, count);
            (disk.write(first, flags, &begun.data()), Some(begun))
        }
        kind => {
            let command = [Command::Discard, Command::WriteZeroes][kind % 2];
            let begun = blocks.begin_erase(first, count);
            (disk.erase(command, first, count as u32), Some(begun))
        }
    };
    let is_write = begun.is_some();
    if let Some(begun) = begun {
        match result {
            Ok(()) => blocks.succeeded(&begun),
            Err(_) => blocks.failed(&begun),
        }
    }
    let now = known.resizes.get();
    let excuse = Excuse {
        size: outside || resizes.0 != resizes.1 || now != resizes,
        memory: is_write && (world.faults || world.limited || known.limited.get()),
        nowait,
    };
    if result.is_err() {
        sim::log(format!(
            "access of {count} at {first} of {}: {result:?}",
            known.size.get()
        ));
    }
    judge(result, &excuse);
    sim::count("bytes", count * 512);
    sim::count("accesses", 1);
}

/// Errors are only where something failed.
fn judge(result: BlkResult, excuse: &Excuse) {
    let excused = match result {
        Ok(()) => true,
        Err(BlkError::IOERR) => excuse.size,
        Err(BlkError::NOSPC) => excuse.memory,
        Err(BlkError::AGAIN) => excuse.nowait,
        Err(_) => false,
    };
    if !excused {
        sim::violation(&format!("an access fails for nothing: {result:?}"));
    }
}
