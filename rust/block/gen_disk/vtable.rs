// SPDX-License-Identifier: GPL-2.0

use super::{
    presence::Presence,
    DiskRef,
    GenDisk, //
};
use crate::{
    bindings,
    block::bio_disk, //
};
use core::{
    marker::PhantomData,
    ptr::{
        self,
        NonNull, //
    },
};
use kernel::{
    error::{
        from_result,
        VTABLE_DEFAULT_ERROR, //
    },
    prelude::*,
    str::CString,
    types::ForeignOwnable, //
};

type Borrowed<'a, T> = <<T as Operations>::Data as ForeignOwnable>::Borrowed<'a>;

/// What a disk does besides IO, for both fronts.
#[vtable]
pub trait Operations: Sized + 'static {
    /// Data of the disk. It lives until nobody has the disk open any more, which can be after the
    /// disk was removed.
    type Data: ForeignOwnable + Send + Sync;

    /// Called when the disk is opened, also for a partition.
    ///
    /// Process context; may sleep. The disk's open mutex is held, so opens and closes of one disk
    /// do not overlap, and removing the disk or [looking](GenDisk::with_openers) at its openers
    /// waits for this. The first open may come before [`UnaddedDisk::add_disk`] has returned.
    ///
    /// [`UnaddedDisk::add_disk`]: super::UnaddedDisk::add_disk
    fn open(_data: Borrowed<'_, Self>, _disk: &DiskRef, _how: Opening) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called for each successful open, when it is closed. Context as [`Operations::open`].
    ///
    /// The disk may have been removed before.
    fn release(_data: Borrowed<'_, Self>, _disk: &DiskRef) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called for each ioctl that the block layer does not handle itself.
    ///
    /// Process context; may sleep. Unknown ones return `ENOTTY`. The disk may have been removed
    /// before, or is removed meanwhile: its openers do not hold that up.
    fn ioctl(_disk: &GenDisk<Self>, _call: &Ioctl) -> Result<i32> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Returns the path of the device node below `/dev`, if not the name of the disk.
    fn devnode(_data: Borrowed<'_, Self>) -> Result<CString> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// How a disk is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// For writing.
    pub write: bool,
    /// With `O_NONBLOCK`. By convention, such an open of an optical drive is not about its medium, and
    /// leaves an open tray open.
    pub nonblock: bool,
}

impl Opening {
    fn of(mode: bindings::blk_mode_t) -> Self {
        Self {
            write: mode & bindings::BLK_OPEN_WRITE != 0,
            nonblock: mode & bindings::BLK_OPEN_NDELAY != 0,
        }
    }
}

/// An ioctl as somebody has asked for it.
///
/// Only the block layer makes these, so that their rights are those of an opener.
pub struct Ioctl {
    cmd: c_uint,
    arg: c_ulong,
    mode: bindings::blk_mode_t,
    compat: bool,
}

impl Ioctl {
    /// Returns the number of the ioctl.
    pub fn cmd(&self) -> u32 {
        self.cmd
    }

    /// Returns the argument: a number, or an address in user space.
    ///
    /// From a 32-bit program, it has 32 bits.
    pub fn arg(&self) -> usize {
        self.arg
    }

    /// Returns how the disk is open.
    pub(in crate::block) fn mode(&self) -> bindings::blk_mode_t {
        self.mode
    }

    /// Returns whether a 32-bit program has asked on a 64-bit system.
    pub fn is_compat(&self) -> bool {
        self.compat
    }
}

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

    const BASE: bindings::block_device_operations = bindings::block_device_operations {
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

    /// The table of a disk with a blk-mq front.
    pub(in crate::block) const MQ: bindings::block_device_operations = Self::BASE;
}

impl<T: bio_disk::Operations> DiskVTable<T> {
    /// The table of a disk with a bio front.
    pub(in crate::block) const BIO: bindings::block_device_operations =
        bindings::block_device_operations {
            submit_bio: Some(bio_disk::submit_bio::<T>),
            ..Self::BASE
        };
}
