// SPDX-License-Identifier: GPL-2.0

//! What the block core calls for a disk besides I/O.

use super::{
    disk::{
        GenDisk,
        Ioctl,
        Opening,
        Operations, //
    },
    presence::Presence, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::{
        self,
        NonNull, //
    },
};
use kernel::{
    error::from_result,
    prelude::*,
    types::ForeignOwnable, //
};

type Borrowed<'a, T> = <<T as Operations>::Data as ForeignOwnable>::Borrowed<'a>;

pub(in crate::block) struct DiskVTable<T: Operations>(PhantomData<T>);

impl<T: Operations> DiskVTable<T> {
    /// # Safety
    ///
    /// `disk` must be a valid disk with the data of `T`, which must live for `'a`.
    #[inline]
    pub(in crate::block) unsafe fn data<'a>(disk: *mut bindings::gendisk) -> Borrowed<'a, T> {
        // SAFETY: By the safety requirements of this function.
        unsafe { T::Data::borrow((*disk).private_data) }
    }

    /// # Safety
    ///
    /// `disk` must be a disk of `T` that was or is being added, and must be valid during the call.
    unsafe fn lend<R>(disk: *mut bindings::gendisk, f: impl FnOnce(&GenDisk<T>) -> R) -> R {
        // SAFETY: By the safety requirements of this function.
        unsafe { GenDisk::lend(NonNull::new_unchecked(disk), f) }
    }

    /// # Safety
    ///
    /// Only the block layer may call this, for a disk of `T`.
    unsafe extern "C" fn open(disk: *mut bindings::gendisk, mode: bindings::blk_mode_t) -> c_int {
        let how = Opening::of(mode);
        // SAFETY: The block layer keeps the disk during the call.
        from_result(|| unsafe {
            Self::lend(disk, |disk| T::open(disk.data(), disk, how).map(|()| 0))
        })
    }

    /// # Safety
    ///
    /// Only the block layer may call this, for a disk of `T`.
    unsafe extern "C" fn release(disk: *mut bindings::gendisk) {
        // SAFETY: The block layer keeps the disk during the call.
        unsafe { Self::lend(disk, |disk| T::release(disk.data(), disk)) };
    }

    /// # Safety
    ///
    /// Only the block layer may call this, for a disk of `T`.
    unsafe extern "C" fn ioctl(
        bdev: *mut bindings::block_device,
        mode: bindings::blk_mode_t,
        cmd: c_uint,
        arg: c_ulong,
    ) -> c_int {
        let call = Ioctl {
            cmd,
            arg,
            mode,
            compat: false,
        };
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::answer(bdev, &call) }
    }

    /// # Safety
    ///
    /// Only the block layer may call this, for a disk of `T`.
    unsafe extern "C" fn compat_ioctl(
        bdev: *mut bindings::block_device,
        mode: bindings::blk_mode_t,
        cmd: c_uint,
        arg: c_ulong,
    ) -> c_int {
        let call = Ioctl {
            cmd,
            // A pointer of 32-bit user space has 32 bits.
            arg: arg & 0xffff_ffff,
            mode,
            compat: true,
        };
        // SAFETY: By the safety requirements of this function.
        unsafe { Self::answer(bdev, &call) }
    }

    /// # Safety
    ///
    /// `bdev` must be of an open disk of `T`.
    unsafe fn answer(bdev: *mut bindings::block_device, call: &Ioctl) -> c_int {
        // SAFETY: The disk is open, and so is kept.
        from_result(|| unsafe { Self::lend((*bdev).bd_disk, |disk| T::ioctl(disk, call)) })
    }

    /// # Safety
    ///
    /// Only the driver core may call this, for a disk of `T`. The caller frees the result.
    unsafe extern "C" fn devnode(
        disk: *mut bindings::gendisk,
        _mode: *mut bindings::umode_t,
    ) -> *mut c_char {
        // SAFETY: The data lives until `free_disk`.
        match T::devnode(unsafe { Self::data(disk) }) {
            // SAFETY: The string is terminated.
            Ok(name) => unsafe { bindings::kstrdup(name.as_char_ptr(), bindings::GFP_KERNEL) },
            Err(_) => ptr::null_mut(),
        }
    }

    /// # Safety
    ///
    /// Only the block layer may call this, for a disk of `T`.
    unsafe extern "C" fn free_disk(disk: *mut bindings::gendisk) {
        // SAFETY: The disk was added, and so has the data of `T` and a presence, that `GenDisk` has
        // left. This is the last use of them; nothing borrows them any more. The code of the module
        // is there, since the last that this does is to say that the disk is freed: `Disks` waits
        // for that, and then until this has returned.
        unsafe {
            drop(T::Data::from_foreign((*disk).private_data));
            drop(Presence::take(NonNull::new_unchecked(disk)));
        }
    }

    /// The table, but for the I/O of a disk with a bio front.
    pub(in crate::block) const BASE: bindings::block_device_operations =
        bindings::block_device_operations {
            // Pins the module while the disk is open.
            owner: crate::THIS_MODULE.as_ptr(),
            open: if T::HAS_OPEN { Some(Self::open) } else { None },
            release: if T::HAS_RELEASE {
                Some(Self::release)
            } else {
                None
            },
            ioctl: if T::HAS_IOCTL {
                Some(Self::ioctl)
            } else {
                None
            },
            compat_ioctl: if T::HAS_IOCTL && cfg!(CONFIG_COMPAT) {
                Some(Self::compat_ioctl)
            } else {
                None
            },
            devnode: if T::HAS_DEVNODE {
                Some(Self::devnode)
            } else {
                None
            },
            free_disk: Some(Self::free_disk),
            ..pin_init::zeroed()
        };
}
