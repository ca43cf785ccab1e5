// SPDX-License-Identifier: GPL-2.0

//! Packet devices on disks that fail and lose power.

mod marks;

use super::{
    swarm::Swarm,
    user::Data, //
};
use crate::{
    judge::{
        blocks,
        packets::Packets, //
    },
    world::disk::{
        Behaviour,
        Disk as Lower, //
    },
};
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
use marks::{
    file_of,
    shown,
    Marks, //
};
use rb::{
    block::{
        dev_t::DevT,
        error::BlkResult, //
    },
    sim::{
        disks::{
            self,
            Disk, //
        },
        files,
        lower,
        tags, //
    },
};
use std::{
    cell::Cell,
    ops::Range,
    rc::Rc, //
};

/// Sectors of a frame.
const FRAME: u64 = 4;

/// Sectors of the lower disk, and of one that has a crowd.
const USUAL: u64 = 96;
const OF_CROWD: u64 = 1280;

/// How often users read, write, flush and discard.
const WHAT: [u64; 4] = [3, 6, 2, 1];

/// How often one or the other is changed: the wait, the marks, the buffers; nothing, but looked at.
const CHANGES: [u64; 4] = [1, 2, 1, 2];

/// What nothing takes longer than that ends at all: thousands of I/Os below.
const LONGEST: u64 = 10 * 1_000_000_000;
const LONGEST_OF_CROWD: u64 = 200 * 1_000_000_000;

/// How long until all has settled if no I/O ends, and how often that is looked at.
const SETTLED: u64 = 500_000_000;
const LOOKS: usize = 20;

/// What the tasks share.
struct World {
    lower: Rc<Lower>,
    data: Data,
    packets: Rc<Packets>,
    /// Where the first packet begins.
    start: Cell<u64>,
    faults: bool,
    /// So many write at a time that the marks are reached.
    crowd: bool,
    most: u64,
    /// Most sectors that users access.
    room: u64,
    accesses: Swarm,
    changes: Swarm,
    marks: Marks,
    over: Cell<bool>,
    /// No I/O of the lower disk ends, and for how long that was so.
    frozen: Cell<bool>,
    lost: Cell<u64>,
}

/// Plays it.
pub fn run(_seed: u64) {
    let world = Rc::new(build());
    let config = pktcdvd::Config::new(2 + choose(3) as u32).expect("the number is in range");
    let driver = pktcdvd::Driver::init(&config).expect("without faults it starts");
    let for_lower = Rc::downgrade(&world);
    world.lower.watch(move |first, count| {
        if let Some(world) = for_lower.upgrade() {
            look_after_cut(&world, first..first + count);
        }
    });

    for _ in 0..1 + choose(2) {
        set_faults(&world);
        if map(&world) {
            play(&world);
            unmap(&world);
        }
    }
    sim::faults::set(Rates::default());
    for sector in 0..world.most {
        let began = world.data.blocks.begin_read();
        let data = blocks::fill(world.lower.current(sector));
        world.data.blocks.end_read(began, sector, &data);
    }
    if !rb::sim::unload() {
        sim::violation("the module is in use when nothing is mapped");
    }
    drop(driver);
    let left = [disks::names(), files::list()].concat();
    if !left.is_empty() || lower::is_claimed(lower_dev()) {
        sim::violation(&format!("left when the module is gone: {left:?}"));
    }
    lower::remove(lower_dev());
    let (pages, writes) = (rb::page::in_use(), world.packets.under_way());
    if pages != 0 || writes != 0 {
        sim::violation(&format!("{pages} pages and {writes} writes are left"));
    }
}

fn lower_dev() -> DevT {
    DevT::new(8, 0).expect("there is such a number")
}

