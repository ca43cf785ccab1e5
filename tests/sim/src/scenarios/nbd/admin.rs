// SPDX-License-Identifier: GPL-2.0

//! Who connects and disconnects the disk, changes it, and brings connections back.

use super::{
    netlink::{
        self,
        Attributes, //
    },
    state::{
        Session,
        World,
        MOST,
        SECOND,
        UNIT, //
    },
};
use crate::world::server::{
    flag,
    Link, //
};
use kernel::{
    error::code::*,
    prelude::Result,
    sim::{
        self,
        choose,
        clock,
        faults::Rates,
        once_in, //
    },
};
use rb::sim::{
    disks::{
        self,
        Disk, //
    },
    files,
    sockets, //
};
use std::rc::Rc;

const SET_SOCK: u32 = 0xab00;
const SET_BLOCK_SIZE: u32 = 0xab01;
const DO_IT: u32 = 0xab03;
const CLEAR_SOCK: u32 = 0xab04;
const SET_SIZE_BLOCKS: u32 = 0xab07;
const DISCONNECT: u32 = 0xab08;
const SET_TIMEOUT: u32 = 0xab09;
const SET_FLAGS: u32 = 0xab0a;

/// Most connections.
const MOST_LINKS: u64 = 3;

/// How often the disk is disconnected, looked at, resized, and has a connection replaced or repaired.
pub(super) const CHANGES: [u64; 5] = [1, 8, 6, 6, 27];

type Connection = (u32, Rc<Link>);

/// Connects the disk; returns whether it is.
pub(super) fn begin(world: &Rc<World>) -> bool {
    let session = world.session();
    let begun = if session.netlink {
        connect(world, &session)
    } else {
        serve(world, &session)
    };
    world.server.health.settle();
    begun
}

fn some_links(world: &World) -> u64 {
    if world.flags() & flag::MULTI_CONN != 0 {
        1 + choose(MOST_LINKS)
    } else {
        1
    }
}

fn open_links(world: &World, count: u64) -> Vec<Connection> {
    (0..count).map(|_| world.server.connect()).collect()
}

/// Ends what a program has of its sockets, and notes those that the driver has.
fn hand_over(world: &World, session: &Session, links: Vec<Connection>) {
    world.server.notice();
    for (fd, link) in links {
        sockets::close(fd);
        link.join();
        session.links.borrow_mut().push(link);
    }
}

fn command(cmd: u8, attributes: &Attributes) -> Result<Vec<u8>> {
    sim::log(format!("command {cmd}"));
    let result = rb::sim::netlink::command("nbd", cmd, &attributes.0);
    sim::log(format!("command {cmd}: {:?}", result.as_ref().map(drop)));
    result
}

fn connect(world: &World, session: &Session) -> bool {
    for attempt in 0..20 {
        if attempt == 6 {
            // A disk takes many allocations.
            sim::faults::set(Rates::default());
        }
        let links = open_links(world, some_links(world));
        let fds: Vec<_> = links.iter().map(|link| (link.0, None)).collect();
        let mut client = 0;
        if session.destroys {
            client |= netlink::DESTROY;
        }
        if session.ends_on_close {
            client |= netlink::DISCONNECT_ON_CLOSE;
        }
        let mut attributes = Attributes::default()
            .u32(netlink::INDEX, 0)
            .u64(netlink::SIZE, session.size.get() * 512)
            .u64(netlink::BLOCK_SIZE, block())
            .u64(netlink::SERVER_FLAGS, world.flags().into())
            .u64(netlink::CLIENT_FLAGS, client)
            .bytes(netlink::BACKEND, b"export\0")
            .sockets(&fds);
        if session.timeout.get() != 0 || once_in(2) {
            attributes = attributes.u64(netlink::TIMEOUT, session.timeout.get());
        }
        if session.dead.get() != 0 || once_in(2) {
            attributes = attributes.u64(netlink::DEAD_TIMEOUT, session.dead.get());
        }
        let result = command(netlink::CONNECT, &attributes);
        let count = links.len() as u32;
        hand_over(world, session, links);
        match result {
            Ok(_) => {
                session.places.set(count);
                return true;
            }
            Err(ENOMEM) => world.server.forget_all(),
            // It may still be going away.
            Err(EINVAL) if world.destroyed.get() => clock::sleep(SECOND / 10),
            Err(err) => sim::violation(&format!("CONNECT: {err:?}")),
        }
    }
    false
}

