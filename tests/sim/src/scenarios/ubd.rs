// SPDX-License-Identifier: GPL-2.0

//! Copy-on-write disks whose image fails, is held up, and loses power.

mod admin;
mod user;
mod world;

use self::{
    admin::{
        add,
        administrate,
        cut_power,
        look_at_error,
        remove_at_last,
        set_faults,
        suspend, //
    },
    user::use_disk,
    world::World,
};
use kernel::sim::{
    self, choose,
    faults::{
        self,
        Rates, //
    },
};
use rb::sim::{
    disks,
    files, //
};
use std::rc::Rc;

/// Plays it.
pub fn run(_seed: u64) {
    let world = World::build();
    let config = ubd::Config::new(b"").expect("nothing is wrong with it");
    let driver = ubd::Driver::init(&config).expect("without faults it starts");

    for _ in 0..1 + choose(2) {
        set_faults(&world);
        if !world.dead.get() && add(&world) {
            play(&world);
            remove_at_last(&world);
        }
    }
    faults::set(Rates::default());
    if !rb::sim::unload() {
        sim::violation("the module is in use when nothing is added");
    }
    drop(driver);
    let left = [disks::names(), files::list()].concat();
    let (pages, ios) = (
        rb::page::in_use(),
        world.image.borrow().under_way() + world.base.under_way(),
    );
    if !left.is_empty() || pages != 0 || ios != 0 {
        sim::violation(&format!(
            "left when the module is gone: {left:?}, {pages} pages, {ios} IOs"
        ));
    }
}

fn play(world: &Rc<World>) {
    world.over.set(false);
    faults::set_none_for_io(true);
    let spawn = |name: &str, body: fn(&World)| {
        let world = world.clone();
        sim::spawn(name, move || body(&world))
    };
    let mut tasks: Vec<_> = (0..2 + choose(3))
        .map(|_| spawn("user", use_disk))
        .collect();
    tasks.push(spawn("admin", administrate));
    tasks.push(spawn("suspend", suspend));
    let power = spawn("power", cut_power);
    for task in tasks {
        sim::exited(task);
    }
    world.over.set(true);
    sim::exited(power);
    look_at_error(world);
    faults::set_none_for_io(false);
}
