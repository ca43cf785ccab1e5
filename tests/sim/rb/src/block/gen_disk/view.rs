// SPDX-License-Identifier: GPL-2.0

//! A disk as every driver has it.

use super::core::Core;
use crate::{
    block::{
        bio::{
            Bio,
            Command,
            Flag, //
        },
        dev_t::DevT,
        limits::QueueLimits,
        mq::{
            Hardware,
            RequestQueue, //
        },
    },
    sim::disks,
};
use ::core::ops::Deref;
use kernel::{
    prelude::*,
    sim, //
};
use std::sync::Arc as Shared;

/// A disk, for what can be done in any context.
#[derive(Clone)]
pub struct DiskView {
    pub(crate) core: Shared<Core>,
    mq: Option<Shared<Hardware>>,
}

/// A disk, for what can also be done by who holds its open mutex.
#[derive(Clone)]
pub struct DiskRef(pub(crate) DiskView);

impl Deref for DiskRef {
    type Target = DiskView;

    fn deref(&self) -> &DiskView {
        &self.0
    }
}

impl DiskView {
    pub(super) fn new(core: Shared<Core>, mq: Option<Shared<Hardware>>) -> Self {
        Self { core, mq }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Waits until nobody hands requests to the driver.
    pub(super) fn wait_for_dispatch(&self) {
        if let Some(mq) = &self.mq {
            mq.wait_for_dispatch();
        }
    }

    /// Returns the device number.
    pub fn dev(&self) -> DevT {
        self.core.get(|state| state.dev)
    }

    /// Returns the name.
    pub fn name(&self) -> &CStr {
        &self.core.name
    }

    /// Returns the limits that hold now.
    pub fn limits(&self) -> QueueLimits {
        self.core.get(|state| state.limits)
    }

    /// Returns the request queue, which a disk with a bio front does not have.
    pub fn queue(&self) -> Option<RequestQueue> {
        let mq = self.mq.as_ref()?;
        Some(RequestQueue::new(mq.clone(), self.core.clone()))
    }

    /// Returns the capacity, in sectors of 512 bytes.
    pub fn capacity_sectors(&self) -> u64 {
        self.core.get(|state| state.capacity)
    }

    /// Returns how often the disk is open now.
    pub fn openers(&self) -> u32 {
        self.core.get(|state| state.openers)
    }
}

impl DiskRef {
    /// Writes back what the page cache has of the disk, and has the disk flush.
    ///
    /// Users of a simulation have no page cache.
    pub fn sync(&self) -> Result {
        let used = disks::find(&self.name().to_string_lossy()).ok_or(ENODEV)?;
        let flush = Bio::new(Command::Write, Flag::Preflush.into(), 0, 0, Vec::new());
        used.submit(flush).map_err(|err| err.to_error())
    }

    /// Runs `f` while no I/O is in flight and none can start.
    pub fn freeze<R>(&self, f: impl FnOnce() -> R) -> R {
        self.core().queue.freeze();
        let section = sim::context::enter(sim::context::Kind::NoIo, "a frozen queue");
        let result = f();
        drop(section);
        self.core().queue.unfreeze();
        result
    }

    /// Drops what the page cache of the disk holds from byte `start` on; there is none.
    pub fn truncate_cache(&self, _start: u64) {
        sim::might_sleep("truncate_inode_pages()");
    }
}
