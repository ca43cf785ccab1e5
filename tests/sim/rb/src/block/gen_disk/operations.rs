// SPDX-License-Identifier: GPL-2.0

//! What a driver does for its disk, and the disk itself.

use super::{
    core::Core,
    disks::CountedDisk,
    used::Opening,
    view::{
        DiskRef,
        DiskView, //
    },
};
use crate::{
    block::{
        bio::Bio,
        error::BlkResult,
        mq::Hardware, //
    },
    sim::disks,
};
use ::core::ops::Deref;
use kernel::{
    prelude::*,
    sim,
    str::CString,
    types::ForeignOwnable, //
};
use std::sync::Arc as Shared;

/// What a disk lends of its data.
pub(crate) type Borrowed<'a, T> = <<T as Operations>::Data as ForeignOwnable>::Borrowed<'a>;

/// What a disk does besides I/O.
#[vtable]
pub trait Operations: Sized + 'static {
    /// Data of the disk.
    type Data: ForeignOwnable + Send + Sync + 'static;

    /// Called when the disk is opened.
    fn open(_data: Borrowed<'_, Self>, _disk: &DiskRef, _how: Opening) -> Result {
        build_error!()
    }

    /// Called for each successful open, when it is closed.
    fn release(_data: Borrowed<'_, Self>, _disk: &DiskRef) {
        build_error!()
    }

    /// Called for each ioctl that the block layer does not handle itself.
    fn ioctl(_disk: &GenDisk<Self>, _call: &Ioctl) -> Result<i32> {
        build_error!()
    }

    /// Returns the path of the device node.
    fn devnode(_data: Borrowed<'_, Self>) -> Result<CString> {
        build_error!()
    }
}

/// An ioctl as somebody has asked for it.
pub struct Ioctl {
    pub(crate) cmd: u32,
    pub(crate) arg: usize,
}

impl Ioctl {
    /// Returns the number of the ioctl.
    pub fn cmd(&self) -> u32 {
        self.cmd
    }

    /// Returns the argument.
    pub fn arg(&self) -> usize {
        self.arg
    }

    /// Returns whether a 32-bit program has asked on a 64-bit system.
    pub fn is_compat(&self) -> bool {
        false
    }
}

/// How bios get to the driver.
pub(crate) trait Front<T: Operations>: Send + Sync {
    /// Carries out a bio, and waits for it.
    fn submit(&self, disk: &Shared<Typed<T>>, bio: Bio) -> BlkResult;

    /// Returns how many writes wait that the driver has not taken.
    fn waiting(&self) -> usize {
        0
    }
}

/// A disk and the data of its driver.
pub(crate) struct Typed<T: Operations> {
    pub(crate) disk: DiskRef,
    pub(crate) front: Box<dyn Front<T>>,
    data: T::Data,
    // Dropped last.
    _counted: CountedDisk,
}

impl<T: Operations> Typed<T> {
    pub(super) fn new(
        core: Shared<Core>,
        mq: Option<Shared<Hardware>>,
        front: Box<dyn Front<T>>,
        data: T::Data,
        counted: CountedDisk,
    ) -> Shared<Self> {
        Shared::new(Self {
            disk: DiskRef(DiskView::new(core, mq)),
            front,
            data,
            _counted: counted,
        })
    }

    pub(crate) fn core(&self) -> &Core {
        self.disk.core()
    }

    pub(crate) fn view(&self) -> &DiskView {
        &self.disk
    }

    pub(crate) fn data(&self) -> Borrowed<'_, T> {
        self.data.lend()
    }
}

/// A disk that was added to the system, and is removed when this is dropped.
pub struct GenDisk<T: Operations> {
    pub(crate) typed: Shared<Typed<T>>,
    /// Whether this removes it, and is not only lent.
    pub(super) owns: bool,
}

impl<T: Operations> Deref for GenDisk<T> {
    type Target = DiskRef;

    fn deref(&self) -> &DiskRef {
        &self.typed.disk
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
        let _open = self.core().open_mutex.lock();
        f(self.openers())
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
        disks::remove(core);
        core.take_files();
        core.queue.kill();
        self.typed.view().wait_for_dispatch();
    }
}
