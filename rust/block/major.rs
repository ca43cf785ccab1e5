// SPDX-License-Identifier: GPL-2.0

//! Major numbers of block devices.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

use super::dev_t::DevT;
use crate::bindings;
use core::ptr;
use kernel::{
    error::to_result,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Release, //
        },
        Arc, //
    }, //
};

/// A registered major number, listed in `/proc/devices`.
///
/// All disks of the major have to be gone before this is dropped: another driver that then registers
/// the number could not add disks with the same minors.
///
/// # Examples
///
/// ```
/// # use core::num::NonZero;
/// # use rb::block::{dev_t::DevT, gen_disk::DiskOptions, major::BlkdevMajor};
/// let major = BlkdevMajor::register(c"example")?;
/// let options = DiskOptions {
///     device_number: Some((DevT::new(major.number(), 0)?, NonZero::<u32>::MIN)),
///     ..DiskOptions::default()
/// };
/// ```
///
/// # Invariants
///
/// `number` is registered under `name`.
pub struct BlkdevMajor {
    number: u32,
    name: &'static CStr,
}

/// The most bytes of a name. C keeps no more of it, and would not find the number again by a longer
/// one to unregister it.
const NAME_MAX: usize = 15;

impl BlkdevMajor {
    /// Registers a free major number under `name`.
    ///
    /// Fails with [`EBUSY`] if there is none, and with [`EINVAL`] if the name has more than 15 bytes.
    /// May sleep.
    pub fn register(name: &'static CStr) -> Result<Self> {
        if name.to_bytes().len() > NAME_MAX {
            return Err(EINVAL);
        }
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
    /// Fails with [`EBUSY`] if it is taken, and with [`EINVAL`] if it is none (1 to 511) or the name
    /// has more than 15 bytes. May sleep.
    pub fn register_number(name: &'static CStr, major: u32) -> Result<Self> {
        if !(1..bindings::BLKDEV_MAJOR_MAX).contains(&major) {
            return Err(EINVAL);
        }
        // SAFETY: Without a callback there is nothing to be careful about.
        unsafe { Self::register_raw(name, major, None) }
    }

    /// Registers the major number `major`, which must not be zero. Fails with [`EBUSY`] if it is
    /// taken, and with [`EINVAL`] if the name has more than 15 bytes.
    ///
    /// # Safety
    ///
    /// The block core may call `probe` until the result has been dropped.
    unsafe fn register_raw(
        name: &'static CStr,
        major: u32,
        probe: Option<unsafe extern "C" fn(bindings::dev_t)>,
    ) -> Result<Self> {
        if name.to_bytes().len() > NAME_MAX {
            return Err(EINVAL);
        }
        // SAFETY: The name is static; the callback may be called, by the requirements of this
        // function.
        to_result(unsafe { bindings::__register_blkdev(major, name.as_char_ptr(), probe) })?;

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

/// A driver that makes a disk when somebody opens a node for which there is none.
///
/// # Examples
///
/// ```
/// # use kernel::sync::Arc;
/// # use rb::block::{dev_t::DevT, major::{Probe, ProbeSlot, ProbedMajor}};
/// # struct Disks;
/// # impl Disks {
/// #     fn add(&self, _number: u32) -> Result {
/// #         Ok(())
/// #     }
/// # }
/// static SLOT: ProbeSlot<Disks> = ProbeSlot::new();
///
/// impl Probe for Disks {
///     fn slot() -> &'static ProbeSlot<Self> {
///         &SLOT
///     }
///
///     fn probe(&self, dev: DevT) {
///         let _ = self.add(dev.minor());
///     }
/// }
///
/// # let disks = Arc::new(Disks, GFP_KERNEL)?;
/// let major = ProbedMajor::register(c"example", 240, disks)?;
/// ```
pub trait Probe: Send + Sync + Sized + 'static {
    /// Returns where the registered driver is kept, a static: C passes none to its callback.
    fn slot() -> &'static ProbeSlot<Self>;

    /// Called when somebody opens a node with a number of this major that no disk has. The block
    /// core then looks again.
    ///
    /// Process context; may sleep, and may add the disk. One call at a time. The block core holds
    /// the lock of all major numbers: do not register or unregister any, and do not wait for
    /// somebody who does. Never called on kernels without `CONFIG_BLOCK_LEGACY_AUTOLOAD`.
    fn probe(&self, dev: DevT);
}

/// Where a [`Probe`] is kept while its major number is registered.
///
/// # Invariants
///
/// The pointer is null, or it is valid and a [`ProbedMajor<T>`] that is registered will clear it.
pub struct ProbeSlot<T>(Atomic<*mut T>);

impl<T> ProbeSlot<T> {
    /// Makes an empty slot.
    pub const fn new() -> Self {
        // INVARIANT: Null.
        Self(Atomic::new(ptr::null_mut()))
    }
}

impl<T> Default for ProbeSlot<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A registered major number whose disks are made when they are asked for.
///
/// When this has been dropped, [`Probe::probe`] does not run any more, so no disk is added by it.
/// Drop it before the disks that were added, and not in [`Probe::probe`].
///
/// # Invariants
///
/// `slot` holds a pointer to the data of `data`.
pub struct ProbedMajor<T: Probe> {
    slot: &'static ProbeSlot<T>,
    // Dropped before `data`: nobody probes then.
    _major: BlkdevMajor,
    _data: Arc<T>,
}

impl<T: Probe> ProbedMajor<T> {
    /// Registers the major number `major` under `name`.
    ///
    /// Fails with [`EBUSY`] if the number or the slot of `T` is taken, and with [`EINVAL`] if the
    /// number is none (1 to 511) or the name has more than 15 bytes. May sleep.
    pub fn register(name: &'static CStr, major: u32, data: Arc<T>) -> Result<Self> {
        if !(1..bindings::BLKDEV_MAJOR_MAX).contains(&major) {
            return Err(EINVAL);
        }
        // SAFETY: `BlkdevMajor` unregisters the number when it is dropped, and then no call is
        // under way. Calls before there is anything in the slot do nothing.
        let major = unsafe { BlkdevMajor::register_raw(name, major, Some(Self::probe)) }?;

        let slot = T::slot();
        let raw = Arc::as_ptr(&data).cast_mut();
        // INVARIANT: The pointer is valid as long as `data`, which the result holds, and clears
        // the slot before.
        slot.0
            .cmpxchg(ptr::null_mut(), raw, Full)
            .map_err(|_| EBUSY)?;

        // INVARIANT: The slot holds it.
        Ok(Self {
            slot,
            _major: major,
            _data: data,
        })
    }

    /// # Safety
    ///
    /// Only the block core may call this, under the lock that unregistering a major number takes.
    unsafe extern "C" fn probe(dev: bindings::dev_t) {
        let data = T::slot().0.load(Acquire);

        // SAFETY: By the invariant of the slot, the pointer was valid when it was loaded. Whoever
        // clears the slot then unregisters a major number, for which he needs the lock that our
        // caller holds, and only then lets the data go.
        if let Some(data) = unsafe { data.as_ref() } {
            data.probe(DevT::from_raw(dev));
        }
    }
}

impl<T: Probe> Drop for ProbedMajor<T> {
    fn drop(&mut self) {
        // Before the number is unregistered, and that is before the data goes.
        self.slot.0.store(ptr::null_mut(), Release);
    }
}