fn build() -> World {
    let behaviour = Behaviour {
        latency: [1, 100_000, 10_000_000][choose(3) as usize],
        failures: [0, 0, 12, 60][choose(4) as usize],
        volatile: !once_in(4),
        bad: [0, 0, 40][choose(3) as usize],
        discards: [0, 1 << 16][choose(2) as usize],
    };
    let packets = Rc::new(Packets::default());
    let crowd = once_in(64);
    let most = if crowd { OF_CROWD } else { USUAL };
    if crowd {
        tags::give(Some(1024));
    }
    let lower = Lower::new(most, behaviour, packets.clone());
    lower::add(lower_dev(), lower.clone());
    World {
        lower,
        data: Data::new(behaviour.failures != 0),
        packets,
        start: Cell::new(0),
        faults: once_in(3),
        crowd,
        most,
        room: if crowd {
            most
        } else {
            [most, most, 8, 32][choose(4) as usize]
        },
        accesses: Swarm::new(&WHAT),
        changes: Swarm::new(&CHANGES),
        marks: Marks::new(),
        over: Cell::new(false),
        frozen: Cell::new(false),
        lost: Cell::new(0),
    }
}

fn set_faults(world: &World) {
    if world.faults {
        sim::faults::set(Rates {
            allocation: 2 + choose(20),
        });
    }
}

fn map(world: &World) -> bool {
    let packet = [4, 8, 16, 32][choose(4) as usize];
    let offset = choose(4) * FRAME;
    world.packets.expect(packet, offset);
    world.start.set(offset);
    let text = format!(
        "8:0 packet_size={} offset={} packet_buffers={}",
        packet * 512,
        offset * 512,
        2 + choose(3)
    );
    for _ in 0..20 {
        match files::store("class/pktcdvd/add", text.as_bytes()) {
            Ok(()) => {
                world.marks.begin();
                // From now on, no allocation succeeds: that must not matter for I/O.
                if world.faults {
                    sim::faults::set(Rates { allocation: 1 });
                }
                return true;
            }
            Err(ENOMEM) => {}
            Err(err) => sim::violation(&format!("add {text}: {err:?}")),
        }
    }
    false
}

fn unmap(world: &World) {
    set_faults(world);
    let name = disks::names();
    if !once_in(3) {
        clock::sleep(choose(20_000_000));
    }
    loop {
        match files::store("class/pktcdvd/remove", b"8:0") {
            Ok(()) => break,
            Err(ENOMEM) => {}
            Err(err) => sim::violation(&format!("remove {name:?}: {err:?}")),
        }
    }
    if lower::is_claimed(lower_dev()) {
        sim::violation("the lower device is in use after it was unmapped");
    }
}

fn play(world: &Rc<World>) {
    world.over.set(false);
    let mut tasks = Vec::new();
    let users = if world.crowd { 6 } else { 2 + choose(3) };
    for _ in 0..users {
        let world = world.clone();
        tasks.push(sim::spawn("user", move || use_disk(&world)));
    }
    let for_admin = world.clone();
    let admin = sim::spawn("admin", move || administrate(&for_admin));
    let for_power = world.clone();
    let power = sim::spawn("progress", move || look_for_progress(&for_power));
    for task in tasks {
        sim::exited(task);
    }
    world.over.set(true);
    sim::exited(admin);
    sim::exited(power);
}

/// Looks again and again whether all go on.
fn look_for_progress(world: &World) {
    let longest = if world.crowd {
        LONGEST_OF_CROWD
    } else {
        LONGEST
    };
    while !world.over.get() {
        if !world.frozen.get() {
            world.data.look_for_progress(longest + world.lost.get());
        }
        clock::sleep(choose(longest / 4));
    }
}

/// Looks at what a power cut would leave now of some sectors. That changes, and so this is called,
/// when more has to survive, and when a write of the lower disk begins or ends.
fn look_after_cut(world: &World, sectors: Range<u64>) {
    sim::count("power cuts", 1);
    for sector in sectors {
        for value in world.lower.after_cut(sector) {
            if let Err(text) = world.data.flushed.look(sector, value) {
                sim::violation(&text);
            }
        }
    }
}

