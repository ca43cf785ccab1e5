// SPDX-License-Identifier: GPL-2.0

//! All disks of the driver.
//!
//! A name is in the list from before its disk is built until after the disk is gone, so that the
//! lock of the list need not be held meanwhile: adding a disk reads its bitmap and its partitions, and
//! removing one waits for its I/O.

use crate::{
    disk::{
        attributes::{
            GROUP,
            GROUPS, //
        },
        front::{
            close_down,
            Disk, //
        },
    },
    disk_names::clash,
    engine::{
        image::Image,
        job::Engine, //
    },
    logic::{
        names::{
            number_taken,
            ChosenName, //
        },
        options::{
            AddOptions,
            RemoveTarget, //
        },
    }, //
};
use kernel::{
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use rb::block::gen_disk::{
    DiskToken,
    GenDisk, //
};

/// A name, and its disk unless that is being built or removed.
struct Slot {
    name: CString,
    disk: Option<GenDisk<Disk>>,
}

/// All disks.
#[pin_data]
pub(crate) struct Registry {
    #[pin]
    slots: Mutex<KVec<Slot>>,
    /// What disks are built with.
    token: DiskToken,
}

impl Registry {
    /// Creates an empty registry.
    pub(crate) fn new(token: &DiskToken) -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                slots <- new_mutex!(KVec::new()),
                token: token.clone(),
            }),
            GFP_KERNEL,
        )
    }

    /// Adds a disk.
    ///
    /// Fails with [`EEXIST`] if a disk or partition has that name, or a partition of one of these disks
    /// could get it; and as [`Image::open`] and [`Disk::build`]. May sleep.
    pub(crate) fn add(&self, options: &AddOptions<'_>) -> Result {
        let name = self.reserve(options.name)?;
        let added = self.build(&name, options);

        if let Ok(disk) = &added {
            let image = &disk.data().engine.image;
            pr_info!(
                "{}: {} sectors, {} of them in {}, {}\n",
                disk.name(),
                image.layout.sectors(),
                image.cow_sectors(),
                image.cow_path(),
                if image.read_only {
                    "read-only"
                } else {
                    "writable"
                }
            );
        }
        self.settle(&name, added)
    }

    fn build(&self, name: &CStr, options: &AddOptions<'_>) -> Result<GenDisk<Disk>> {
        let engine = Engine::new(name, Image::open(options)?)?;
        let disk = Disk::build(&self.token, name, engine, options.discard)?.add_disk(GROUPS)?;

        for (link, lower) in [
            (c"cow_device", &disk.data().engine.image.cow),
            (c"backing_device", &disk.data().engine.image.backing),
        ] {
            if let Some(bdev) = lower.bdev() {
                // Without it the disk is as good; the lower device may have left sysfs.
                let _ = disk.add_link(GROUP, link, bdev.kobject());
            }
        }
        Ok(disk)
    }

    /// Puts a disk into its slot, or removes the slot if there is no disk.
    fn settle(&self, name: &CStr, added: Result<GenDisk<Disk>>) -> Result {
        let mut slots = self.slots.lock();
        match added {
            Ok(disk) => {
                if let Some(slot) = slots.iter_mut().find(|slot| *slot.name == *name) {
                    slot.disk = Some(disk);
                }
                Ok(())
            }
            Err(err) => {
                slots.retain(|slot| *slot.name != *name);
                Err(err)
            }
        }
    }

    /// Adds the name of a new disk to the list: `wanted`, or the first free name that the driver chooses.
    fn reserve(&self, wanted: Option<&str>) -> Result<CString> {
        let mut slots = self.slots.lock();
        let name = match wanted {
            Some(wanted) => CString::try_from_fmt(fmt!("{wanted}"))?,
            None => CString::try_from_fmt(fmt!("{}", first_free(&slots)?.as_str()))?,
        };
        let clashes = |slot: &Slot| clash(slot.name.to_bytes(), name.to_bytes());
        if slots.iter().any(clashes) {
            return Err(EEXIST);
        }
        let slot = Slot {
            name: CString::try_from_fmt(fmt!("{}", &*name))?,
            disk: None,
        };
        slots.push(slot, GFP_KERNEL)?;
        Ok(name)
    }

    /// Removes a disk, after what it has to write was written.
    ///
    /// Fails with [`ENODEV`] if there is no such disk, and with [`EBUSY`] if it is being added or
    /// removed, or is open, unless `force` is set. May sleep.
    pub(crate) fn remove(&self, target: RemoveTarget<'_>, force: bool) -> Result {
        let (name, disk) = self.take(target, force)?;

        take_down(disk);
        pr_info!("{}: removed\n", &*name);
        self.slots.lock().retain(|slot| *slot.name != *name);
        Ok(())
    }

    /// Removes all disks, none of which is open.
    pub(crate) fn clear(&self) {
        let slots = core::mem::take(&mut *self.slots.lock());
        for disk in slots.into_iter().filter_map(|slot| slot.disk) {
            take_down(disk);
        }
    }

    /// Makes a disk unavailable, and takes it out of its slot.
    fn take(&self, target: RemoveTarget<'_>, force: bool) -> Result<(CString, GenDisk<Disk>)> {
        let mut slots = self.slots.lock();
        let slot = slots
            .iter_mut()
            .find(|slot| slot.is(target))
            .ok_or(ENODEV)?;
        let name = CString::try_from_fmt(fmt!("{}", &*slot.name))?;

        close_down(slot.disk.as_ref().ok_or(EBUSY)?, force)?;
        slot.disk.take().map(|disk| (name, disk)).ok_or(EBUSY)
    }

    /// Calls `f` for each disk, in the order in which they were added.
    pub(crate) fn for_each(&self, f: impl FnMut(&GenDisk<Disk>) -> Result) -> Result {
        let slots = self.slots.lock();

        slots
            .iter()
            .filter_map(|slot| slot.disk.as_ref())
            .try_for_each(f)
    }
}

impl Slot {
    fn is(&self, target: RemoveTarget<'_>) -> bool {
        match target {
            RemoveTarget::Name(name) => self.name.to_bytes() == name.as_bytes(),
            RemoveTarget::Number(number) => self.disk.as_ref().is_some_and(|disk| {
                let dev = disk.dev();
                (dev.major(), dev.minor()) == (number.major, number.minor)
            }),
        }
    }
}

/// Removes a disk, and then brings into the image what was not flushed.
fn take_down(disk: GenDisk<Disk>) {
    let data: Arc<Disk> = disk.data().into();
    // Waits until its requests have ended.
    drop(disk);

    let engine = &data.engine;
    if let Err(err) = engine.flusher.flush(&engine.image, false) {
        pr_err!(
            "{}: the last flush failed: {:?}\n",
            engine.image.cow_path(),
            err
        );
    }
}

/// Returns the first name of those that the driver chooses which clashes with none.
fn first_free(slots: &[Slot]) -> Result<ChosenName> {
    let is_taken = |number| {
        slots
            .iter()
            .any(|slot| number_taken(slot.name.to_bytes()) == Some(number))
    };
    // One more candidate than there are disks, so one of them is free.
    (0..)
        .take(slots.len() + 1)
        .find(|&number| !is_taken(number))
        .map(ChosenName::new)
        .ok_or(EEXIST)
}
