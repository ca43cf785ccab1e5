// SPDX-License-Identifier: GPL-2.0

//! All disks of the driver.
//!
//! A name is in the list from before its disk is built until after the disk is gone, so that the
//! lock of the list need not be held meanwhile: adding a disk reads its partitions, and removing
//! one waits for its I/O.

use crate::{
    disk::{
        self,
        close_down,
        Disk,
        UsedPages, //
    },
    disk_names::clash,
    logic::{
        names::number_taken,
        options::{
            AddOptions,
            RemoveTarget, //
        }, //
    },
    store::Budget, //
};
use core::num::NonZero;
use kernel::{
    bitmap::BitmapVec,
    fmt,
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        Arc,
        Mutex, //
    }, //
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

/// A name, and its disk unless that is being built or removed.
struct Slot {
    name: CString,
    /// The result of `number_taken()` for the name, kept because each new disk needs it.
    number: Option<usize>,
    added: Option<Added>,
}

/// A disk, and its file in debugfs, which is removed first.
struct Added {
    _file: Option<File<UsedPages>>,
    disk: GenDisk<Disk>,
}

/// All disks, and what they share.
#[pin_data]
pub(crate) struct Registry {
    #[pin]
    slots: Mutex<KVec<Slot>>,
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
                slots <- new_mutex!(KVec::new()),
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

        self.settle(&name, added)
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

        self.settle(&name, added)
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

    /// Puts a disk into its slot, or removes the slot if there is no disk.
    fn settle(&self, name: &CStr, added: Result<Added>) -> Result {
        let mut slots = self.slots.lock();
        match added {
            Ok(added) => {
                // Searched from the end, where new disks are.
                if let Some(slot) = slots.iter_mut().rfind(|slot| *slot.name == *name) {
                    slot.added = Some(added);
                }
                Ok(())
            }
            Err(err) => {
                slots.retain(|slot| *slot.name != *name);
                Err(err)
            }
        }
    }

    /// Adds the name of a new disk to the list: `wanted`, or the first free name `rramN`.
    fn reserve(&self, wanted: Option<&str>) -> Result<CString> {
        let mut slots = self.slots.lock();

        let name = match wanted {
            Some(wanted) => free_name(&slots, fmt!("{wanted}")),
            None => first_free_name(&slots),
        };
        let name = name?.ok_or(EEXIST)?;
        let slot = Slot {
            name: CString::try_from_fmt(fmt!("{}", &*name))?,
            number: number_taken(name.to_bytes()),
            added: None,
        };
        slots.push(slot, GFP_KERNEL)?;
        Ok(name)
    }

    /// Removes a disk and frees its memory.
    ///
    /// Fails with [`ENODEV`] if there is no such disk, and with [`EBUSY`] if it is open, or being
    /// added or removed. May sleep.
    pub(crate) fn remove(&self, target: RemoveTarget<'_>) -> Result {
        let (name, added) = self.take(target)?;

        drop(added);
        pr_info!("{}: removed\n", &*name);
        self.slots.lock().retain(|slot| *slot.name != *name);
        Ok(())
    }

    /// Makes a disk unavailable, and takes it out of its slot.
    fn take(&self, target: RemoveTarget<'_>) -> Result<(CString, Added)> {
        let mut slots = self.slots.lock();
        let slot = slots
            .iter_mut()
            .find(|slot| slot.is(target))
            .ok_or(ENODEV)?;
        let name = CString::try_from_fmt(fmt!("{}", &*slot.name))?;

        close_down(slot.disk().ok_or(EBUSY)?)?;
        slot.added.take().map(|added| (name, added)).ok_or(EBUSY)
    }

    /// Calls `f` for each disk, in the order in which they were added.
    pub(crate) fn for_each(&self, f: impl FnMut(&GenDisk<Disk>) -> Result) -> Result {
        let slots = self.slots.lock();

        slots.iter().filter_map(Slot::disk).try_for_each(f)
    }
}

impl Slot {
    fn disk(&self) -> Option<&GenDisk<Disk>> {
        self.added.as_ref().map(|added| &added.disk)
    }

    fn is(&self, target: RemoveTarget<'_>) -> bool {
        match target {
            RemoveTarget::Name(name) => self.name.to_bytes() == name.as_bytes(),
            RemoveTarget::Number(number) => self.disk().is_some_and(|disk| {
                let dev = disk.dev();
                (dev.major(), dev.minor()) == (number.major, number.minor)
            }),
        }
    }
}

/// Returns the name if it clashes with no other.
fn free_name(slots: &[Slot], name: fmt::Arguments<'_>) -> Result<Option<CString>> {
    let name = CString::try_from_fmt(name)?;
    let clashes = slots
        .iter()
        .any(|slot| clash(slot.name.to_bytes(), name.to_bytes()));

    Ok((!clashes).then_some(name))
}

/// Returns the first free name `rramN`.
fn first_free_name(slots: &[Slot]) -> Result<Option<CString>> {
    // One more candidate than there are disks, so one of them is free.
    let mut taken = BitmapVec::new(slots.len() + 1, GFP_KERNEL)?;

    for number in slots
        .iter()
        .filter_map(|slot| slot.number)
        .filter(|&number| number <= slots.len())
    {
        taken.set_bit(number);
    }
    match taken.next_zero_bit(0) {
        Some(number) => free_name(slots, fmt!("rram{number}")),
        None => Ok(None),
    }
}
