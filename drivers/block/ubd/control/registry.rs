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
            reopen,
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
use rb::{
    block::gen_disk::{
        DiskToken,
        GenDisk, //
    },
    reboot::Shutdown, //
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
    /// Fails with [`ENODEV`] if there is no such disk, with [`EBUSY`] if it is being added or removed, or
    /// is open, unless `force` is set, and with what the last flush fails with; then the disk stays,
    /// unless `force` is set. May sleep.
    pub(crate) fn remove(&self, target: RemoveTarget<'_>, force: bool) -> Result {
        // Closing it down waits for who has its open mutex, maybe for I/O: not under the lock.
        let (name, disk) = self.take(target)?;
        if let Err(err) = close_down(&disk, force).and_then(|()| last_flush(&disk, force)) {
            reopen(&disk);
            self.settle(&name, Ok(disk))?;
            return Err(err);
        }
        let flushed = take_down(disk);

        pr_info!("{}: removed\n", &*name);
        self.slots.lock().retain(|slot| *slot.name != *name);
        flushed
    }

    /// Removes all disks, none of which is open.
    pub(crate) fn clear(&self) {
        let slots = core::mem::take(&mut *self.slots.lock());
        for disk in slots.into_iter().filter_map(|slot| slot.disk) {
            // It has said so.
            let _ = take_down(disk);
        }
    }

    /// Takes a disk out of its slot.
    fn take(&self, target: RemoveTarget<'_>) -> Result<(CString, GenDisk<Disk>)> {
        let mut slots = self.slots.lock();
        let slot = slots
            .iter_mut()
            .find(|slot| slot.is(target))
            .ok_or(ENODEV)?;
        let name = CString::try_from_fmt(fmt!("{}", &*slot.name))?;

        slot.disk.take().map(|disk| (name, disk)).ok_or(EBUSY)
    }

    /// Returns what carries out the requests of the disk at this place of the list.
    fn engine_at(&self, place: usize) -> Option<Arc<Engine>> {
        let slots = self.slots.lock();
        let disk = slots.get(place)?.disk.as_ref()?;
        Some(disk.data().engine.clone())
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

impl Shutdown for Registry {
    fn shutdown(&self) {
        // Backwards: disks that are removed meanwhile move others to lower places, never past this.
        for place in (0..self.slots.lock().len()).rev() {
            if let Some(engine) = self.engine_at(place) {
                // It has said so, and nobody can be told any more.
                let _ = flush(&engine);
            }
        }
    }
}

/// Flushes a disk that is about to be removed, unless it is to go in any case.
fn last_flush(disk: &GenDisk<Disk>, force: bool) -> Result {
    if force {
        return Ok(());
    }
    flush(&disk.data().engine)
}

/// Brings into the image what was not flushed; a line in the log says if that fails.
fn flush(engine: &Engine) -> Result {
    engine
        .flusher
        .flush(&engine.image, false)
        .inspect_err(|err| {
            pr_err!(
                "{}: the last flush failed: {:?}\n",
                engine.image.cow_path(),
                err
            );
        })
}

/// Removes a disk, and then brings into the image what was not flushed. Fails as that does.
fn take_down(disk: GenDisk<Disk>) -> Result {
    let data: Arc<Disk> = disk.data().into();
    // Waits until its requests have ended.
    drop(disk);

    flush(&data.engine)
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
