// SPDX-License-Identifier: GPL-2.0

//! Commands to optical drives.
//!
//! C headers: [`include/linux/cdrom.h`](srctree/include/linux/cdrom.h),
//! [`include/scsi/scsi_device.h`](srctree/include/scsi/scsi_device.h)

use super::bdev::BdevFile;
use crate::bindings;
use core::ptr::{
    self,
    NonNull, //
};
use kernel::{
    prelude::*,
    time::Delta, //
};

/// Returns the error for a drive without a medium (`ENOMEDIUM`).
pub fn no_medium() -> Error {
    Error::from_errno(-(bindings::ENOMEDIUM as c_int))
}

/// The sense key of a drive that has something else to tell first.
const UNIT_ATTENTION: u8 = bindings::UNIT_ATTENTION as u8;

/// The longest command by what its first byte can say, in bytes; as many are read of any.
const MAX_SIZE: usize = 16;

/// How often a command is sent again that did not get through.
const RETRIES: c_int = 3;

/// Memory that a drive can read and write.
///
/// Allocated once, so that commands can be sent when there is none.
pub struct CommandBuffer(KVec<u8>);

impl CommandBuffer {
    /// Allocates a buffer of zeroes. May sleep.
    pub fn new(bytes: usize) -> Result<Self> {
        Ok(Self(KVec::from_elem(0, bytes, GFP_KERNEL)?))
    }

    /// Returns the bytes, to change them.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// The data of a command.
pub enum Data<'a> {
    /// There is none.
    None,
    /// The drive sends up to this many bytes, to the start of the buffer. The buffer is filled with
    /// zeroes before, so that what the drive does not send is zero.
    In(&'a mut CommandBuffer, usize),
    /// The drive gets this many bytes from the start of the buffer.
    Out(&'a mut CommandBuffer, usize),
}

/// Why a drive has refused a command: sense key, additional code and its qualifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sense {
    /// The response code, which distinguishes sense data of this command from that of an earlier one.
    pub response: u8,
    /// The sense key.
    pub key: u8,
    /// The additional sense code.
    pub asc: u8,
    /// The qualifier of the additional sense code.
    pub ascq: u8,
}

/// A command that has failed.
#[derive(Clone, Copy, Debug)]
pub enum CommandError {
    /// The drive says why.
    Sense(Sense),
    /// The command did not get through, or did not end in time: [`ENODEV`] if the drive has gone,
    /// [`ETIMEDOUT`], [`ENOMEM`], or [`EIO`].
    Failed(Error),
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// An optical drive.
///
/// # Examples
///
/// ```
/// # use kernel::time::Delta;
/// # use rb::block::{bdev::BdevFile, optical::{CommandError, Data, Drive}};
/// # fn example(lower: BdevFile) -> core::result::Result<(), CommandError> {
/// if let Some(drive) = Drive::of(&lower) {
///     drive.execute(&[0x35; 10], Data::None, Delta::from_secs(60))?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// `device` is that of the disk of `bdev`, and lives as long as that is open.
#[derive(Clone, Copy)]
pub struct Drive<'a> {
    device: NonNull<bindings::scsi_device>,
    bdev: &'a BdevFile,
}

impl<'a> Drive<'a> {
    /// Returns the drive that an open block device is, if it is one.
    pub fn of(bdev: &'a BdevFile) -> Option<Self> {
        // SAFETY: The block device is open, and so has a disk. Its driver keeps the SCSI device as
        // long as it is.
        let device = unsafe { bindings::optical_device((*bdev.as_raw()).bd_disk) };
        // INVARIANT: It was just taken from there.
        NonNull::new(device).map(|device| Self { device, bdev })
    }

    /// Returns a number that changes when the drive has reported, to the sender of any command, that it
    /// was reset or that it may have another medium. Any context.
    pub fn attentions(&self) -> u32 {
        // SAFETY: By the type invariant, the device is valid.
        unsafe { bindings::optical_attentions(self.device.as_ptr()) }
    }

