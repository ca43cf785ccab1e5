// SPDX-License-Identifier: GPL-2.0

//! Who adds the disk, looks at it, and removes it; and what happens to what is below.

use super::world::{
    base_dev,
    image_dev,
    World,
    BASE,
    IMAGE,
    LONGEST, //
};
use kernel::{
    error::{
        code::*,
        Error, //
    },
    sim::{
        self,
        choose,
        clock,
        faults::{
            self,
            Rates, //
        },
        once_in, //
    },
};
use rb::sim::{
    disks,
    files,
    lower,
    vfs, //
};

/// The file that adds disks, and the one that removes them.
const ADD: &str = "class/ubd/add";
const REMOVE: &str = "class/ubd/remove";

pub(super) fn set_faults(world: &World) {
    if world.faults {
        faults::set(Rates {
            allocation: 2 + choose(30),
        });
    }
}

/// From now on there is no memory at all, which must not matter.
fn have_no_memory(world: &World) {
    if world.faults {
        faults::set(Rates { allocation: 1 });
    }
}

fn text_of(world: &World) -> String {
    let mut text = format!("cow={IMAGE}");
    if !world.is_made {
        text += &format!(" backing='{BASE}' create");
    } else if once_in(2) {
        text += &format!(" \"backing={BASE}\"").replace("\"backing=", "backing=\"");
    }
    if world.read_only {
        text += " ro";
    }
    if !world.discards {
        text += " discard=none";
    }
    text
}

/// Adds the disk. Returns whether it is there.
pub(super) fn add(world: &World) -> bool {
    let exists = vfs::exists(IMAGE);
    let mut text = text_of(world);
    if exists {
        text = text.replace(" create", "");
    }
    let other = once_in(12).then(|| vfs::lock(if exists { IMAGE } else { BASE }, true));
    for attempt in 0..200 {
        let failures = world.failures();
        // Who has a disk open that was removed has the image open; who runs its queue has it for a moment.
        let openers = world.openers.get();
        let result = files::store(ADD, text.as_bytes());
        world.making.set(false);
        match result {
            Ok(()) => {
                if matches!(other, Some(Ok(_))) {
                    sim::violation("a disk is added whose image somebody else has locked");
                }
                world.look_at_header();
                world.losses.set(world.image.borrow().losses());
                have_no_memory(world);
                return true;
            }
            Err(ENOMEM | EAGAIN) => {}
            Err(EBUSY) if matches!(other, Some(Ok(_))) => break,
            Err(EBUSY) if openers != 0 || attempt < 20 => clock::sleep(choose(5_000_000)),
            Err(_) if world.failures() != failures => {}
            Err(err) => sim::violation(&format!("add {text}: {err:?}")),
        }
        if exists != vfs::exists(IMAGE) {
            sim::violation("an image is there whose disk could not be added");
        }
        if attempt == 30 {
            faults::set(Rates::default());
        }
    }
    false
}

fn look_whether_free(world: &World) {
    let is_used = || {
        vfs::is_used(IMAGE)
            || (world.on_device && lower::is_claimed(image_dev()))
            || (world.base_on_device && lower::is_claimed(base_dev()))
            || vfs::is_used(BASE)
    };
    for _ in 0..100 {
        if is_used() {
            clock::sleep(1000);
        }
    }
    if is_used() {
        sim::violation("a file is in use whose disk was removed");
    }
}

/// What becomes of what somebody has told the disk to keep.
fn kept(world: &World, began: (u64, u64), result: Result<(), Error>) {
    world.data.flushed.end_flush(began.0, result.is_ok());
    if result.is_ok() {
        world.flushed_at.set(began.1);
        world.look_after_cut();
    }
}

/// Removes the disk. Returns whether it is gone.
pub(super) fn remove(world: &World, force: bool) -> bool {
    let (opens, openers) = (world.opens.get(), world.openers.get());
    let began = (world.data.flushed.begin_flush(), world.failures());
    if force {
        world.forced.set(world.forced.get() + 1);
    }
    let text = if force { "ubda force" } else { "ubda" };
    let remove = || files::store(REMOVE, text.as_bytes());
    let result = world.data.watch(text.to_owned(), remove);
    if force {
        world.forced.set(world.forced.get() + 1);
    }
    let is_gone = !disks::names().iter().any(|name| name == "ubda");
    let failed = world.failures() != began.1 || world.has_lost();
    match result {
        Ok(()) if !is_gone => sim::violation("a disk is there that was removed"),
        Ok(()) => {}
        Err(EBUSY) if !force && (openers != 0 || world.opens.get() != opens) => {}
        Err(ENOMEM) => {}
        Err(_) if failed && (force || !is_gone) => {}
        Err(err) => sim::violation(&format!("remove: {err:?}; gone: {is_gone}")),
    }
    if result != Err(EBUSY) && result != Err(ENOMEM) {
        kept(world, began, result);
        world.dead.set(is_gone && result.is_err());
    }
    is_gone
}

/// Removes the disk in the end, when nobody has it open.
pub(super) fn remove_at_last(world: &World) {
    set_faults(world);
    if !once_in(3) {
        clock::sleep(choose(20_000_000));
    }
    for attempt in 0.. {
        if world.dead.get() || remove(world, attempt > 10) {
            break;
        }
        if attempt == 5 {
            world.image.borrow().become_good();
            faults::set(Rates::default());
        }
    }
    look_whether_free(world);
    if !world.how.forgets {
        look_at_all(world);
    }
}

