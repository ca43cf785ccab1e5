// SPDX-License-Identifier: GPL-2.0

//! The files in `/sys/class/rblk-ram/`, which add, remove and list disks.

use super::registry::Registry;
use crate::{
    logic::options::{
        parse_add,
        parse_remove, //
    },
    refuse, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use rb::{
    block::limits::QueueLimits,
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
/// Fails with [`EBUSY`], and one line in the log, if there is such a class. (A module that fails to load
/// with [`EEXIST`] is loaded for `modprobe`.)
pub(crate) fn register(registry: Arc<Registry>) -> Result<ClassAttributes<Registry>> {
    let class = Class::register_with_listing::<DeviceMap>(c"rblk-ram", registry.clone());
    let class = class.map_err(|err| match err {
        EEXIST => {
            pr_err!("there is a driver of RAM disks already, in another module\n");
            EBUSY
        }
        err => err,
    })?;
    ClassAttributes::new(class, registry, class_attributes![Add, Remove])
}

/// Adds a disk: `size= [block_size=] [mem_limit=] [prealloc=] [name=] [front=]`.
struct Add;

#[vtable]
impl Attribute<Registry> for Add {
    const NAME: &'static CStr = c"add";

    fn store(registry: &Registry, text: &[u8]) -> Result {
        let options =
            parse_add(text, QueueLimits::MAX_BLOCK_SIZE).map_err(|err| refuse!(err, "add"))?;

        registry.add(&options)
    }
}

/// Removes the disk with the given name or number, `major:minor`.
struct Remove;

#[vtable]
impl Attribute<Registry> for Remove {
    const NAME: &'static CStr = c"remove";

    fn store(registry: &Registry, text: &[u8]) -> Result {
        let target = parse_remove(text).map_err(|err| refuse!(err, "remove"))?;

        registry.remove(target)
    }
}

/// Lists the disks: name, number and size in bytes.
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
                disk.data().size()
            ))
        })
    }
}
