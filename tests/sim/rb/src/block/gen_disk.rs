// SPDX-License-Identifier: GPL-2.0

//! Disks.

mod builder;
mod change;
mod core;
#[allow(unsafe_code, reason = "what it calls is C in the kernel")]
#[path = "../../../../../rust/block/gen_disk/disks.rs"]
mod disks;
mod files;
mod operations;
mod queue;
mod user;

pub(crate) use self::core::{
    Core,
    Typed, //
};
pub use builder::{
    DiskOptions,
    UnaddedDisk, //
};
pub use disks::{
    DiskToken,
    Disks, //
};
pub use files::{
    AttributeFile,
    DeviceOf,
    DiskDevice, //
};
pub(crate) use operations::{
    Borrowed,
    Front, //
};
pub use operations::{
    Ioctl,
    Opening,
    Operations, //
};
pub(crate) use user::Used;

use super::{
    dev_t::DevT,
    limits::QueueLimits,
    mq::RequestQueue, //
};
use ::core::ops::Deref;
use kernel::{
    prelude::*,
    sim, //
};
use std::sync::Arc as Shared;

/// A disk, for what can be done in any context.
#[derive(Clone)]
pub struct DiskView(pub(crate) Shared<Core>);

/// A disk, for what can also be done by who holds its open mutex.
#[derive(Clone)]
pub struct DiskRef(pub(crate) DiskView);

/// A disk that was added to the system, and is removed when this is dropped.
pub struct GenDisk<T: Operations> {
    pub(crate) typed: Shared<Typed<T>>,
    /// Whether this removes it, and is not only lent.
    owns: bool,
}

impl<T: Operations> Deref for GenDisk<T> {
    type Target = DiskRef;

    fn deref(&self) -> &DiskRef {
        &self.typed.disk
    }
}

impl Deref for DiskRef {
    type Target = DiskView;

    fn deref(&self) -> &DiskView {
        &self.0
    }
}

impl<T: Operations> GenDisk<T> {
    /// Lends a disk.
    pub(crate) fn lend<R>(typed: &Shared<Typed<T>>, f: impl FnOnce(&Self) -> R) -> R {
        f(&Self {
            typed: typed.clone(),
            owns: false,
        })
    }

    /// Returns the data of the disk.
    pub fn data(&self) -> Borrowed<'_, T> {
        self.typed.data()
    }

    /// Runs `f` while the disk can be neither opened nor closed.
    pub fn with_openers<R>(&self, f: impl FnOnce(u32) -> R) -> R {
        let _open = self.0 .0.open_mutex.lock();
        f(self.openers())
    }
}

impl DiskView {
    pub(crate) fn core(&self) -> &Core {
        &self.0
    }

    /// Returns the device number.
    pub fn dev(&self) -> DevT {
        self.0.get(|state| state.dev)
    }

    /// Returns the name.
    pub fn name(&self) -> &CStr {
        &self.0.name
    }

    /// Returns the limits that hold now.
    pub fn limits(&self) -> QueueLimits {
        self.0.get(|state| state.limits)
    }

    /// Returns the request queue, which a disk with a bio front does not have.
    pub fn queue(&self) -> Option<RequestQueue> {
        self.0.mq.as_ref().map(|mq| RequestQueue::new(mq.clone()))
    }

    /// Returns the capacity, in sectors of 512 bytes.
    pub fn capacity_sectors(&self) -> u64 {
        self.0.get(|state| state.capacity)
    }

    /// Returns how often the disk is open now.
    pub fn openers(&self) -> u32 {
        self.0.get(|state| state.openers)
    }
}

impl DiskRef {
    /// Writes back what the page cache has of the disk, and has the disk flush.
    ///
    /// Users of a simulation have no page cache.
    pub fn sync(&self) -> Result {
        let used = crate::sim::disks::find(&self.name().to_string_lossy()).ok_or(ENODEV)?;
        let flush = super::bio::Bio::new(
            super::bio::Command::Write,
            super::bio::Flag::Preflush.into(),
            0,
            0,
            Vec::new(),
        );
        used.submit(flush).map_err(|err| err.to_error())
    }

    /// Runs `f` while no IO is in flight and none can start.
    pub fn freeze<R>(&self, f: impl FnOnce() -> R) -> R {
        self.0 .0.queue.freeze();
        let section = sim::context::enter(sim::context::Kind::NoIo, "a frozen queue");
        let result = f();
        drop(section);
        self.0 .0.queue.unfreeze();
        result
    }

    /// Drops what the page cache of the disk holds from byte `start` on; there is none.
    pub fn truncate_cache(&self, _start: u64) {
        sim::might_sleep("truncate_inode_pages()");
    }
}

impl<T: Operations> Drop for GenDisk<T> {
    fn drop(&mut self) {
        if !self.owns {
            return;
        }
        sim::might_sleep("removing a disk");
        let core = self.typed.core();
        core.leave();
        {
            let _open = core.open_mutex.lock();
            core.set(|state| {
                state.live = false;
                state.capacity = 0;
            });
        }
        crate::sim::disks::remove(core);
        core.take_files();
        core.queue.kill();
        if let Some(mq) = &core.mq {
            mq.wait_for_dispatch();
        }
    }
}
