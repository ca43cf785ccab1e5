// SPDX-License-Identifier: GPL-2.0

//! Devices of a class, made by software.

use super::class::Class;
use crate::{
    sim::files::{
        self,
        Entry, //
    },
    sysfs::{
        self,
        AttributePtr,
        DeviceData,
        Groups,
        KobjectRef, //
    },
};
use core::marker::PhantomData;
use kernel::{
    fmt,
    prelude::*,
    sync::Arc, //
};

/// The parent of a device: here there is none.
pub enum Parent {}

/// A device of a [`Class`].
pub struct ClassDevice<T: Send + Sync + 'static> {
    _entries: Vec<Entry>,
    data: Arc<T>,
    _class: Arc<Class>,
}

impl<T: Send + Sync + 'static> DeviceData for ClassDevice<T> {
    type Data = T;
}

impl<T: Send + Sync + 'static> ClassDevice<T> {
    /// Registers a device.
    pub fn new(
        class: &Arc<Class>,
        name: fmt::Arguments<'_>,
        _parent: Option<&Parent>,
        data: Arc<T>,
        groups: Groups<Self>,
    ) -> Result<Self> {
        kernel::sim::might_sleep("registering a device");
        if !kernel::sim::faults::allocate(kernel::sim::faults::Allocation::Kernel) {
            return Err(ENOMEM);
        }
        let path = format!("{}/{name}", class.path());
        let mut entries = Vec::new();
        for group in groups.0 {
            for attribute in group.attributes {
                entries.push(add(&path, group.name, attribute, &data));
            }
        }
        Ok(Self {
            _entries: entries,
            data,
            _class: class.clone(),
        })
    }

    /// Returns what the attributes are about.
    pub fn data(&self) -> &Arc<T> {
        &self.data
    }

    /// Returns the device as the target of links.
    pub fn kobject(&self) -> KobjectRef<'_> {
        KobjectRef(PhantomData)
    }

    /// Makes a link in the directory of the device.
    pub fn add_link(&self, _name: &CStr, _target: KobjectRef<'_>) -> Result {
        if kernel::sim::faults::allocate(kernel::sim::faults::Allocation::Kernel) {
            Ok(())
        } else {
            Err(ENOMEM)
        }
    }
}

fn add<T: Send + Sync + 'static>(
    path: &str,
    group: Option<&CStr>,
    attribute: &AttributePtr<ClassDevice<T>>,
    data: &Arc<T>,
) -> Entry {
    let mut path = path.to_owned();
    for part in [group, Some(attribute.name)].into_iter().flatten() {
        path += "/";
        path += &part.to_string_lossy();
    }
    let (for_show, for_store) = (data.clone(), data.clone());
    let show = attribute
        .show
        .map(|show| -> files::Show { Box::new(move || sysfs::show(&*for_show, show)) });
    let store = attribute.store.map(|store| -> files::Store {
        Box::new(move |text| sysfs::store(&*for_store, store, text))
    });
    files::add(path, show, store)
}
