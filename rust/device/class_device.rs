// SPDX-License-Identifier: GPL-2.0

//! Devices of a class, made by software.
//!
//! C header: [`include/linux/device.h`](srctree/include/linux/device.h)

use super::class::Class;
use crate::{
    bindings,
    sysfs::{
        self,
        DeviceData,
        Groups,
        KobjectRef, //
    }, //
};
use core::ptr::NonNull;
use kernel::{
    device::Device,
    error::from_err_ptr,
    fmt,
    prelude::*,
    str::CString,
    sync::Arc, //
};

/// A device of a [`Class`]: the directory `/sys/class/<class>/<name>` with its attributes, which
/// are about a `T`.
///
/// The device has no number and no node in `/dev`. It exists until this is dropped. Dropping it waits
/// for tasks that read or write its attributes, so it must not happen in an attribute, nor under a lock
/// that an attribute takes.
///
/// # Invariants
///
/// `dev` was registered with groups of this type, its driver data is `data`, and nobody else
/// unregisters it.
///
/// # Examples
///
/// ```
/// # use kernel::sync::Arc;
/// # use rb::{
/// #     block::bdev::BdevFile,
/// #     device::{class::Class, class_device::ClassDevice},
/// #     sysfs::{Attribute, Groups, Output},
/// #     sysfs_groups,
/// # };
/// # struct Cache;
/// # struct Pages;
/// # #[vtable]
/// # impl Attribute<Cache> for Pages {
/// #     const NAME: &'static CStr = c"pages";
/// #     fn show(_: &Cache, out: &mut Output<'_>) -> Result {
/// #         out.line(0)
/// #     }
/// # }
/// # fn example(class: Arc<Class>, cache: Arc<Cache>, lower: BdevFile) -> Result {
/// const GROUPS: Groups<ClassDevice<Cache>> = sysfs_groups!(ClassDevice<Cache> => [Pages]);
///
/// let device = ClassDevice::new(&class, fmt!("cache{}", 0), None, cache, GROUPS)?;
/// device.add_link(c"lower_device", lower.kobject())?;
/// # Ok(())
/// # }
/// ```
pub struct ClassDevice<T: Send + Sync + 'static> {
    dev: NonNull<bindings::device>,
    data: Arc<T>,
    _class: Arc<Class>,
}

// SAFETY: A device may be unregistered by any thread, and `T` is `Send` and `Sync`.
unsafe impl<T: Send + Sync + 'static> Send for ClassDevice<T> {}

// SAFETY: The driver core locks what we do with a shared device.
unsafe impl<T: Send + Sync + 'static> Sync for ClassDevice<T> {}

// SAFETY: The data of a device is kept until it is unregistered, which waits for its attributes.
unsafe impl<T: Send + Sync + 'static> DeviceData for ClassDevice<T> {
    type Data = T;

    unsafe fn with_data<R>(dev: *mut bindings::device, f: impl FnOnce(&T) -> R) -> R {
        // SAFETY: By the requirements of this function, `dev` is valid.
        let data: *const T = unsafe { bindings::dev_get_drvdata(dev) }
            .cast_const()
            .cast();
        // SAFETY: By the requirements of this function and the type invariant, `data` is the `T`
        // that a `ClassDevice<T>` owns, which is dropped only after we return.
        f(unsafe { &*data })
    }
}

impl<T: Send + Sync + 'static> ClassDevice<T> {
    /// Registers a device.
    ///
    /// Without a parent it lives below `/sys/devices/virtual/<class>`. Fails with `EEXIST` if the
    /// class has a device of that name; sysfs then logs a stack trace by itself, so names that
    /// users choose are better compared first.
    pub fn new(
        class: &Arc<Class>,
        name: fmt::Arguments<'_>,
        parent: Option<&Device>,
        data: Arc<T>,
        groups: Groups<Self>,
    ) -> Result<Self> {
        // CAST: `Device` is a transparent wrapper of `struct device`.
        let parent: *const bindings::device =
            parent.map_or(core::ptr::null(), |dev| core::ptr::from_ref(dev).cast());
        // Not `%pA`: the kernel's `core` need not be ours.
        let name = CString::try_from_fmt(name)?;
        // SAFETY: The class is registered by its invariant, and we hold it from now on. The
        // groups are constant and for this type. `%s` takes a pointer to a string. The parent is
        // referenced by the new device.
        let dev = from_err_ptr(unsafe {
            bindings::device_create_with_groups(
                class.as_raw(),
                parent.cast_mut(),
                0,
                Arc::as_ptr(&data).cast_mut().cast(),
                groups.as_ptr(),
                c"%s".as_char_ptr(),
                name.as_char_ptr(),
            )
        })?;

        // INVARIANT: The device was registered just now.
        Ok(Self {
            dev: NonNull::new(dev).ok_or(ENODEV)?,
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
        // SAFETY: By the type invariant, the device is valid and referenced as long as we are.
        // No reference to it is made, since the driver core uses it meanwhile.
        unsafe { KobjectRef::from_raw(NonNull::new_unchecked(&raw mut (*self.dev.as_ptr()).kobj)) }
    }

    /// Makes a link `name` to `target` in the directory of the device.
    ///
    /// The link goes with the device. Fails with `EEXIST` if the name is taken, with `ENOENT` if
    /// the target has left sysfs.
    pub fn add_link(&self, name: &CStr, target: KobjectRef<'_>) -> Result {
        // SAFETY: By the type invariant, the device is registered as long as we are.
        unsafe { sysfs::create_link(self.kobject().as_ptr(), None, name, target) }
    }
}

impl<T: Send + Sync + 'static> Drop for ClassDevice<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the device is registered, and this is the only place
        // that unregisters it.
        unsafe { bindings::device_unregister(self.dev.as_ptr()) };
    }
}