fn block() -> u64 {
    [512, 1024, 4096][choose(3) as usize]
}

/// Connects the disk by ioctls, by a task that serves it; returns whether it is there.
fn serve(world: &Rc<World>, session: &Rc<Session>) -> bool {
    let Ok(disk) = disks::open("nbd0", true) else {
        sim::violation("the disk cannot be opened");
        return false;
    };
    let links = open_links(world, some_links(world));
    let fds: Vec<u32> = links.iter().map(|link| link.0).collect();
    let set_up = set_up(world, session, &disk, &fds);
    let count = links.len() as u32;
    hand_over(world, session, links);
    if let Err(err) = set_up {
        if err != ENOMEM {
            sim::violation(&format!("setup by ioctls: {err:?}"));
        }
        session.ends.set(true);
        world.server.health.let_end(None);
        let _ = disk.ioctl(CLEAR_SOCK, 0);
        return false;
    }
    session.places.set(count);
    let (for_world, for_session) = (world.clone(), session.clone());
    let client = sim::spawn("client", move || do_it(&for_world, &for_session, disk));
    session.client.set(Some(client));
    // It is served when it has its size.
    let disk = disks::open("nbd0", false);
    while disk.as_ref().is_ok_and(|disk| disk.sectors() == 0) && !session.ends.get() {
        clock::sleep(1_000_000);
    }
    !session.ends.get()
}

fn set_up(world: &World, session: &Session, disk: &Disk, fds: &[u32]) -> Result {
    let block = block();
    disk.ioctl(SET_BLOCK_SIZE, block as usize)?;
    disk.ioctl(SET_SIZE_BLOCKS, (session.size.get() * 512 / block) as usize)?;
    disk.ioctl(SET_TIMEOUT, session.timeout.get() as usize)?;
    disk.ioctl(SET_FLAGS, world.flags() as usize)?;
    for fd in fds {
        disk.ioctl(SET_SOCK, *fd as usize)?;
    }
    Ok(())
}

fn do_it(world: &World, session: &Session, disk: Disk) {
    let result = disk.ioctl(DO_IT, 0);
    sim::log(format!("DO_IT: {result:?}"));
    let asked = session.ends.replace(true);
    let fails = asked
        || match result {
            Ok(_) => false,
            Err(ENOMEM) => world.faults,
            Err(_) => world.server.health.fine() == 0 || session.timeout.get() != 0,
        };
    if !fails {
        sim::violation(&format!("DO_IT ends for nothing: {result:?}"));
    }
    world.server.health.let_end(None);
    if let Err(err) = disk.ioctl(CLEAR_SOCK, 0) {
        sim::violation(&format!("CLEAR_SOCK: {err:?}"));
    }
}

/// Changes the disk, and brings back what was lost, until its users are done.
pub(super) fn administrate(world: &World) {
    let session = world.session();
    while !world.over.get() {
        clock::sleep(choose(SECOND / 2));
        if session.ends.get() {
            return;
        }
        match world.changes.next() {
            0 => {
                disconnect(world, &session);
                return;
            }
            1 => look(),
            _ if !session.netlink => {}
            2 => resize(world, &session),
            3 => replace(world, &session),
            _ => repair(world, &session),
        }
    }
}

/// Ends the session, if nobody has.
pub(super) fn end(world: &World) {
    let session = world.session();
    disconnect(world, &session);
    for n in 0..1000 {
        if n == 100 && !session.netlink {
            // It waits for servers that do not hear it.
            let cleared = disks::open("nbd0", false).and_then(|disk| disk.ioctl(CLEAR_SOCK, 0));
            if cleared.is_err() {
                sim::violation(&format!("CLEAR_SOCK: {cleared:?}"));
            }
        }
        if !files::exists("block/nbd0/pid") && sockets::in_use() == 0 {
            return;
        }
        clock::sleep(10_000_000);
    }
    sim::violation("the session does not end");
}

