// SPDX-License-Identifier: GPL-2.0

//! Disks that users add and remove by name.

use crate::disk_names::{
    clash,
    RemoveTarget, //
};
use kernel::{
    bitmap::BitmapVec,
    prelude::*,
    str::CString,
    sync::Mutex, //
};
use rb::block::dev_t::DevT;

/// A name, and its disk unless that is being built or removed.
struct Slot<D> {
    name: CString,
    disk: Option<D>,
}

/// What the lock of [`Slots`] protects.
pub struct List<D>(KVec<Slot<D>>);

impl<D> List<D> {
    /// Returns a list of nothing.
    pub fn new() -> Self {
        Self(KVec::new())
    }
}

impl<D> Default for List<D> {
    fn default() -> Self {
        Self::new()
    }
}

/// The disks of a driver, in the order in which they were added.
///
/// A name is in the list from before its disk is built until after the disk is gone. So the lock of
/// the list is not held while a disk is built, closed down or freed, all of which wait for I/O.
#[pin_data]
pub struct Slots<D> {
    #[pin]
    list: Mutex<List<D>>,
}

impl<D> Slots<D> {
    /// Returns an initializer for an empty list. Each driver makes its lock by
    /// `new_mutex!(List::new())`. A lock that is made here would have one class for several drivers, each
    /// with its own copy of the name, of which lockdep complains.
    pub fn new(lock: impl PinInit<Mutex<List<D>>>) -> impl PinInit<Self> {
        pin_init!(Self { list <- lock })
    }

    /// Returns how many names there are.
    pub fn len(&self) -> usize {
        self.list.lock().0.len()
    }

    /// Returns whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a name that clashes with none: `wanted`, or the first of those that `chosen` makes of a
    /// number. `number_of` returns the number whose name alone clashes with a name, if there is one.
    ///
    /// Fails with [`EEXIST`] if the name clashes, and with [`ENOMEM`].
    pub fn reserve(
        &self,
        wanted: Option<&str>,
        number_of: impl Fn(&[u8]) -> Option<usize>,
        chosen: impl FnOnce(usize) -> Result<CString>,
    ) -> Result<CString> {
        let list = &mut self.list.lock().0;
        let name = match wanted {
            Some(wanted) => CString::try_from_fmt(fmt!("{wanted}"))?,
            None => chosen(first_free(list, number_of)?)?,
        };
        let clashes = |slot: &Slot<D>| clash(slot.name.to_bytes(), name.to_bytes());
        if list.iter().any(clashes) {
            return Err(EEXIST);
        }
        let slot = Slot {
            name: CString::try_from_fmt(fmt!("{}", &*name))?,
            disk: None,
        };
        list.push(slot, GFP_KERNEL)?;
        Ok(name)
    }

    /// Puts a disk into the slot of its name.
    pub fn put(&self, name: &CStr, disk: D) {
        let list = &mut self.list.lock().0;
        // Searched from the end, where new disks are.
        if let Some(slot) = list.iter_mut().rfind(|slot| *slot.name == *name) {
            slot.disk = Some(disk);
        }
    }

    /// Removes the name of a disk that is gone.
    pub fn release(&self, name: &CStr) {
        self.list.lock().0.retain(|slot| *slot.name != *name);
    }

    /// Puts a disk into the slot of its name, or removes the name if it could not be built.
    pub fn settle(&self, name: &CStr, built: Result<D>) -> Result {
        match built {
            Ok(disk) => self.put(name, disk),
            Err(err) => {
                self.release(name);
                return Err(err);
            }
        }
        Ok(())
    }

    /// Takes a disk out of its slot; `dev` returns the device number of a disk.
    ///
    /// Fails with [`ENODEV`] if there is no such disk, and with [`EBUSY`] if it is being built or removed.
    pub fn take(&self, target: RemoveTarget<'_>, dev: impl Fn(&D) -> DevT) -> Result<(CString, D)> {
        let list = &mut self.list.lock().0;
        let numbers = |disk: &D| {
            let dev = dev(disk);
            (dev.major(), dev.minor())
        };
        let slot = list
            .iter_mut()
            .find(|slot| target.is(slot.name.to_bytes(), slot.disk.as_ref().map(numbers)))
            .ok_or(ENODEV)?;
        let name = CString::try_from_fmt(fmt!("{}", &*slot.name))?;

        slot.disk.take().map(|disk| (name, disk)).ok_or(EBUSY)
    }

    /// Takes all disks out, and their names.
    pub fn take_all(&self) -> impl Iterator<Item = D> {
        let list = core::mem::take(&mut self.list.lock().0);
        list.into_iter().filter_map(|slot| slot.disk)
    }

    /// Calls `f`, with the list locked, with the disk at this place, if it is there.
    pub fn at<T>(&self, place: usize, f: impl FnOnce(&D) -> T) -> Option<T> {
        let list = &self.list.lock().0;
        list.get(place)?.disk.as_ref().map(f)
    }

    /// Calls `f`, with the list locked, with each disk, in the order in which they were added.
    pub fn for_each(&self, f: impl FnMut(&D) -> Result) -> Result {
        let list = &self.list.lock().0;
        list.iter()
            .filter_map(|slot| slot.disk.as_ref())
            .try_for_each(f)
    }
}

/// Returns the lowest number whose name clashes with none.
fn first_free<D>(list: &[Slot<D>], number_of: impl Fn(&[u8]) -> Option<usize>) -> Result<usize> {
    // One more candidate than there are disks, so one of them is free.
    let mut taken = BitmapVec::new(list.len() + 1, GFP_KERNEL)?;

    for number in list
        .iter()
        .filter_map(|slot| number_of(slot.name.to_bytes()))
        .filter(|&number| number <= list.len())
    {
        taken.set_bit(number);
    }
    taken.next_zero_bit(0).ok_or(EEXIST)
}