fn administrate(world: &World) {
    for _ in 0..choose(6) {
        clock::sleep(choose(2_000_000));
        match world.changes.next() {
            _ if world.crowd => freeze(world),
            0 => set("packet_wait_us", choose(3) * choose(20_000)),
            1 => world.marks.change(false),
            2 => set("packet_buffers", 2 + choose(4)),
            // Nobody may unmap a device that is open, or this ends the run too early: not now.
            _ => look(),
        }
    }
}

/// Has no I/O of the lower disk end for some time, sees whom the marks hold back then, and changes them
/// meanwhile.
fn freeze(world: &World) {
    let Ok(disk) = disks::open("pktcdvd0", false) else {
        return sim::violation("the disk cannot be opened");
    };
    let since = clock::now();
    world.frozen.set(true);
    world.lower.freeze(true);
    for _ in 0..1 + choose(4) {
        let mut verdict = Ok(());
        for _ in 0..LOOKS {
            clock::sleep(SETTLED);
            let (size, most) = (shown("size"), shown("queue_max"));
            let held = disk.waiting();
            sim::log(format!(
                "{held} are held back, {size} queued, {most} at most"
            ));
            sim::count("writers held back", held as u64);
            verdict = world.marks.judge(size, most, held);
            if verdict.is_ok() {
                break;
            }
        }
        if let Err(text) = verdict {
            sim::violation(text);
        }
        world.marks.change(true);
    }
    world.lower.freeze(false);
    world.lost.set(world.lost.get() + clock::now() - since);
    world.frozen.set(false);
}

fn set(file: &str, value: u64) {
    let path = file_of(file);
    if let Err(err) = files::store(&path, format!("{value}\n").as_bytes()) {
        sim::violation(&format!("{file} ({path}) = {value}: {err:?}"));
    }
}

fn look() {
    for path in files::list() {
        if let Err(err) = files::show(&path) {
            if err != EACCES {
                sim::violation(&format!("{path}: {err:?}"));
            }
        }
    }
}

fn use_disk(world: &World) {
    for _ in 0..1 + choose(3) {
        let disk = match disks::open("pktcdvd0", true) {
            Ok(disk) => disk,
            Err(err) => return sim::violation(&format!("open: {err:?}")),
        };
        let mut last = u64::MAX;
        for _ in 0..choose(14) {
            last = access(world, &disk, last);
            if once_in(8) {
                clock::sleep(choose(8_000_000));
            }
        }
    }
}

/// Accesses some sectors; `last` is where the access before has ended. Returns where this one ends.
fn access(world: &World, disk: &Disk, last: u64) -> u64 {
    let end = disk.sectors().min(world.start.get() + world.room);
    if end <= FRAME {
        return 0;
    }
    let first = if last < end && !once_in(3) {
        last
    } else {
        choose(end / FRAME) * FRAME
    };
    if world.crowd && once_in(2) {
        let first = choose(end / FRAME / 4) * FRAME;
        return access_range(world, disk, first, end - first);
    }
    let longest = if once_in(4) { 12 } else { 3 };
    let count = ((1 + choose(longest)) * FRAME).min(end - first);
    access_range(world, disk, first, count)
}

fn access_range(world: &World, disk: &Disk, first: u64, count: u64) -> u64 {
    let before = world.lower.failures();
    let inside = first >= world.start.get();
    let data = &world.data;

    let what = world.accesses.next();
    // Writes of single frames, of which many join a packet.
    let most = if world.crowd { FRAME as u32 } else { u32::MAX };
    let result: BlkResult = data.watch(format!("{what} of {count} at {first}"), || match what {
        0 => data.read(disk, first, count),
        1 => data.write_in_parts(disk, first, count, most),
        2 => data.flush(disk),
        _ => data.discard(disk, first, count),
    });
    if what != 0 {
        look_after_cut(world, 0..world.most);
    }
    sim::count("accesses", 1);
    sim::count("bytes", count * 512);
    if result.is_err() && world.lower.failures() == before && inside {
        sim::violation(&format!(
            "an access of {count} sectors at {first} fails for nothing: {result:?}"
        ));
    }
    first + count
}
