// SPDX-License-Identifier: GPL-2.0

use super::{
    presence::Presence,
    DeviceOf,
    GenDisk,
    Operations, //
};
use crate::{
    bindings,
    sysfs::{
        Attribute,
        AttributePtr, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// A file in the directory of a disk that comes and goes by itself; dropping this removes it.
///
/// If the disk is removed before, the file goes with it. This may outlive the disk.
///
/// Dropping this may sleep, and waits for tasks that read or write the file. Do not hold a lock that
/// `show` or `store` of the attribute takes, and do not drop it in either of them.
///
/// # Examples
///
/// ```
/// # use kernel::sync::Arc;
/// # use rb::{block::gen_disk::{DiskDevice, GenDisk, Operations}, sysfs::{Attribute, Output}};
/// # struct Device;
/// # struct Pid;
/// # #[vtable]
/// # impl Attribute<Device> for Pid {
/// #     const NAME: &'static CStr = c"pid";
/// #     fn show(_: &Device, out: &mut Output<'_>) -> Result {
/// #         out.line(0)
/// #     }
/// # }
/// # fn example<Disk: Operations<Data = Arc<Device>>>(disk: &GenDisk<Disk>) -> Result {
/// // `Pid` is an attribute about the data of the disk, a `Device`.
/// let pid = disk.add_file::<DiskDevice<Device>, Pid>()?;
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// The disk of `presence` has got a file `attr`; nothing but its own removal or `Drop` removes it.
pub struct AttributeFile {
    presence: Arc<Presence>,
    attr: *const bindings::attribute,
}

// SAFETY: `attr` is constant, and the rest has no thread affinity.
unsafe impl Send for AttributeFile {}

// SAFETY: There are no methods.
unsafe impl Sync for AttributeFile {}

impl<T: Operations> GenDisk<T> {
    /// Adds a file to the directory of the disk, next to those it was added with.
    ///
    /// User space gets no event. Fails with [`ENODEV`] if the disk is being removed, with
    /// [`ENOMEM`], and, since a name that is taken is a fault of the driver, with [`EEXIST`] and a
    /// backtrace in the log. Process context; may sleep.
    pub fn add_file<S: DeviceOf<T>, A: Attribute<S::Data>>(&self) -> Result<AttributeFile> {
        let presence: Arc<Presence> = self.presence().into();
        let attr = AttributePtr::<S>::new::<A>().as_ptr();

        let present = presence.enter().ok_or(ENODEV)?;
        // SAFETY: The attribute is constant, and for devices of the kind `S`, which disks of `T`
        // are.
        unsafe { present.create_file(attr) }?;
        drop(present);

        // INVARIANT: The file was added.
        Ok(AttributeFile { presence, attr })
    }
}

impl Drop for AttributeFile {
    fn drop(&mut self) {
        if let Some(present) = self.presence.enter() {
            // SAFETY: By the type invariant, the file is there.
            unsafe { present.remove_file(self.attr) };
        }
    }
}
