// SPDX-License-Identifier: GPL-2.0

//! Network block devices whose server and network misbehave.

mod admin;
mod netlink;
mod state;
mod user;

use super::{
    swarm::Swarm,
    user::Data, //
};
use crate::{
    judge::blocks,
    world::server::{
        flag,
        Behaviour,
        Server, //
    },
};
use kernel::sim::{
    self,
    choose,
    clock,
    faults::Rates,
    once_in, //
};
use rb::sim::{
    disks,
    files,
    sockets, //
};
use state::{
    Session,
    World,
    MOST,
    SECOND,
    UNIT, //
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    rc::Rc,
};

/// What nothing takes longer than that ends at all.
const LONGEST: u64 = 120 * SECOND;

/// Plays it.
pub fn run(_seed: u64) {
    let config = nbd::Config {
        nbds_max: 1,
        max_part: [0, 0, 15][choose(3) as usize],
        max_request_bytes: [0, 0, 8192, 65536][choose(4) as usize],
    };
    let world = Rc::new(build(config.max_request_bytes.max(4096)));
    let driver = nbd::Driver::init(&config).expect("without faults it starts");
    let for_server = Rc::downgrade(&world);
    world.server.export.watch(move |sector| {
        if let Some(world) = for_server.upgrade() {
            world.look_after_crash(sector..sector + 1);
        }
    });

    for _ in 0..1 + choose(3) {
        *world.session.borrow_mut() = Rc::new(session(&world));
        world.over.set(false);
        set_faults(&world);
        if admin::begin(&world) {
            play(&world);
        }
        sim::faults::set(Rates::default());
        admin::wait_for_client(&world);
        look_after_end(&world);
    }
    for sector in 0..MOST {
        let began = world.data.blocks.begin_read();
        let data = blocks::fill(world.server.export.current(sector));
        world.data.blocks.end_read(began, sector, &data);
    }
    // They refer to each other, the server and its connections.
    world.server.forget_all();
    if !rb::sim::unload() {
        sim::violation("the module is in use when nothing is connected");
    }
    drop(driver);
    let left = [disks::names(), files::list(), rb::sim::netlink::names()].concat();
    let (pages, sockets) = (rb::page::in_use(), sockets::in_use());
    if !left.is_empty() || pages != 0 || sockets != 0 {
        sim::violation(&format!(
            "left when the module is gone: {left:?}, {pages} pages, {sockets} sockets"
        ));
    }
}

fn build(most: u32) -> World {
    let mut flags = 1;
    for (bit, often) in [
        (flag::FLUSH, 4),
        (flag::FUA, 3),
        (flag::TRIM, 2),
        (flag::ZEROES, 2),
        (flag::MULTI_CONN, 4),
    ] {
        if choose(5) < often {
            flags |= bit;
        }
    }
    if flags & flag::FLUSH == 0 {
        flags &= !flag::FUA;
    }
    if once_in(20) {
        flags |= flag::READ_ONLY;
    }
    let behaviour = Behaviour {
        latency: [1, 100_000, 10_000_000][choose(3) as usize],
        network: [1, 10_000, 1_000_000][choose(3) as usize],
        refusals: [0, 0, 12, 60][choose(4) as usize],
        faults: [0, 10, 40, 200][choose(4) as usize],
        silent: false,
        kinds: if once_in(2) {
            choose(u64::MAX)
        } else {
            u64::MAX
        },
        flags,
        most,
    };
    World {
        server: Server::new(MOST, behaviour),
        data: Data::new(false),
        faults: once_in(3),
        accesses: Swarm::new(&user::WHAT),
        changes: Swarm::new(&admin::CHANGES),
        room: [MOST, MOST, UNIT, 2 * UNIT][choose(4) as usize],
        row: [12, 12, 40][choose(3) as usize],
        over: Cell::new(false),
        session: RefCell::new(Rc::new(idle())),
        destroyed: Cell::new(false),
    }
}

fn idle() -> Session {
    Session {
        netlink: true,
        timeout: Cell::new(0),
        dead: Cell::new(0),
        ends_on_close: false,
        destroys: false,
        ends: Cell::new(false),
        resizes: Cell::new((0, 0)),
        size: Cell::new(0),
        places: Cell::new(0),
        client: Cell::new(None),
        links: RefCell::default(),
    }
}

fn session(world: &World) -> Session {
    world.destroyed.set(world.session().destroys);
    let stays = exists() && !world.destroyed.get();
    let netlink = !once_in(4) || !stays;
    let timeout = [0, 0, 1, 3][choose(4) as usize];
    world.server.forget_all();
    world.server.behave(Behaviour {
        silent: timeout != 0,
        ..world.server.behaviour()
    });
    world.server.health.begin();
    let ends_on_close = netlink && once_in(8);
    let may_not_begin = !netlink && world.faults;
    if ends_on_close || may_not_begin {
        world.server.health.let_end(None);
    }
    world.server.health.limit(timeout * SECOND);
    Session {
        netlink,
        timeout: Cell::new(timeout),
        dead: Cell::new(if netlink {
            [0, 1, 2][choose(3) as usize]
        } else {
            0
        }),
        ends_on_close,
        destroys: netlink && once_in(8),
        size: Cell::new((2 + choose(MOST / UNIT - 1)) * UNIT),
        ..idle()
    }
}

fn set_faults(world: &World) {
    if world.faults {
        sim::faults::set(Rates {
            allocation: 4 + choose(40),
        });
    }
}

fn play(world: &Rc<World>) {
    if world.faults && once_in(3) {
        // From now on, no allocation succeeds: that must not matter for I/O.
        sim::faults::set(Rates { allocation: 1 });
    }
    let mut tasks = Vec::new();
    for _ in 0..1 + choose(4) {
        let world = world.clone();
        tasks.push(sim::spawn("user", move || user::use_disk(&world)));
    }
    let for_admin = world.clone();
    let admin = sim::spawn("admin", move || admin::administrate(&for_admin));
    let for_power = world.clone();
    let power = sim::spawn("progress", move || look_for_progress(&for_power));
    for task in tasks {
        sim::exited(task);
    }
    world.over.set(true);
    sim::exited(admin);
    sim::exited(power);
    sim::faults::set(Rates::default());
    admin::end(world);
}

/// Looks again and again whether all go on.
fn look_for_progress(world: &World) {
    while !world.over.get() {
        world.data.look_for_progress(LONGEST);
        clock::sleep(choose(LONGEST / 4));
    }
}

/// Nothing is left of a session, once nobody has the disk open.
fn look_after_end(world: &World) {
    if world.session().destroys {
        // Somebody removes it, if there is memory for that.
        for _ in 0..100 {
            if exists() {
                clock::sleep(10_000_000);
            }
        }
        if exists() && !world.faults {
            sim::violation("a disk is there that was to go with its session");
        }
    }
    let of_session = |path: &String| {
        path.ends_with("/pid") || path.ends_with("/backend") || path.starts_with("debug/nbd/nbd0/")
    };
    let left: Vec<String> = files::list().into_iter().filter(of_session).collect();
    if !left.is_empty() || sockets::in_use() != 0 {
        sim::violation(&format!("left when the session has ended: {left:?}"));
    }
    if let Ok(disk) = disks::open("nbd0", true) {
        if disk.sectors() != 0 {
            sim::violation("a disk has a size that is not connected");
        }
    }
}

fn exists() -> bool {
    disks::names().iter().any(|name| name == "nbd0")
}