/// Waits until whoever has served the disk has closed it.
pub(super) fn wait_for_client(world: &World) {
    if let Some(client) = world.session().client.take() {
        sim::exited(client);
    }
}

fn disconnect(world: &World, session: &Session) {
    session.ends.set(true);
    world.server.health.let_end(None);
    let result = if session.netlink {
        let attributes = Attributes::default().u32(netlink::INDEX, 0);
        command(netlink::DISCONNECT, &attributes).map(drop)
    } else {
        // Who serves the disk may have it open, or not any more.
        disks::open("nbd0", false).and_then(|disk| disk.ioctl(DISCONNECT, 0).map(drop))
    };
    match result {
        Ok(()) => {}
        Err(EINVAL | ENXIO) if session.destroys => {}
        Err(err) => sim::violation(&format!("disconnect: {err:?}")),
    }
}

fn look() {
    let asked = Attributes::default();
    match command(netlink::STATUS, &asked) {
        Ok(_) | Err(ENOMEM) => {}
        Err(err) => sim::violation(&format!("STATUS: {err:?}")),
    }
    for path in files::list() {
        match files::show(&path) {
            // A file may go with its session.
            Ok(_) | Err(EACCES | ENOENT | ENODEV) => {}
            Err(err) => sim::violation(&format!("{path}: {err:?}")),
        }
    }
}

fn change() -> Attributes {
    Attributes::default()
        .u32(netlink::INDEX, 0)
        .bytes(netlink::BACKEND, b"export\0")
}

/// Looks at what has become of a change.
fn judge(world: &World, session: &Session, what: &str, result: Result<Vec<u8>>) -> bool {
    match result {
        Ok(_) => true,
        Err(ENOMEM) if world.faults => false,
        // It may have ended.
        Err(EINVAL) if session.ends.get() || session.ends_on_close => false,
        Err(err) => {
            sim::violation(&format!("{what}: {err:?}"));
            false
        }
    }
}

/// Brings connections for those that were lost.
fn repair(world: &World, session: &Session) {
    let links = open_links(world, session.places.get().into());
    let fds: Vec<_> = links.iter().map(|link| (link.0, None)).collect();
    let mut attributes = change().sockets(&fds);
    if once_in(4) {
        let dead = choose(5);
        session.dead.set(session.dead.get().min(dead));
        attributes = attributes.u64(netlink::DEAD_TIMEOUT, dead);
    }
    let result = command(netlink::RECONFIGURE, &attributes);
    hand_over(world, session, links);
    judge(world, session, "RECONFIGURE", result);
}

/// Brings a connection for a place that has one, or one more.
fn replace(world: &World, session: &Session) {
    let places = session.places.get();
    let grows = world.flags() & flag::MULTI_CONN != 0 && u64::from(places) < MOST_LINKS;
    let place = choose(u64::from(places) + u64::from(grows)) as u32;
    let links = open_links(world, 1);
    let fds: Vec<_> = links.iter().map(|link| (link.0, Some(place))).collect();
    if place < places {
        world.server.health.let_end(Some(1));
    }
    let result = command(netlink::RECONFIGURE, &change().sockets(&fds));
    hand_over(world, session, links);
    if judge(world, session, "RECONFIGURE of a place", result) {
        session.places.set(places.max(place + 1));
    }
}

fn resize(world: &World, session: &Session) {
    let size = (2 + choose(MOST / UNIT - 1)) * UNIT;
    let mut attributes = change().u64(netlink::SIZE, size * 512);
    if once_in(3) {
        attributes = attributes.u64(netlink::BLOCK_SIZE, block());
    }
    let (begun, ended) = session.resizes.get();
    session.resizes.set((begun + 1, ended));
    let result = command(netlink::RECONFIGURE, &attributes);
    // Requests that do not end in time keep the block size.
    let busy = result.as_ref().is_err_and(|err| *err == EBUSY);
    if !busy && judge(world, session, "RECONFIGURE of the size", result) {
        session.size.set(size);
    }
    let (begun, ended) = session.resizes.get();
    session.resizes.set((begun, ended + 1));
}
