// SPDX-License-Identifier: GPL-2.0

//! Misc devices: single character devices, good for control by `ioctl(2)`.
//!
//! Unlike upstream's, these name the module as the owner of the file operations, so it cannot be
//! unloaded while a file is open; and all open files share the data of the registration.
//!
//! Not supported: reading, writing, mapping, fixed minor numbers.
//!
//! C header: [`include/linux/miscdevice.h`](srctree/include/linux/miscdevice.h)
//!
//! # Examples
//!
//! ```
//! # use kernel::{sync::Arc, uaccess::{UserPtr, UserSlice}};
//! # use rb::miscdevice::{MiscDevice, Options, Registration};
//! # const CACHE_CTL: u32 = 0x5201;
//! # struct Registry;
//! # impl Registry {
//! #     fn control(&self, _: &[u8]) -> Result {
//! #         Ok(())
//! #     }
//! # }
//! #[vtable]
//! impl MiscDevice for Registry {
//!     fn ioctl(&self, cmd: u32, arg: usize) -> Result<isize> {
//!         match cmd {
//!             CACHE_CTL => {
//!                 let user = UserPtr::from_addr(arg);
//!                 let mut bytes = [0; 16];
//!                 UserSlice::new(user, bytes.len()).reader().read_slice(&mut bytes)?;
//!                 self.control(&bytes)?;
//!                 Ok(0)
//!             }
//!             _ => Err(ENOTTY),
//!         }
//!     }
//! }
//!
//! # let registry = Arc::new(Registry, GFP_KERNEL)?;
//! // Makes `/dev/cache/control`, mode 0644.
//! let control = KBox::pin_init(
//!     Registration::register(
//!         Options { name: c"cache", nodename: Some(c"cache/control"), mode: 0o644 },
//!         registry,
//!     ),
//!     GFP_KERNEL,
//! )?;
//! ```

use crate::{
    bindings,
    THIS_MODULE, //
};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    error::{
        from_result,
        to_result,
        VTABLE_DEFAULT_ERROR, //
    },
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// What a misc device does; implemented by its data.
///
/// All methods run in process context and may sleep, several at a time.
#[vtable]
pub trait MiscDevice: Send + Sync + Sized + 'static {
    /// Called when the device is opened; an error is what `open(2)` returns.
    ///
    /// It runs under a lock that registering and unregistering misc devices takes.
    fn open(&self) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called for `ioctl(2)`; returns what that returns. An unknown `cmd` is `ENOTTY`.
    ///
    /// If `cmd` takes a pointer, `arg` is one, which for a 32-bit caller has been converted;
    /// structures must look the same to 32-bit and 64-bit callers.
    fn ioctl(&self, _cmd: u32, _arg: usize) -> Result<isize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// How a misc device looks from outside.
#[derive(Clone, Copy)]
pub struct Options {
    /// The name, in `/sys/class/misc` and `/proc/misc`.
    pub name: &'static CStr,
    /// The path below `/dev`, if it is not the name.
    pub nodename: Option<&'static CStr>,
    /// The access mode of the node in `/dev`; 0 leaves it to the system.
    pub mode: u16,
}

impl Options {
    fn into_raw<D: MiscDevice>(self) -> bindings::miscdevice {
        bindings::miscdevice {
            minor: bindings::MISC_DYNAMIC_MINOR as c_int,
            name: self.name.as_char_ptr(),
            nodename: self.nodename.map_or(ptr::null(), |n| n.as_char_ptr()),
            mode: self.mode,
            fops: MiscVTable::<D>::FOPS,
            ..pin_init::zeroed()
        }
    }
}

/// A registered misc device.
///
/// It is unregistered when this is dropped. Files that are open then (possible only while the
/// module fails to load) keep the data, and the module. So register it last.
///
/// # Invariants
///
/// `misc` is registered, with the file operations of `MiscVTable<D>`.
#[pin_data(PinnedDrop)]
pub struct Registration<D: MiscDevice> {
    #[pin]
    misc: Opaque<bindings::miscdevice>,
    data: Arc<D>,
}

// SAFETY: A misc device has no thread affinity, and `D` is `Send` and `Sync`.
unsafe impl<D: MiscDevice> Send for Registration<D> {}

// SAFETY: There is nothing to do with a shared registration but to get at the data.
unsafe impl<D: MiscDevice> Sync for Registration<D> {}

impl<D: MiscDevice> Registration<D> {
    /// Returns an initializer that registers a misc device with a free minor number.
    ///
    /// Fails with `EEXIST` if the name is taken, with `EBUSY` if all minor numbers are.
    pub fn register(options: Options, data: Arc<D>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            data,
            misc <- Opaque::try_ffi_init(move |misc: *mut bindings::miscdevice| {
                // SAFETY: `misc` is valid for writes.
                unsafe { misc.write(options.into_raw::<D>()) };
                // SAFETY: `misc` is initialized and pinned, and unregistered before it goes. The
                // data, which `open` reads, has been initialized before.
                to_result(unsafe { bindings::misc_register(misc) })
            }),
        })
    }

    /// Returns the data.
    pub fn data(&self) -> &Arc<D> {
        &self.data
    }
}

#[pinned_drop]
impl<D: MiscDevice> PinnedDrop for Registration<D> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant, the device is registered.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}

/// The file operations. `private_data` of an open file is a reference to the `D`.
struct MiscVTable<D>(PhantomData<D>);

impl<D: MiscDevice> MiscVTable<D> {
    const FOPS: &'static bindings::file_operations = &bindings::file_operations {
        owner: THIS_MODULE.as_ptr(),
        open: Some(Self::open),
        release: Some(Self::release),
        llseek: Some(bindings::noop_llseek),
        unlocked_ioctl: if D::HAS_IOCTL {
            Some(Self::ioctl)
        } else {
            None
        },
        // It converts the pointer and calls `unlocked_ioctl`; none without 32-bit programs.
        compat_ioctl: if D::HAS_IOCTL {
            bindings::compat_ptr_ioctl
        } else {
            None
        },
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `inode` and `file` must be those of a file that is being opened, of a misc device that is
    /// a [`Registration<D>`].
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        from_result(|| {
            // SAFETY: By the requirements of this function.
            to_result(unsafe { bindings::nonseekable_open(inode, file) })?;
            // SAFETY: The one who opens a file owns its private data, which `misc_open()` set.
            let misc: *mut Opaque<bindings::miscdevice> = unsafe { (*file).private_data }.cast();
            // SAFETY: `misc` is part of a registration by the requirements of this function;
            // `misc_open()` holds the lock that it takes to unregister.
            let this = unsafe { &*kernel::container_of!(misc, Registration<D>, misc) };

            if D::HAS_OPEN {
                this.data.open()?;
            }
            let data = Arc::into_raw(this.data.clone()).cast_mut().cast();
            // SAFETY: As above.
            unsafe { (*file).private_data = data };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// `file` must be a file that [`Self::open`] opened, and that is used no more.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: By the requirements of this function.
        let data: *const D = unsafe { (*file).private_data }.cast_const().cast();
        // SAFETY: `open` made it with `Arc::into_raw`, and nobody uses it any more.
        drop(unsafe { Arc::from_raw(data) });
        0
    }

    /// # Safety
    ///
    /// `file` must be a file that [`Self::open`] opened, and that stays open during the call.
    unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: By the requirements of this function.
        let data: *const D = unsafe { (*file).private_data }.cast_const().cast();
        // SAFETY: The file owns a reference to the `D`.
        let data = unsafe { &*data };
        from_result(|| data.ioctl(cmd, arg))
    }
}
