// SPDX-License-Identifier: GPL-2.0

//! MMC commands to an optical drive, from user space.
//!
//! Part of no module: a crate for programs of the host, which keep free of unsafe code by it.
//!
//! C header: `include/uapi/linux/cdrom.h`

use rustix::fd::AsFd;
use rustix::fs::{fstat, FileType};
use rustix::io::Errno;
use rustix::ioctl::{ioctl, Opcode, Updater};
use std::ffi::{c_int, c_uchar, c_uint, c_void};

/// `CDROM_SEND_PACKET`: a number from before numbers of ioctls told anything.
const CDROM_SEND_PACKET: Opcode = 0x5393;

/// `CGC_DATA_READ`: data comes from the drive.
const CGC_DATA_READ: c_uchar = 2;
/// `CGC_DATA_NONE`: there is no data.
const CGC_DATA_NONE: c_uchar = 3;

/// How many bytes a command has, whatever its group.
pub const COMMAND_SIZE: usize = 12;

/// How many bytes of sense data there may be: those of `struct request_sense`.
pub const SENSE_SIZE: usize = 64;

/// `struct cdrom_generic_command`.
#[repr(C)]
struct GenericCommand {
    cmd: [c_uchar; COMMAND_SIZE],
    buffer: *mut c_uchar,
    buflen: c_uint,
    stat: c_int,
    sense: *mut c_uchar,
    data_direction: c_uchar,
    quiet: c_int,
    /// In ticks of the kernel's user interface, 0 for the kernel's own choice.
    timeout: c_int,
    unused: *mut c_void,
}

/// Why a command was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The drive has refused it, and says why: sense data, with zeroes behind its end.
    Sense([u8; SENSE_SIZE]),
    /// The kernel has: `ENOTTY` if that is no optical drive, `EPERM` if this user may not send
    /// that, `EIO` if the drive has refused it without a word.
    System(Errno),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

/// Sends a command that has the drive answer, if `answer` is not empty; returns how many bytes the
/// answer has.
///
/// The command itself tells the drive to send no more than there is room for. Waits for the drive.
pub fn ask(
    drive: impl AsFd,
    command: &[u8; COMMAND_SIZE],
    answer: &mut [u8],
) -> Result<usize, Failure> {
    // Elsewhere the number may mean anything.
    if FileType::from_raw_mode(fstat(&drive)?.st_mode) != FileType::BlockDevice {
        return Err(Errno::NOTTY.into());
    }
    let mut sense = [0; SENSE_SIZE];
    let mut request = GenericCommand {
        cmd: *command,
        buffer: answer.as_mut_ptr(),
        buflen: c_uint::try_from(answer.len()).map_err(|_| Errno::INVAL)?,
        stat: 0,
        sense: sense.as_mut_ptr(),
        data_direction: match answer.len() {
            0 => CGC_DATA_NONE,
            _ => CGC_DATA_READ,
        },
        quiet: 1,
        timeout: 0,
        unused: std::ptr::null_mut(),
    };
    // SAFETY: the ioctl takes a `struct cdrom_generic_command`, which `GenericCommand` has the
    // layout of.
    let update = unsafe { Updater::<CDROM_SEND_PACKET, _>::new(&mut request) };
    // SAFETY: the kernel writes to `request`, for a read no more than `buflen` bytes to `buffer`,
    // and no more than a `struct request_sense`, which has `SENSE_SIZE` bytes, to `sense`. All of
    // them outlive the call, and nobody else uses them meanwhile; any bytes are valid there. Block
    // devices that are no optical drives do not know this number, and which commands users may
    // send, the kernel decides.
    match unsafe { ioctl(drive, update) } {
        // What the kernel leaves in `buflen` is how much did not come.
        Ok(()) => Ok(answer.len().saturating_sub(request.buflen as usize)),
        Err(Errno::IO) if sense != [0; SENSE_SIZE] => Err(Failure::Sense(sense)),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    /// As a C compiler lays it out where pointers have eight bytes.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn layout() {
        assert_eq!(size_of::<GenericCommand>(), 64);
        assert_eq!(offset_of!(GenericCommand, buffer), 16);
        assert_eq!(offset_of!(GenericCommand, sense), 32);
        assert_eq!(offset_of!(GenericCommand, data_direction), 40);
        assert_eq!(offset_of!(GenericCommand, timeout), 48);
    }

    #[test]
    fn no_drive() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(
            ask(&file, &[0; COMMAND_SIZE], &mut [0; 8]),
            Err(Failure::System(Errno::NOTTY))
        );
    }
}