    /// Sends a command, and waits until the drive has carried it out.
    ///
    /// A command that did not get through is sent again a few times; one that the drive has answered
    /// is not. An answer that there may be another medium is passed on to the driver of the drive,
    /// too. Fails with [`EINVAL`] if the command or its data is too long.
    ///
    /// Process context; sleeps. Without data it allocates nothing.
    pub fn execute(
        &self,
        command: &[u8],
        data: Data<'_>,
        timeout: Delta,
    ) -> core::result::Result<(), CommandError> {
        let mut cdb = [0; MAX_SIZE];
        cdb.get_mut(..command.len())
            .ok_or(EINVAL)?
            .copy_from_slice(command);

        let (out, bytes) = match data {
            Data::None => (false, None),
            Data::In(buffer, len) => {
                buffer.as_mut_slice().fill(0);
                (
                    false,
                    Some(buffer.as_mut_slice().get_mut(..len).ok_or(EINVAL)?),
                )
            }
            Data::Out(buffer, len) => (
                true,
                Some(buffer.as_mut_slice().get_mut(..len).ok_or(EINVAL)?),
            ),
        };
        let (buffer, len) = match bytes {
            Some(bytes) => (
                bytes.as_mut_ptr(),
                u32::try_from(bytes.len()).map_err(|_| EINVAL)?,
            ),
            None => (ptr::null_mut(), 0),
        };
        let milliseconds = u32::try_from(timeout.as_millis()).map_err(|_| EINVAL)?;
        let mut header: bindings::scsi_sense_hdr = pin_init::zeroed();

        // SAFETY: By the type invariant, the device is valid. The command is as long as any can be.
        // The buffer is memory from `kmalloc()` that is borrowed exclusively, and the drive is done with
        // it when this returns.
        let ret = unsafe {
            bindings::optical_execute(
                self.device.as_ptr(),
                cdb.as_ptr(),
                out,
                buffer.cast(),
                len,
                milliseconds,
                RETRIES,
                &mut header,
            )
        };
        // `scsi_sense_valid()`
        let sense = (header.response_code & 0x70 == 0x70).then_some(Sense {
            response: header.response_code,
            key: header.sense_key,
            asc: header.asc,
            ascq: header.ascq,
        });
        self.judge(ret, sense)
    }

    /// Returns whether the drive has told that there may be another medium, and its driver has not
    /// looked yet. Until it has, it fails all I/O. Any context.
    pub fn has_changed(&self) -> bool {
        // SAFETY: By the type invariant, the device is valid.
        unsafe { bindings::optical_has_changed(self.device.as_ptr()) }
    }

    /// Returns whether the driver of the drive locks its door while it is open.
    pub fn locks_door(&self) -> bool {
        // SAFETY: The block device is open, and so has a disk.
        unsafe { bindings::optical_locks_door((*self.bdev.as_raw()).bd_disk) }
    }

    /// Tells the driver of the drive that the medium was closed after the last write, so that it does
    /// not do so itself when the drive is closed.
    pub fn set_closed(&self) {
        // SAFETY: The block device is open, and so has a disk.
        unsafe { bindings::optical_closed((*self.bdev.as_raw()).bd_disk) };
    }

    /// Sets the size of the disk, in sectors of 512 bytes.
    ///
    /// The driver of the drive does so when it finds a medium, and when a block near its end cannot
    /// be read; not when the drive has formatted more of it. Nobody is told of that.
    pub fn set_nr_sectors(&self, sectors: u64) {
        // SAFETY: The block device is open, and so has a disk.
        unsafe { bindings::set_capacity((*self.bdev.as_raw()).bd_disk, sectors) };
    }

    /// Converts what the SCSI layer has returned into the outcome of a command.
    fn judge(&self, ret: c_int, sense: Option<Sense>) -> core::result::Result<(), CommandError> {
        kernel::error::to_result(ret)?;
        // `host_byte()` and `status_byte()`
        let host = (ret >> 16) & 0xff;
        let status = ret & 0xff;

        match (host as c_uint, status as c_uint, sense) {
            (bindings::scsi_host_status_DID_OK, bindings::sam_status_SAM_STAT_GOOD, _) => Ok(()),
            (
                bindings::scsi_host_status_DID_OK,
                bindings::sam_status_SAM_STAT_CHECK_CONDITION,
                Some(sense),
            ) => {
                if sense.key == UNIT_ATTENTION {
                    // SAFETY: By the type invariant, the device is valid.
                    unsafe { bindings::optical_changed(self.device.as_ptr()) };
                }
                Err(CommandError::Sense(sense))
            }
            (bindings::scsi_host_status_DID_NO_CONNECT, ..) => Err(ENODEV.into()),
            (bindings::scsi_host_status_DID_TIME_OUT, ..) => Err(ETIMEDOUT.into()),
            _ => Err(EIO.into()),
        }
    }
}