/// After a flush that has succeeded, what reads have seen is what the image has.
fn look_at_all(world: &World) {
    let (path, values) = world.snapshot();
    vfs::unlink(&path);
    for (sector, value) in values {
        if let Err(text) = world.data.flushed.look(sector, value) {
            sim::violation(&text);
        }
    }
}

pub(super) fn administrate(world: &World) {
    for _ in 0..choose(7) {
        clock::sleep(choose(3_000_000));
        if world.dead.get() {
            return;
        }
        match choose(7) {
            0 => sync(world),
            1 => try_again(world),
            2 => shut_down(world),
            _ => look(),
        }
    }
}

/// Removes the disk, if it can be, and adds it again.
fn try_again(world: &World) {
    if remove(world, once_in(3)) {
        set_faults(world);
        while !world.dead.get() && !add(world) {
            sim::yield_now();
        }
    }
}

/// Has the disk flush by its attribute.
fn sync(world: &World) {
    let began = (world.data.flushed.begin_flush(), world.failures());
    let store = || files::store("block/ubda/ubd/sync", b"1\n");
    let result = world.data.watch("sync".to_owned(), store);
    match result {
        Err(ENOENT) => {}
        Err(_) if world.failures() == world.flushed_at.get() && !world.has_lost() => {
            sim::violation(&format!("sync fails for nothing: {result:?}"));
        }
        _ => kept(world, began, result),
    }
}

/// When nobody else uses the disk, it says whether the last flush has failed.
pub(super) fn look_at_error(world: &World) {
    for _ in 0..1 + choose(3) {
        let failures = world.failures();
        sync(world);
        let Ok(shown) = files::show("block/ubda/ubd/error") else {
            return;
        };
        // A flush may also tell of one that nobody has asked for.
        let fails = world.failures() != failures || world.has_lost();
        if fails == (shown == b"0\n") {
            let shown = String::from_utf8_lossy(&shown).into_owned();
            sim::violation(&format!("error is {shown}, a flush fails: {fails}"));
        }
    }
}

/// The system is turned off, or nearly so.
fn shut_down(world: &World) {
    let began = (world.data.flushed.begin_flush(), world.failures());
    world
        .data
        .watch("a shutdown".to_owned(), rb::sim::shut_down);
    // The next flush of a user hears of an error of one before, even if none fails any more.
    let succeeded = world.failures() == began.1 && !world.has_lost();
    world.data.flushed.end_flush(began.0, succeeded);
    if succeeded {
        world.look_after_cut();
    }
}

fn look() {
    for path in files::list() {
        match files::show(&path) {
            Ok(_) | Err(EACCES | ENOENT | ENODEV) => {}
            Err(err) => sim::violation(&format!("{path}: {err:?}")),
        }
    }
}

/// Looks what the power could leave, until nobody uses the disk.
pub(super) fn cut_power(world: &World) {
    let mut looks = 0;
    while !world.over.get() {
        looks += 1;
        world.data.look_for_progress(LONGEST);
        world.look_after_cut();
        world.look_at_header();
        if once_in(12) {
            add_after_cut(world);
        }
        for _ in 0..1 + choose(60) {
            sim::point();
        }
        // Who waits for ever is to be seen soon.
        let longest = if looks > 60 { 300_000_000 } else { 3_000_000 };
        if once_in(3) {
            clock::sleep(choose(longest));
        }
    }
}

/// Adds a disk with what a power cut has left of the image: it has to be what the judge reads there.
fn add_after_cut(world: &World) {
    let (path, values) = world.snapshot();
    let text = format!("cow='{path}' name=after ro");
    let failures = world.failures();
    match faults::spare(|| files::store(ADD, text.as_bytes())) {
        Ok(()) => {}
        Err(_) if world.failures() != failures || world.base.under_way() != 0 => {}
        Err(ENOMEM | EAGAIN) => {}
        Err(err) => sim::violation(&format!("add {text}: {err:?}")),
    }
    if let Ok(disk) = disks::open("after", false) {
        sim::count("disks after a power cut", 1);
        for (sector, value) in values {
            let sector = sector / world.block * world.block;
            let data = faults::spare(|| disk.read(sector, Default::default(), world.block as u32));
            if let Ok(mut data) = data {
                world.straighten_to(value, sector, &mut data);
                compare(sector, value, &data);
            }
        }
        drop(disk);
    }
    if disks::names().iter().any(|name| name == "after") {
        let removed = faults::spare(|| files::store(REMOVE, b"after"));
        if removed.is_err() {
            sim::violation(&format!("a disk that nobody has written: {removed:?}"));
        }
    }
    vfs::unlink(&path);
}

fn compare(sector: u64, value: u64, data: &[u8]) {
    let is_there = data
        .chunks(512)
        .any(|bytes| crate::judge::blocks::value_of(bytes) == Some(value));
    if !is_there {
        sim::violation(&format!("sector {sector} is not {value:#x} after a cut"));
    }
}

/// Suspends what is below now and then.
pub(super) fn suspend(world: &World) {
    for _ in 0..choose(3) {
        clock::sleep(choose(20_000_000));
        let store = if once_in(3) {
            world.base.clone()
        } else {
            world.image.borrow().clone()
        };
        store.pause();
        clock::sleep(choose(50_000_000));
        store.resume();
    }
}
