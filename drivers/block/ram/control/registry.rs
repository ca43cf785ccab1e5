// SPDX-License-Identifier: GPL-2.0

//! All disks of the driver.

use crate::{
    disk::{
        self,
        close_down,
        Disk,
        UsedPages, //
    },
    logic::{
        names::number_taken,
        options::{
            AddOptions,
            RemoveTarget, //
        }, //
    },
    store::Budget, //
};
use common::slots::{
    List,
    Slots, //
};
use core::num::NonZero;
use kernel::{
    new_mutex,
    prelude::*,
    str::CString,
    sync::Arc, //
};
use rb::{
    block::{
        dev_t::DevT,
        gen_disk::{
            DiskToken,
            GenDisk, //
        },
    },
    debugfs::File, //
};

/// A disk, and its file in debugfs, which is removed first.
struct Added {
    _file: Option<File<UsedPages>>,
    disk: GenDisk<Disk>,
}

/// All disks, and what they share.
#[pin_data]
pub(crate) struct Registry {
    #[pin]
    slots: Slots<Added>,
    /// The budget of all disks together.
    budget: Arc<Budget>,
    /// What disks are built with.
    token: DiskToken,
}

impl Registry {
    /// Creates an empty registry. Its disks may use `mem_max` pages together.
    pub(crate) fn new(mem_max: usize, token: &DiskToken) -> Result<Arc<Self>> {
        let budget = Arc::new(Budget::new(mem_max), GFP_KERNEL)?;

        Arc::pin_init(
            try_pin_init!(Self {
                slots <- Slots::new(new_mutex!(List::new())),
                budget,
                token: token.clone(),
            }),
            GFP_KERNEL,
        )
    }

    /// Adds a disk.
    ///
    /// Fails with [`EEXIST`] if a disk or partition has that name, or a partition of one of these
    /// disks could get it; and as [`Disk::build`]. May sleep.
    pub(crate) fn add(&self, options: &AddOptions<'_>) -> Result {
        let name = self.reserve(options.name)?;
        let added = self.build(&name, options, None).map(|disk| {
            pr_info!("{}: {} bytes, {}\n", disk.name(), options.size, disk.dev());
            Added { _file: None, disk }
        });

        self.slots.settle(&name, added)
    }

    /// Adds a disk with the given device number and number of minors, and with `file` in debugfs.
    ///
    /// Fails as [`Registry::add`], and with [`EINVAL`] if there are not so many minors.
    pub(crate) fn add_numbered(
        &self,
        options: &AddOptions<'_>,
        device_number: (DevT, NonZero<u32>),
        file: impl FnOnce(Arc<Disk>) -> File<UsedPages>,
    ) -> Result {
        let name = self.reserve(options.name)?;
        let added = self
            .build(&name, options, Some(device_number))
            // A disk of another driver: the names of these disks are reserved in the list.
            .map_err(|err| if err == EEXIST { EBUSY } else { err })
            .map(|disk| Added {
                _file: Some(file(disk.data().into())),
                disk,
            });

        self.slots.settle(&name, added)
    }

    fn build(
        &self,
        name: &CStr,
        options: &AddOptions<'_>,
        device_number: Option<(DevT, NonZero<u32>)>,
    ) -> Result<GenDisk<Disk>> {
        let budget = self.budget.clone();
        Disk::build(&self.token, fmt!("{name}"), options, device_number, budget)?
            .add_disk(disk::GROUPS)
    }

    /// Adds the name of a new disk to the list: `wanted`, or the first free name `rramN`.
    fn reserve(&self, wanted: Option<&str>) -> Result<CString> {
        self.slots.reserve(wanted, number_taken, |number| {
            CString::try_from_fmt(fmt!("rram{number}"))
        })
    }

    /// Removes a disk and frees its memory.
    ///
    /// Fails with [`ENODEV`] if there is no such disk, and with [`EBUSY`] if it is open, or being
    /// added or removed. May sleep.
    pub(crate) fn remove(&self, target: RemoveTarget<'_>) -> Result {
        let (name, added) = self.slots.take(target, |added| added.disk.dev())?;

        // Waits for the holder of its open mutex, maybe for I/O: not with the list locked.
        if let Err(err) = close_down(&added.disk) {
            self.slots.put(&name, added);
            return Err(err);
        }
        drop(added);
        pr_info!("{}: removed\n", &*name);
        self.slots.release(&name);
        Ok(())
    }

    /// Calls `f` for each disk, in the order in which they were added.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&GenDisk<Disk>) -> Result) -> Result {
        self.slots.for_each(|added| f(&added.disk))
    }
}
