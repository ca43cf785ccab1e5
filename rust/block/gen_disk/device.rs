// SPDX-License-Identifier: GPL-2.0

use super::{
    DiskRef,
    DiskView,
    GenDisk,
    Operations, //
};
use crate::{
    bindings,
    sysfs::{
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
/// ```
/// # use rb::{block::gen_disk::DiskDevice, sysfs::{Attribute, Groups, Output}, sysfs_groups};
/// # struct Disk;
/// # struct Size;
/// # #[vtable]
/// # impl Attribute<Disk> for Size {
/// #     const NAME: &'static CStr = c"size";
/// #     fn show(_: &Disk, out: &mut Output<'_>) -> Result {
/// #         out.line(0)
/// #     }
/// # }
/// # struct Pages;
/// # #[vtable]
/// # impl Attribute<Disk> for Pages {
/// #     const NAME: &'static CStr = c"pages";
/// #     fn show(_: &Disk, out: &mut Output<'_>) -> Result {
/// #         out.line(0)
/// #     }
/// # }
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

/// The kind of devices that disks are, for attributes about the disk itself.
// SAFETY: A disk outlives its attributes, and what `f` gets cannot be taken apart.
unsafe impl<T: Operations> DeviceData for GenDisk<T> {
    type Data = Self;

    unsafe fn with_data<R>(dev: *mut bindings::device, f: impl FnOnce(&Self) -> R) -> R {
        // SAFETY: By the requirements of this function, this is the device of a disk of `T` that
        // is being or was added, and whose removal waits for us.
        unsafe { Self::lend(NonNull::new_unchecked(bindings::dev_to_disk(dev)), f) }
    }
}

/// A kind of devices that the disks of `T` are.
///
/// # Safety
///
/// [`DeviceData::with_data`] must be sound for each disk of `T`.
pub unsafe trait DeviceOf<T: Operations>: DeviceData {}

// SAFETY: The data of the disk is an `Arc<D>`.
unsafe impl<T, D> DeviceOf<T> for DiskDevice<D>
where
    T: Operations<Data = Arc<D>>,
    D: Send + Sync + 'static,
{
}

// SAFETY: The disk is one of `T`.
unsafe impl<T: Operations> DeviceOf<T> for GenDisk<T> {}

impl DiskView {
    /// Returns the disk as the target of links.
    pub fn kobject(&self) -> KobjectRef<'_> {
        // SAFETY: By the type invariant, the disk is valid, and so is its kobject.
        unsafe { KobjectRef::from_raw(NonNull::new_unchecked(bindings::disk_kobj(self.as_raw()))) }
    }
}

impl DiskRef {
    /// Makes a link `name` to `target` in the attribute group `group` of the disk.
    ///
    /// The link goes with the disk. Fails with `EEXIST` if the name is taken, with `ENOENT` if
    /// there is no such group or the target has left sysfs, and with [`ENODEV`] if the disk is being
    /// removed.
    pub fn add_link(&self, group: &CStr, name: &CStr, target: KobjectRef<'_>) -> Result {
        let presence = self.presence();
        let present = presence.enter().ok_or(ENODEV)?;

        present.create_link(group, name, target)
    }
}
