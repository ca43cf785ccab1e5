// SPDX-License-Identifier: GPL-2.0

//! Lower devices: block devices that a driver does its own I/O to.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

mod glance;
mod watch;

pub use glance::Glance;
pub use watch::Watcher;

use super::{
    dev_t::DevT,
    gen_disk::Ioctl,
    inflight::{
        Inflight,
        InflightGuard, //
    },
};
use crate::{
    bindings,
    sysfs::KobjectRef, //
};
use core::ptr::{
    self,
    NonNull, //
};
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    sync::Arc, //
};
use watch::Claim;

/// How a lower device is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For reading.
    Read,
    /// For reading and writing.
    ReadWrite,
}

/// What a lower device allows; copied when asked for, since its owner may change it.
#[derive(Clone, Copy, Debug)]
pub struct LowerLimits {
    /// Smallest unit of I/O, in bytes.
    pub logical_block_size: u32,
    /// Smallest unit the device writes without reading, in bytes.
    pub physical_block_size: u32,
    /// Most that one request moves, in sectors of 512 bytes.
    pub max_sectors: u32,
    /// Most segments that one request has.
    pub max_segments: u32,
    /// Most bytes that one segment has.
    pub max_segment_size: u32,
    /// Multiple of which no I/O crosses, in sectors of 512 bytes of the whole disk; zero if there is
    /// none.
    pub chunk_sectors: u32,
    /// Mask of the bits of memory addresses and lengths that must be zero in a segment.
    pub dma_alignment: u32,
    /// Most that one discard covers, in sectors of 512 bytes; zero if there is no discard.
    pub max_discard_sectors: u32,
    /// Whether it seeks.
    pub rotational: bool,
    /// Whether the memory of a write must not change before it completes, as with checksums.
    pub stable_writes: bool,
}

/// A block device that is open, and claimed.
///
/// Nobody else can mount, map or otherwise claim the device meanwhile, unless it was
/// [shared](Self::open_shared). Dropping this waits until all I/O that was submitted through it has
/// completed, so it must not happen in atomic context.
///
/// # Examples
///
/// ```no_run
/// # use rb::block::{bdev::{BdevFile, Mode}, dev_t::DevT};
/// let lower = BdevFile::open(DevT::new(8, 16)?, Mode::ReadWrite)?;
/// let sectors = lower.nr_sectors();
/// ```
///
/// # Invariants
///
/// `file` is an open file of a block device, claimed by `claim`.
pub struct BdevFile {
    file: NonNull<bindings::file>,
    inflight: Arc<Inflight>,
    /// Dropped after the file is closed.
    claim: Arc<Claim>,
}

// SAFETY: A file may be closed on any thread.
unsafe impl Send for BdevFile {}

// SAFETY: All that a `&BdevFile` allows is synchronized by the block layer.
unsafe impl Sync for BdevFile {}

impl BdevFile {
    /// Opens the device `dev`, and claims it.
    ///
    /// Fails with [`ENXIO`] if there is none, [`EBUSY`] if it is mounted or otherwise claimed,
    /// [`EACCES`] if it is to be written and is read-only, or what the device's own open returns,
    /// such as `ENOMEDIUM`. May sleep, and may wait for hardware.
    pub fn open(dev: DevT, mode: Mode) -> Result<Self> {
        Self::open_with(dev, mode, Claim::new(None)?)
    }

    /// Opens the device `dev`, as [`open`](Self::open), and has `watcher` told when it goes.
    ///
    /// Dropping this closes the device synchronously; the close is not deferred until the task returns
    /// to user space. It takes the lock under which the device is opened.
    pub fn open_watched(dev: DevT, mode: Mode, watcher: Arc<dyn Watcher>) -> Result<Self> {
        Self::open_with(dev, mode, Claim::new(Some(watcher))?)
    }

    /// Opens the device `dev` for reading, as [`open`](Self::open), and claims it together with others
    /// that this module has opened in this way.
    pub fn open_shared(dev: DevT) -> Result<Self> {
        Self::open_with(dev, Mode::Read, Claim::new_shared()?)
    }

    fn open_with(dev: DevT, mode: Mode, claim: Arc<Claim>) -> Result<Self> {
        let inflight = Inflight::new()?;
        let mode = match mode {
            Mode::Read => bindings::BLK_OPEN_READ,
            Mode::ReadWrite => bindings::BLK_OPEN_READ | bindings::BLK_OPEN_WRITE,
        };

        // SAFETY: The operations are those of the holder, which lives until the file is closed.
        let file = from_err_ptr(unsafe {
            bindings::bdev_file_open_by_dev(dev.as_raw(), mode, claim.holder(), claim.ops())
        })?;

        // SAFETY: A valid pointer is not null.
        let file = unsafe { NonNull::new_unchecked(file) };
        // INVARIANT: The file was opened, with `claim` as the holder.
        let bdev = Self {
            file,
            inflight,
            claim,
        };
        if mode & bindings::BLK_OPEN_WRITE != 0 && bdev.is_read_only() {
            return Err(EACCES);
        }
        Ok(bdev)
    }

