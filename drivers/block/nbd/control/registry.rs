// SPDX-License-Identifier: GPL-2.0

//! Which devices there are, and how their disks are made and removed.
//!
//! # Locks
//!
//! The lock of a unit's disk is held while the disk is made, commanded over netlink, or removed. The locks
//! of the [device](crate::session::device) are taken within it. `units` is held while units are looked
//! for, and while one is put in or taken out. A task that puts a unit in has the lock of its disk.
//!
//! Under `units` nothing is allocated, and nothing waits. So a connection can be brought back while
//! another disk is made. Making a disk may wait for memory, which may wait for that connection.
//!
//! Nothing that is called for an open disk takes `units` or the lock of a unit.

use crate::{
    disk::{
        attributes::GROUPS,
        elevator::NoElevator,
        front::Disk, //
    },
    links::{
        shared::{
            Shared,
            MAJOR, //
        },
        traffic::QUEUE_DEPTH, //
    },
    session::{
        device::Device,
        life,
        limits, //
    },
};
use core::num::NonZero;
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    },
    sync::{
        atomic::Relaxed,
        Arc,
        Mutex, //
    }, //
};
use rb::{
    block::{
        dev_t::DevT,
        gen_disk::{
            DiskOptions,
            DiskToken,
            GenDisk, //
        },
        mq::{
            Flag,
            TagSet,
            TagSetOptions, //
        },
    },
    workqueue::{
        self,
        OwnedQueue, //
    },
};

/// A device and its disk.
#[pin_data]
pub(crate) struct Unit {
    pub(crate) device: Arc<Device>,
    /// The disk, until it is removed.
    #[pin]
    pub(crate) disk: Mutex<Option<GenDisk<Disk>>>,
}

/// Which devices there are.
#[pin_data]
pub(crate) struct Registry {
    pub(crate) shared: Arc<Shared>,
    /// What disks are built with.
    disks: DiskToken,
    /// Work that may wait for I/O.
    removals: OwnedQueue,
    #[pin]
    units: Mutex<RBTree<u32, Arc<Unit>>>,
}

