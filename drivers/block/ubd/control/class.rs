// SPDX-License-Identifier: GPL-2.0

//! The files in `/sys/class/ubd/`, which add, remove and list disks.

use super::registry::Registry;
use crate::logic::options::{
    parse_add,
    parse_remove, //
};
use common::refuse;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use rb::{
    device::class::{
        class_attributes,
        Class,
        ClassAttributes, //
    },
    sysfs::{
        Attribute,
        Listing,
        Window, //
    }, //
};

/// Creates the class and its files, which work on `registry`.
///
/// Fails with [`EBUSY`], and one line in the log, if there is such a class, as there is if another
/// module has the driver. (A module that fails to load with [`EEXIST`] is loaded for `modprobe`.)
pub(crate) fn register(registry: Arc<Registry>) -> Result<ClassAttributes<Registry>> {
    let class = Class::register_with_listing::<DeviceMap>(c"ubd", registry.clone());
    let class = class.map_err(|err| match err {
        EEXIST => {
            pr_err!("there is a driver of copy-on-write disks already, in another module\n");
            EBUSY
        }
        err => err,
    })?;
    ClassAttributes::new(class, registry, class_attributes![Add, Remove])
}

/// Adds a disk: `cow= [backing=] [name=] [ro] [force] [create] [discard=]`.
struct Add;

#[vtable]
impl Attribute<Registry> for Add {
    const NAME: &'static CStr = c"add";

    fn store(registry: &Registry, text: &[u8]) -> Result {
        let options = parse_add(text).map_err(|err| refuse!(err, "add"))?;

        registry.add(&options)
    }
}

/// Removes the disk with the given name or number, `major:minor`; with `force` also if it is open.
struct Remove;

#[vtable]
impl Attribute<Registry> for Remove {
    const NAME: &'static CStr = c"remove";

    fn store(registry: &Registry, text: &[u8]) -> Result {
        let (target, force) = parse_remove(text).map_err(|err| refuse!(err, "remove"))?;

        registry.remove(target, force)
    }
}

/// Lists the disks: name, number, and path of the image.
struct DeviceMap;

impl Listing for DeviceMap {
    type Data = Registry;
    const NAME: &'static CStr = c"device_map";

    fn list(registry: &Registry, out: &mut Window<'_>) -> Result {
        registry.for_each(|disk| {
            out.print(fmt!(
                "{} {} {}\n",
                disk.name(),
                disk.dev(),
                disk.data().engine.image.cow_path()
            ))
        })
    }
}
