// SPDX-License-Identifier: GPL-2.0

//! All disks of the driver.

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
        path::PathText, //
    }, //
};
use common::slots::{
    List,
    Slots, //
};
use kernel::{
    new_mutex,
    prelude::*,
    str::CString,
    sync::Arc, //
};
use rb::{
    block::gen_disk::{
        DiskToken,
        GenDisk, //
    },
    reboot::Shutdown, //
};

/// All disks.
#[pin_data]
pub(crate) struct Registry {
    #[pin]
    slots: Slots<GenDisk<Disk>>,
    /// What disks are built with.
    token: DiskToken,
}

impl Registry {
    /// Creates an empty registry.
    pub(crate) fn new(token: &DiskToken) -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                slots <- Slots::new(new_mutex!(List::new())),
                token: token.clone(),
            }),
            GFP_KERNEL,
        )
    }

    /// Adds a disk.
    ///
    /// Fails with [`EEXIST`] if a disk or partition has that name, or a partition of one of these disks
    /// could get it; and as [`Image::open`] and [`Disk::build`]. A line in the log says so. May sleep.
    pub(crate) fn add(&self, options: &AddOptions<'_>) -> Result {
        self.try_add(options).inspect_err(|err| {
            pr_err!("{}: not added: {:?}\n", PathText(options.cow), err);
        })
    }

    fn try_add(&self, options: &AddOptions<'_>) -> Result {
        let name = self.reserve(options.name)?;
        let added = self.build(&name, options);

        if let Ok(disk) = &added {
            let image = &disk.data().engine.image;
            image.keep();
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
        self.slots.settle(&name, added)
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

    /// Adds the name of a new disk to the list: `wanted`, or the first free name that the driver chooses.
    fn reserve(&self, wanted: Option<&str>) -> Result<CString> {
        let number_of = |name: &[u8]| usize::try_from(number_taken(name)?).ok();
        let chosen = |number| {
            let number = u32::try_from(number).map_err(|_| EEXIST)?;
            let name = ChosenName::new(number);
            CString::try_from_fmt(fmt!("{}", name.as_str()))
        };
        self.slots
            .reserve(wanted, number_of, chosen)
            .inspect_err(|err| {
                if *err == EEXIST {
                    pr_err!("{}: the name is taken\n", wanted.unwrap_or_default());
                }
            })
    }

    /// Removes a disk, after what it has to write was written.
    ///
    /// Fails with [`ENODEV`] if there is no such disk, and with [`EBUSY`] if it is being added or removed.
    /// Without `force`, fails with [`EBUSY`] if it is open, and with what the last flush fails with; then
    /// the disk stays. May sleep.
    pub(crate) fn remove(&self, target: RemoveTarget<'_>, force: bool) -> Result {
        // Closing it down waits for who has its open mutex, maybe for I/O: not under the lock.
        let (name, disk) = self.slots.take(target, |disk| disk.dev())?;
        if let Err(err) = close_down(&disk, force).and_then(|()| last_flush(&disk, force)) {
            reopen(&disk);
            self.slots.put(&name, disk);
            return Err(err);
        }
        // By force, somebody may have written until now; or else all was flushed above.
        let flushed = if force {
            take_down(disk)
        } else {
            drop(disk);
            Ok(())
        };

        pr_info!("{}: removed\n", &*name);
        self.slots.release(&name);
        flushed
    }

    /// Removes all disks, none of which is open.
    pub(crate) fn clear(&self) {
        for disk in self.slots.take_all() {
            // It has said so.
            let _ = take_down(disk);
        }
    }

    /// Calls `f` for each disk, in the order in which they were added.
    pub(crate) fn for_each(&self, f: impl FnMut(&GenDisk<Disk>) -> Result) -> Result {
        self.slots.for_each(f)
    }
}

impl Shutdown for Registry {
    fn shutdown(&self) {
        // Backwards: disks that are removed meanwhile move others to lower places, never past this.
        for place in (0..self.slots.len()).rev() {
            if let Some(engine) = self.slots.at(place, |disk| disk.data().engine.clone()) {
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