impl Registry {
    /// Makes it without a device.
    pub(crate) fn new(shared: Arc<Shared>, disks: &DiskToken) -> Result<Arc<Self>> {
        let removals = OwnedQueue::new(c"nbd-removals", workqueue::Flag::Unbound, 0)?;
        Arc::pin_init(
            pin_init!(Self {
                shared,
                disks: disks.clone(),
                removals,
                units <- new_mutex!(RBTree::new(), "nbd::Registry::units"),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns a device.
    pub(crate) fn find(&self, index: u32) -> Option<Arc<Unit>> {
        self.units.lock().get(&index).cloned()
    }

    /// Returns a device, which is made if need be.
    ///
    /// Fails with `EINVAL` if there cannot be so many.
    pub(crate) fn find_or_add(self: &Arc<Self>, index: u32) -> Result<Arc<Unit>> {
        loop {
            if let Some(unit) = self.find(index) {
                return Ok(unit);
            }
            if let Some(unit) = self.add(index)? {
                return Ok(unit);
            }
        }
    }

    /// Returns the first device that is free, or else a new one.
    pub(crate) fn find_free(
        self: &Arc<Self>,
        is_free: impl Fn(&Unit) -> bool,
    ) -> Result<Arc<Unit>> {
        loop {
            let units = self.units.lock();
            if let Some(unit) = units.values().find(|unit| is_free(unit)) {
                return Ok(unit.clone());
            }
            let taken = units.keys().zip(0..).take_while(|(key, n)| *key == n);
            let index = u32::try_from(taken.count())?;
            drop(units);
            if let Some(unit) = self.add(index)? {
                return Ok(unit);
            }
        }
    }

    /// Calls `f` for each device, in the order of their numbers.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&Unit) -> Result) -> Result {
        self.units.lock().values().try_for_each(|unit| f(unit))
    }

    /// Makes a device, unless there is one with this number.
    ///
    /// A task that finds it meanwhile waits for its disk. If the disk cannot be made, it finds none.
    fn add(self: &Arc<Self>, index: u32) -> Result<Option<Arc<Unit>>> {
        let device = Device::new(index, self.shared.clone())?;
        let of_disk = device.clone();
        let unit = Arc::pin_init(
            pin_init!(Unit {
                device,
                disk <- new_mutex!(None, "nbd::Unit::disk"),
            }),
            GFP_KERNEL,
        )?;
        let node = RBTreeNode::new(index, unit.clone(), GFP_KERNEL)?;
        let mut place = unit.disk.lock();
        let mut units = self.units.lock();
        if units.get(&index).is_some() {
            drop(units);
            drop(place);
            return Ok(None);
        }
        // There was none.
        let _none = units.insert(node);
        drop(units);

        match self.add_disk(of_disk) {
            Ok(disk) => *place = Some(disk),
            Err(err) => {
                let gone = self.units.lock().remove(&index);
                drop(gone);
                return Err(err);
            }
        }
        drop(place);
        Ok(Some(unit))
    }

    fn add_disk(&self, device: Arc<Device>) -> Result<GenDisk<Disk>> {
        let index = device.index();
        let first = self.shared.minors.first_of(index).ok_or(EINVAL)?;
        let minors = NonZero::new(self.shared.minors.per_disk()).ok_or(EINVAL)?;
        let elevator = NoElevator::new(index)?;
        let tags = TagSetOptions {
            nr_hw_queues: 1,
            nr_read_queues: 0,
            queue_depth: QUEUE_DEPTH,
            flags: Flag::NoDefaultScheduler.into(),
        };
        let tags = Arc::pin_init(TagSet::new(&tags, elevator.clone())?, GFP_KERNEL)?;
        // Each request has a slot: there must not be more.
        if tags.queue_depth() != QUEUE_DEPTH {
            return Err(ENOMEM);
        }
        let options = DiskOptions {
            device_number: Some((DevT::new(MAJOR, first)?, minors)),
            ..DiskOptions::default()
        };
        let disk = options.build_mq::<Disk>(
            &self.disks,
            fmt!("nbd{index}"),
            &limits::idle_limits(device.max_request()),
            tags,
            device.clone(),
        )?;
        if let Some(queue) = disk.queue() {
            // The only time that it is.
            device.traffic.queue.populate(queue);
        }
        // From here on no request can be made that a scheduler would keep.
        elevator.pin();
        if disk.limits().max_hw_sectors != limits::idle_limits(device.max_request()).max_hw_sectors
        {
            return Err(ENOTSUPP);
        }
        let disk = disk.add_disk(GROUPS)?;
        if disk.has_elevator() {
            pr_err!(
                "nbd{}: there is an I/O scheduler, which must not be\n",
                index
            );
            return Err(ENOTSUPP);
        }
        Ok(disk)
    }

    /// Removes a device that was to go with its session, if that has ended and nobody has it open;
    /// not now, but soon, by a worker.
    pub(crate) fn remove_later(self: &Arc<Self>, index: u32) {
        let registry = self.clone();
        let removal = move || registry.remove_unused(index);
        if self.removals.try_spawn(GFP_KERNEL, removal).is_err() {
            pr_warn!("nbd{}: no memory to remove the disk\n", index);
        }
    }

    fn remove_unused(&self, index: u32) {
        let Some(unit) = self.find(index) else {
            return;
        };
        let mut place = unit.disk.lock();
        let unused = unit.device.destroy.load(Relaxed)
            && !unit.device.setup.lock().is_busy()
            && place.as_ref().is_some_and(|disk| disk.openers() == 0);
        if !unused {
            return;
        }
        let disk = place.take();
        drop(place);
        // The name is free when the disk is gone, and only then the number.
        drop(disk);
        let unit = self.units.lock().remove(&index);
        drop(unit);
    }

    /// Lets no commands come any more, and removes all devices. Nothing uses them, since a user
    /// keeps the module.
    pub(crate) fn shut_down(&self) {
        let control = self.shared.take_control();
        drop(control);
        self.flush_work();
        let units = core::mem::take(&mut *self.units.lock());
        for unit in units.values() {
            let Some(disk) = unit.disk.lock().take() else {
                continue;
            };
            // There is one only if the driver has failed to start, and somebody was faster.
            life::end(&unit.device, &disk, &mut unit.device.setup.lock(), false);
            drop(disk);
        }
        // Each holds a device or a connection, and may have been queued when the disks went.
        self.flush_work();
    }

    fn flush_work(&self) {
        self.removals.flush();
        self.shared.flush_work();
    }
}
