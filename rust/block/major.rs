// SPDX-License-Identifier: GPL-2.0

//! Major numbers of block devices.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

use crate::bindings;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// A registered major number, listed in `/proc/devices`.
///
/// All disks of the major have to be gone before this is dropped.
///
/// # Examples
///
/// ```ignore
/// let major = BlkdevMajor::register(c"pktcdvd")?;
/// let builder = GenDiskBuilder::new().device_number(major.number(), 0, 1);
/// ```
///
/// # Invariants
///
/// `number` is registered under `name`.
pub struct BlkdevMajor {
    number: u32,
    name: &'static CStr,
}

impl BlkdevMajor {
    /// Registers a free major number under `name`.
    ///
    /// Fails with [`EBUSY`] if there is none. May sleep.
    pub fn register(name: &'static CStr) -> Result<Self> {
        // SAFETY: The name is static; zero asks for any number.
        let number = unsafe { bindings::__register_blkdev(0, name.as_char_ptr(), None) };
        to_result(number)?;

        // INVARIANT: The number was registered.
        Ok(Self {
            number: number.unsigned_abs(),
            name,
        })
    }

    /// Registers the major number `major` under `name`.
    ///
    /// Fails with [`EBUSY`] if it is taken, and with [`EINVAL`] if it is none (1 to 511). May sleep.
    pub fn register_number(name: &'static CStr, major: u32) -> Result<Self> {
        if !(1..bindings::BLKDEV_MAJOR_MAX).contains(&major) {
            return Err(EINVAL);
        }
        // SAFETY: The name is static.
        to_result(unsafe { bindings::__register_blkdev(major, name.as_char_ptr(), None) })?;

        // INVARIANT: The number was registered.
        Ok(Self {
            number: major,
            name,
        })
    }

    /// Returns the number.
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for BlkdevMajor {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the number is registered under the name.
        unsafe { bindings::unregister_blkdev(self.number, self.name.as_char_ptr()) };
    }
}
