// SPDX-License-Identifier: GPL-2.0

//! Symbolic links between objects.

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// An object that has, or had, a directory in sysfs: what a link points at.
///
/// Borrowed from what it stands for, for example a device or a block device.
///
/// # Invariants
///
/// The pointer is valid, and a reference to the object is held, for `'a`.
#[derive(Clone, Copy)]
pub struct KobjectRef<'a>(
    NonNull<bindings::kobject>,
    PhantomData<&'a bindings::kobject>,
);

impl KobjectRef<'_> {
    /// Wraps a raw pointer.
    ///
    /// # Safety
    ///
    /// `kobj` must be valid, and a reference to it must be held, for the lifetime of the result.
    pub(crate) unsafe fn from_raw(kobj: NonNull<bindings::kobject>) -> Self {
        // INVARIANT: By the requirements of this function.
        Self(kobj, PhantomData)
    }

    /// Returns the raw pointer.
    pub(crate) fn as_ptr(self) -> *mut bindings::kobject {
        self.0.as_ptr()
    }
}

/// Makes a link `name` to `target` in the directory of `from`, or in that of its group `group`.
///
/// The link goes with the directory. Fails with `EEXIST` if the name is taken, with `ENOENT` if
/// there is no such group or if the target has left sysfs.
///
/// # Safety
///
/// `from` must be valid, and must not be removed from sysfs during the call.
pub(crate) unsafe fn create_link(
    from: *mut bindings::kobject,
    group: Option<&CStr>,
    name: &CStr,
    target: KobjectRef<'_>,
) -> Result {
    let (target, name) = (target.as_ptr(), name.as_char_ptr());
    to_result(match group {
        // SAFETY: By the requirements of this function and the invariant of `target`.
        None => unsafe { bindings::sysfs_create_link(from, target, name) },
        // SAFETY: As above.
        Some(group) => unsafe {
            bindings::sysfs_add_link_to_group(from, group.as_char_ptr(), target, name)
        },
    })
}
