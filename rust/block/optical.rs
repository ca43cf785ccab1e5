// SPDX-License-Identifier: GPL-2.0

//! Commands to optical drives.
//!
//! C header: [`include/linux/cdrom.h`](srctree/include/linux/cdrom.h)

use super::bdev::BdevFile;
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    prelude::*,
    time::{
        self,
        Delta,
        Instant,
        Monotonic, //
    }, //
};

/// Returns the error for a drive without a medium (`ENOMEDIUM`).
pub fn no_medium() -> Error {
    Error::from_errno(-(bindings::ENOMEDIUM as c_int))
}

/// The longest command, in bytes.
pub const MAX_COMMAND: usize = bindings::CDROM_PACKET_SIZE as usize;

/// Memory that a drive can read and write.
///
/// Allocated once, so that commands can be sent when there is none.
pub struct CommandBuffer(KVec<u8>);

impl CommandBuffer {
    /// Allocates a buffer of zeroes. May sleep.
    pub fn new(bytes: usize) -> Result<Self> {
        Ok(Self(KVec::from_elem(0, bytes, GFP_KERNEL)?))
    }

    /// Returns the bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
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
    /// The response code, which tells sense data of this command from that of an earlier one.
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
pub struct CommandError {
    /// What the drive's driver makes of it: `ENOMEDIUM`, `EOPNOTSUPP` for a command that the drive
    /// does not know, [`ENODEV`], or [`EIO`].
    pub error: Error,
    /// What the drive says, if it has said something.
    pub sense: Option<Sense>,
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Self { error, sense: None }
    }
}

/// An optical drive.
///
/// # Examples
///
/// ```ignore
/// let drive = Drive::of(&lower).ok_or(ENODEV)?;
/// drive.execute(&[0x35; 10], Data::None, Delta::from_secs(60))?;
/// ```
///
/// # Invariants
///
/// `cdi` is that of the disk of `bdev`, and lives as long as that is open.
#[derive(Clone, Copy)]
pub struct Drive<'a> {
    cdi: NonNull<bindings::cdrom_device_info>,
    _bdev: &'a BdevFile,
}

impl<'a> Drive<'a> {
    /// Returns the drive that an open block device is, if it is one.
    pub fn of(bdev: &'a BdevFile) -> Option<Self> {
        // SAFETY: The block device is open, and so has a disk. What the disk has for a drive stays
        // until the disk is freed, as it is part of what its driver frees then.
        let cdi = unsafe { bindings::disk_cdi((*bdev.as_raw()).bd_disk) };
        // INVARIANT: It was just taken from there.
        NonNull::new(cdi).map(|cdi| Self { cdi, _bdev: bdev })
    }

    /// Sends a command, and waits until the drive has carried it out.
    ///
    /// The driver of the drive repeats a command by itself if the drive has something else to tell
    /// first, such as a medium change, and if it becomes ready; a command can take longer than
    /// `timeout` for that. Fails with [`EINVAL`] if the command or its data is too long. A drive that
    /// does not answer within `timeout` is [`ETIMEDOUT`].
    ///
    /// Process context; sleeps. Without data it allocates nothing.
    pub fn execute(
        &self,
        command: &[u8],
        data: Data<'_>,
        timeout: Delta,
    ) -> core::result::Result<(), CommandError> {
        let mut sense: bindings::scsi_sense_hdr = pin_init::zeroed();
        let mut packet: bindings::packet_command = pin_init::zeroed();
        packet
            .cmd
            .get_mut(..command.len())
            .ok_or(EINVAL)?
            .copy_from_slice(command);

        let (direction, buffer) = match data {
            Data::None => (bindings::CGC_DATA_NONE, None),
            Data::In(buffer, len) => {
                buffer.as_mut_slice().fill(0);
                (bindings::CGC_DATA_READ, Some((buffer, len)))
            }
            Data::Out(buffer, len) => (bindings::CGC_DATA_WRITE, Some((buffer, len))),
        };
        if let Some((buffer, len)) = buffer {
            let bytes = buffer.as_mut_slice().get_mut(..len).ok_or(EINVAL)?;
            packet.buflen = u32::try_from(len).map_err(|_| EINVAL)?;
            packet.buffer = bytes.as_mut_ptr();
        }
        let milliseconds = u32::try_from(timeout.as_millis()).map_err(|_| EINVAL)?;
        packet.timeout =
            c_int::try_from(time::msecs_to_jiffies(milliseconds)).map_err(|_| EINVAL)?;
        packet.data_direction = direction as u8;
        packet.quiet = 1;
        packet.sshdr = &mut sense;

        let begin = Instant::<Monotonic>::now();
        // SAFETY: By the type invariant, `cdi` is valid and its disk open. The buffer is memory from
        // `kmalloc()` that is borrowed exclusively, and the drive is done with it when this returns.
        let ret = unsafe { bindings::cdrom_generic_packet(self.cdi.as_ptr(), &mut packet) };

        // `scsi_sense_valid()`
        let sense = (sense.response_code & 0x70 == 0x70).then_some(Sense {
            response: sense.response_code,
            key: sense.sense_key,
            asc: sense.asc,
            ascq: sense.ascq,
        });
        kernel::error::to_result(ret).map_err(|error| CommandError { error, sense })?;
        if sense.is_none() && begin.elapsed() >= timeout {
            // The interface reports only what the drive has said, and this one has said nothing.
            return Err(ETIMEDOUT.into());
        }
        Ok(())
    }
}
