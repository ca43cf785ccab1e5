// SPDX-License-Identifier: GPL-2.0

//! A look at a block device that leaves it to others.

use super::super::dev_t::DevT;
use crate::{
    bindings,
    sysfs::KobjectRef, //
};
use core::ptr::{
    self,
    NonNull, //
};
use kernel::{
    error::from_err_ptr,
    prelude::*, //
};

/// How a glance opens a device.
const MODE: bindings::blk_mode_t = bindings::BLK_OPEN_READ | bindings::BLK_OPEN_NDELAY;

/// A block device that is open, but not claimed, and not for I/O.
///
/// The medium is not looked at, and a tray is not locked: this is for what the device itself is.
/// Others can claim the device meanwhile. Dropping this closes the device before it
/// returns; it may sleep, and takes the lock under which the device is opened.
///
/// # Invariants
///
/// `file` is an open file of a block device.
pub struct Glance {
    file: NonNull<bindings::file>,
}

// SAFETY: A file may be closed on any thread.
unsafe impl Send for Glance {}

// SAFETY: All that a `&Glance` allows is synchronized by the block layer.
unsafe impl Sync for Glance {}

impl Glance {
    /// Opens the device `dev`.
    ///
    /// Fails with [`ENXIO`] if there is none, and with what the device's own open returns. May
    /// sleep.
    pub fn open(dev: DevT) -> Result<Self> {
        // SAFETY: There is no holder, so there are no operations of one.
        let file = from_err_ptr(unsafe {
            bindings::bdev_file_open_by_dev(dev.as_raw(), MODE, ptr::null_mut(), ptr::null())
        })?;
        // INVARIANT: The file was opened.
        Ok(Self {
            // SAFETY: A valid pointer is not null.
            file: unsafe { NonNull::new_unchecked(file) },
        })
    }

    fn as_raw(&self) -> *mut bindings::block_device {
        // SAFETY: By the type invariant, this is the file of a block device.
        unsafe { bindings::file_bdev(self.file.as_ptr()) }
    }

    /// Returns the name of the device, such as `sr0`.
    pub fn name(&self) -> &CStr {
        // SAFETY: The block device and with it its kobject, whose name does not change after the
        // device was added, live at least as long as `self`.
        unsafe { CStr::from_char_ptr((*bindings::bdev_kobj(self.as_raw())).name) }
    }

    /// Returns the device as the target of links.
    pub fn kobject(&self) -> KobjectRef<'_> {
        // SAFETY: By the type invariant, the block device is valid, and so is its kobject.
        unsafe { KobjectRef::from_raw(NonNull::new_unchecked(bindings::bdev_kobj(self.as_raw()))) }
    }

    /// Returns whether the device is an optical drive.
    pub fn is_optical(&self) -> bool {
        // SAFETY: By the type invariant, the block device is valid.
        unsafe { bindings::bdev_is_optical(self.as_raw()) }
    }

    /// Returns whether the device is an optical drive whose tray is open.
    ///
    /// The next open of such a drive that is not a glance shuts the tray, unless the administrator
    /// has switched that off. Asks the drive, and waits for its answer. Process context.
    pub fn has_open_tray(&self) -> bool {
        if !self.is_optical() {
            return false;
        }
        // SAFETY: By the type invariant, the block device is valid and open. It is an optical drive,
        // for which this ioctl takes a number and no address.
        let status = unsafe {
            bindings::bdev_ioctl(
                self.as_raw(),
                MODE,
                bindings::CDROM_DRIVE_STATUS,
                bindings::CDSL_CURRENT,
                false,
            )
        };
        status == bindings::CDS_TRAY_OPEN as c_int
    }
}

impl Drop for Glance {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the file is open, and it is ours. There is no claim to give
        // back before.
        unsafe { bindings::__fput_sync(self.file.as_ptr()) };
    }
}
