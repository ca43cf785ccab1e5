// SPDX-License-Identifier: GPL-2.0

use crate::{
    bindings,
    new_wait_queue,
    wait::WaitQueue, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        Arc, //
    },
};

/// What a driver has for as long as there may be disks of it; dropped last.
///
/// A disk that was removed lives on while somebody has it open, or is about to be refused. Openers
/// keep the module; those who are refused do not, nor does the block core any more when it drops the
/// last reference. So dropping this waits until each disk that was built with one of its
/// [tokens](Disks::token) is freed, its data dropped, and everybody has left the code that did so.
/// (For the latter a preemptible kernel needs `CONFIG_TASKS_RCU`, which tracing selects.)
///
/// If the module has been loaded, that takes a moment. If a cgroup's I/O controller has noted a disk in
/// a task, it takes until that task returns to user space. If the module fails to load although a disk
/// was visible, it takes until the last opener has closed the disk.
///
/// # Examples
///
/// ```
/// # use rb::block::gen_disk::{self, Disks, GenDisk};
/// # struct Disk;
/// # #[vtable]
/// # impl gen_disk::Operations for Disk {
/// #     type Data = KBox<u32>;
/// # }
/// struct Driver {
///     disk: GenDisk<Disk>,
///     // Dropped last.
///     _disks: Disks,
/// }
/// ```
pub struct Disks(DiskToken);

impl Disks {
    /// Makes one for a driver that has no disks yet. Fails with [`ENOMEM`].
    pub fn new() -> Result<Self> {
        let count = Arc::pin_init(
            pin_init!(Count {
                disks: Atomic::new(0),
                idle <- new_wait_queue!("rb::gen_disk::Disks"),
            }),
            GFP_KERNEL,
        )?;
        Ok(Self(DiskToken(count)))
    }

    /// Returns what disks are built with.
    pub fn token(&self) -> &DiskToken {
        &self.0
    }
}

impl Drop for Disks {
    /// Process context; sleeps.
    fn drop(&mut self) {
        let count = &self.0 .0;
        count.disks.fetch_add(Count::CLOSED, Acquire);
        let freed = || count.disks.load(Acquire) == Count::CLOSED;
        count.idle.wait_event_idle_timeout(None, freed);

        // The task that has freed a disk has said so from within this module, and may have been preempted
        // before it has left it.
        // SAFETY: FFI call without preconditions in process context.
        unsafe { bindings::synchronize_text() };
    }
}

/// Allows to build disks that a [`Disks`] waits for.
#[derive(Clone)]
pub struct DiskToken(Arc<Count>);

impl DiskToken {
    /// Counts a disk. Fails with [`ENODEV`] once the [`Disks`] is being dropped.
    pub(super) fn count(&self) -> Result<CountedDisk> {
        let before = self.0.disks.fetch_add(Count::ONE, Acquire);
        // Not counted any more if this fails.
        let counted = CountedDisk(self.0.clone());
        (before & Count::CLOSED == 0)
            .then_some(counted)
            .ok_or(ENODEV)
    }
}

#[pin_data]
struct Count {
    /// How many disks are not freed, times [`Count::ONE`]; and whether no more can be built.
    disks: Atomic<usize>,
    #[pin]
    idle: WaitQueue,
}

impl Count {
    const CLOSED: usize = 1;
    const ONE: usize = 2;
}

/// A disk that is not freed; dropped as the last that is done for it, or by a call into the module
/// that unloading waits for.
pub(super) struct CountedDisk(Arc<Count>);

impl Drop for CountedDisk {
    fn drop(&mut self) {
        let before = self.0.disks.fetch_sub(Count::ONE, Release);
        if before == Count::ONE + Count::CLOSED {
            self.0.idle.wake_up_all();
        }
    }
}
