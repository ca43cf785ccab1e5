// SPDX-License-Identifier: GPL-2.0

//! What the tasks of a run share.

use crate::{
    scenarios::{
        swarm::Swarm,
        user::Data, //
    },
    world::server::{
        Link,
        Server, //
    },
};
use kernel::sim;
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    ops::Range,
    rc::Rc,
};

/// Most sectors of the export that are used.
pub(super) const MOST: u64 = 64;

/// Sectors of the largest block, and of what users access.
pub(super) const UNIT: u64 = 8;

pub(super) const SECOND: u64 = 1_000_000_000;

/// How the disk is connected, and what may go wrong with it.
pub(super) struct Session {
    /// Over netlink, not by ioctls.
    pub(super) netlink: bool,
    /// Seconds that the server has to reply; zero for any time.
    pub(super) timeout: Cell<u64>,
    /// Seconds that requests wait when all connections are lost, the least that was set.
    pub(super) dead: Cell<u64>,
    /// It goes when nobody has it open.
    pub(super) ends_on_close: bool,
    /// The disk goes with it.
    pub(super) destroys: bool,
    /// Somebody has asked for its end.
    pub(super) ends: Cell<bool>,
    /// How often somebody has begun to change the size, and how often that was over.
    pub(super) resizes: Cell<(u64, u64)>,
    pub(super) size: Cell<u64>,
    pub(super) places: Cell<u32>,
    /// Who serves it, if that is done by ioctls.
    pub(super) client: Cell<Option<sim::Task>>,
    pub(super) links: RefCell<Vec<Rc<Link>>>,
}

/// What the tasks share.
pub(super) struct World {
    pub(super) server: Rc<Server>,
    pub(super) data: Data,
    pub(super) faults: bool,
    /// What users do: see `user::WHAT`.
    pub(super) accesses: Swarm,
    /// What is changed: see `admin::CHANGES`.
    pub(super) changes: Swarm,
    /// Most sectors that users access.
    pub(super) room: u64,
    /// Most accesses of a user in a row.
    pub(super) row: u64,
    pub(super) over: Cell<bool>,
    pub(super) session: RefCell<Rc<Session>>,
    /// The disk may go with the session before.
    pub(super) destroyed: Cell<bool>,
}

impl World {
    pub(super) fn session(&self) -> Rc<Session> {
        self.session.borrow().clone()
    }

    pub(super) fn flags(&self) -> u32 {
        self.server.behaviour().flags
    }

    /// Looks at what a crash of the server would leave now of some sectors. That changes, and so this is
    /// called, when more has to survive, and when the server writes.
    pub(super) fn look_after_crash(&self, sectors: Range<u64>) {
        sim::count("crashes of the server", 1);
        for sector in sectors {
            for value in self.server.export.after_cut(sector) {
                if let Err(text) = self.data.flushed.look(sector, value) {
                    sim::violation(&text);
                }
            }
        }
    }
}
