// SPDX-License-Identifier: GPL-2.0

use super::{
    GenDisk,
    Operations, //
};
use crate::{
    bindings,
    sysfs::{
        self,
        DeviceData,
        KobjectRef, //
    }, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    types::ForeignOwnable, //
};

/// The kind of devices that disks are, for attributes about the disk's data: a `D` in an [`Arc`].
///
/// # Examples
///
/// ```ignore
/// const GROUPS: Groups<DiskDevice<Disk>> = sysfs_groups!(
///     DiskDevice<Disk> => c"ram": [Size, Pages],
/// );
/// ```
pub struct DiskDevice<D>(PhantomData<fn(&D)>);

// SAFETY: The data of a disk is kept until it is freed; its attributes go when it is removed.
unsafe impl<D: Send + Sync + 'static> DeviceData for DiskDevice<D> {
    type Data = D;

    unsafe fn with_data<R>(dev: *mut bindings::device, f: impl FnOnce(&D) -> R) -> R {
        // SAFETY: By the requirements of this function, this is the device of a disk whose data
        // is an `Arc<D>`: no other disk can be added with groups of this kind.
        let data = unsafe { Arc::<D>::borrow((*bindings::dev_to_disk(dev)).private_data) };
        f(&data)
    }
}

impl<T: Operations> GenDisk<T> {
    /// Returns the disk as the target of links.
    pub fn kobject(&self) -> KobjectRef<'_> {
        // SAFETY: By the type invariant, the disk is valid, and so is its kobject.
        unsafe { KobjectRef::from_raw(NonNull::new_unchecked(bindings::disk_kobj(self.as_raw()))) }
    }

    /// Makes a link `name` to `target` in the attribute group `group` of the disk.
    ///
    /// The link goes with the disk. Fails with `EEXIST` if the name is taken, and with `ENOENT` if
    /// there is no such group or the target has left sysfs.
    pub fn add_link(&self, group: &CStr, name: &CStr, target: KobjectRef<'_>) -> Result {
        // SAFETY: By the type invariant, the disk was added, and is as long as we are.
        unsafe { sysfs::create_link(self.kobject().as_ptr(), Some(group), name, target) }
    }
}
