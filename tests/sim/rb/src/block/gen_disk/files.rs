// SPDX-License-Identifier: GPL-2.0

//! The files of a disk.

use super::{
    operations::{
        GenDisk,
        Operations,
        Typed, //
    },
    view::{
        DiskRef,
        DiskView, //
    },
};
use crate::{
    sim::files::{
        self,
        Entry, //
    },
    sysfs::{
        self,
        Attribute,
        AttributePtr,
        DeviceData,
        Groups,
        KobjectRef, //
    },
};
use ::core::marker::PhantomData;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use std::sync::{
    Arc as Shared,
    Weak, //
};

/// The kind of devices that disks are, for attributes about the disk's data.
pub struct DiskDevice<D>(PhantomData<fn(&D)>);

impl<D: Send + Sync + 'static> DeviceData for DiskDevice<D> {
    type Data = D;
}

impl<T: Operations> DeviceData for GenDisk<T> {
    type Data = Self;
}

/// A kind of devices that the disks of `T` are.
pub trait DeviceOf<T: Operations>: DeviceData {
    /// Calls `f` with what the attributes are about.
    #[doc(hidden)]
    fn with<R>(disk: &GenDisk<T>, f: impl FnOnce(&Self::Data) -> R) -> R;
}

impl<T, D> DeviceOf<T> for DiskDevice<D>
where
    T: Operations<Data = Arc<D>>,
    D: Send + Sync + 'static,
{
    fn with<R>(disk: &GenDisk<T>, f: impl FnOnce(&D) -> R) -> R {
        f(&disk.data())
    }
}

impl<T: Operations> DeviceOf<T> for GenDisk<T> {
    fn with<R>(disk: &GenDisk<T>, f: impl FnOnce(&Self) -> R) -> R {
        f(disk)
    }
}

/// Calls `f` with what an attribute is about.
fn about<T: Operations, S: DeviceOf<T>, R>(
    disk: &Weak<Typed<T>>,
    f: impl FnOnce(&S::Data) -> Result<R>,
) -> Result<R> {
    // The file is removed before the disk is freed.
    let typed = disk.upgrade().ok_or(ENODEV)?;
    GenDisk::lend(&typed, |disk| S::with(disk, f))
}

/// Adds a file of a disk.
fn add<T: Operations, S: DeviceOf<T>>(
    typed: &Shared<Typed<T>>,
    group: Option<&CStr>,
    attribute: &AttributePtr<S>,
) -> Entry {
    let mut path = format!("block/{}", typed.core().name.to_string_lossy());
    for part in [group, Some(attribute.name)].into_iter().flatten() {
        path += "/";
        path += &part.to_string_lossy();
    }
    let (for_show, for_store) = (Shared::downgrade(typed), Shared::downgrade(typed));
    let show = attribute.show.map(|show| -> files::Show {
        Box::new(move || about::<T, S, _>(&for_show, |data| sysfs::show(data, show)))
    });
    let store = attribute.store.map(|store| -> files::Store {
        Box::new(move |text| about::<T, S, _>(&for_store, |data| sysfs::store(data, store, text)))
    });
    files::add(path, show, store)
}

/// Adds the files of groups.
pub(super) fn add_groups<T: Operations, S: DeviceOf<T>>(
    typed: &Shared<Typed<T>>,
    groups: Groups<S>,
) {
    for group in groups.0 {
        for attribute in group.attributes {
            typed.core().add_file(add(typed, group.name, attribute));
        }
        for listing in group.listings {
            let disk = Shared::downgrade(typed);
            let list = listing.list;
            let show = move || about::<T, S, _>(&disk, |data| sysfs::read_listing(data, list));
            let name = typed.core().name.to_string_lossy();
            let path = format!("block/{name}/{}", listing.name.to_string_lossy());
            typed
                .core()
                .add_file(files::add(path, Some(Box::new(show)), None));
        }
    }
}

/// A file in the directory of a disk that comes and goes by itself.
pub struct AttributeFile(#[allow(dead_code, reason = "for its drop")] Entry);

impl<T: Operations> GenDisk<T> {
    /// Adds a file to the directory of the disk.
    pub fn add_file<S: DeviceOf<T>, A: Attribute<S::Data>>(&self) -> Result<AttributeFile> {
        if !self.core().enter() {
            return Err(ENODEV);
        }
        let entry = add(&self.typed, None, &AttributePtr::<S>::new::<A>());
        self.core().exit();
        Ok(AttributeFile(entry))
    }
}

impl DiskView {
    /// Returns the disk as the target of links.
    pub fn kobject(&self) -> KobjectRef<'_> {
        KobjectRef(PhantomData)
    }
}

impl DiskRef {
    /// Makes a link in an attribute group of the disk.
    pub fn add_link(&self, _group: &CStr, _name: &CStr, _target: KobjectRef<'_>) -> Result {
        if !self.core().enter() {
            return Err(ENODEV);
        }
        self.core().exit();
        Ok(())
    }
}