    /// Returns the raw block device.
    #[inline]
    pub(crate) fn as_raw(&self) -> *mut bindings::block_device {
        // SAFETY: By the type invariant, this is the file of a block device.
        unsafe { bindings::file_bdev(self.file.as_ptr()) }
    }

    /// Counts one more I/O, until the guard is dropped.
    #[inline]
    pub(super) fn begin_io(&self) -> InflightGuard {
        Inflight::begin(&self.inflight)
    }

    /// Returns the device number.
    pub fn dev(&self) -> DevT {
        // SAFETY: By the type invariant, the block device is valid.
        DevT::from_raw(unsafe { (*self.as_raw()).bd_dev })
    }

    /// Returns the name of the device, such as `sda1`.
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

    /// Returns the size, in sectors of 512 bytes.
    ///
    /// Its driver may change it meanwhile; then it may be neither the old nor the new on a 32-bit
    /// machine.
    pub fn nr_sectors(&self) -> u64 {
        // SAFETY: By the type invariant, the block device is valid. The size may change any time,
        // as C readers take into account: it is read once.
        unsafe { (&raw const (*self.as_raw()).bd_nr_sectors).read_volatile() }
    }

    /// Returns where the device starts on its disk, in sectors: zero, or that of the partition.
    pub fn start_sector(&self) -> u64 {
        // SAFETY: By the type invariant, the block device is valid.
        unsafe { (*self.as_raw()).bd_start_sect }
    }

    /// Returns whether the device refuses writes.
    pub fn is_read_only(&self) -> bool {
        // SAFETY: By the type invariant, the block device is valid.
        unsafe { bindings::bdev_read_only(self.as_raw()) }
    }

    /// Returns whether the medium of the device can be changed.
    pub fn is_removable(&self) -> bool {
        // SAFETY: By the type invariant, the block device is valid and has a disk, whose flags do not
        // change.
        let flags = unsafe { (*(*self.as_raw()).bd_disk).flags };
        flags & bindings::GENHD_FL_REMOVABLE as c_int != 0
    }

    /// Returns whether the device is an optical drive.
    pub fn is_optical(&self) -> bool {
        // SAFETY: By the type invariant, the block device is valid.
        unsafe { bindings::bdev_is_optical(self.as_raw()) }
    }

    /// Returns whether the device has zones that must be written in sequence.
    pub fn is_zoned(&self) -> bool {
        // SAFETY: By the type invariant, the block device is valid.
        unsafe { bindings::bdev_is_zoned(self.as_raw()) }
    }

    /// Returns a number that changes when the disk is found to have another medium. Any context.
    ///
    /// After a change the number stays the same until the device is next opened. Opening a [`Glance`]
    /// is enough, and makes the kernel check for a media change.
    pub fn media_seq(&self) -> u64 {
        // SAFETY: By the type invariant, the block device is valid and has a disk. The number may
        // change any time.
        unsafe { (&raw const (*(*self.as_raw()).bd_disk).diskseq).read_volatile() }
    }

    /// Passes an ioctl on to the device, with the rights of the one who has asked for it.
    ///
    /// Fails with `ENOTTY` if the device knows no such ioctl, and with what the device returns.
    /// Context as of [`ioctl`](super::gen_disk::Operations::ioctl).
    pub fn ioctl(&self, call: &Ioctl) -> Result<i32> {
        // SAFETY: By the type invariant, the block device is valid and open. Its driver takes the
        // argument for an address in user space, or a number.
        let ret = unsafe {
            bindings::bdev_ioctl(
                self.as_raw(),
                call.mode(),
                call.cmd(),
                call.arg(),
                call.is_compat(),
            )
        };
        to_result(ret.min(0))?;
        Ok(ret)
    }

    /// Returns the limits as they are now.
    pub fn limits(&self) -> LowerLimits {
        // SAFETY: By the type invariant, the block device has a queue. Its owner may change the
        // limits any time, so they are copied, not borrowed.
        let lim = unsafe {
            let queue = bindings::bdev_get_queue(self.as_raw());
            ptr::read_volatile(&raw const (*queue).limits)
        };
        LowerLimits {
            logical_block_size: lim.logical_block_size,
            physical_block_size: lim.physical_block_size,
            max_sectors: lim.max_sectors,
            max_segments: u32::from(lim.max_segments),
            max_segment_size: lim.max_segment_size,
            chunk_sectors: lim.chunk_sectors,
            dma_alignment: lim.dma_alignment,
            max_discard_sectors: lim.max_discard_sectors,
            rotational: lim.features & bindings::BLK_FEAT_ROTATIONAL != 0,
            stable_writes: lim.features & bindings::BLK_FEAT_STABLE_WRITES != 0,
        }
    }
}

impl Drop for BdevFile {
    fn drop(&mut self) {
        self.inflight.wait();

        let file = self.file.as_ptr();
        if self.claim.is_watched() {
            // SAFETY: By the type invariant, the file is open; no I/O uses it any more. One reference
            // goes with the claim, the other one, the last, with the file.
            unsafe {
                bindings::get_file(file);
                bindings::bdev_fput(file);
                bindings::__fput_sync(file);
            }
        } else {
            // SAFETY: By the type invariant, the file is open; no I/O uses it any more.
            unsafe { bindings::bdev_fput(file) };
        }
    }
}
