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

/// `CGC_DATA_WRITE`: data goes to the drive.
const CGC_DATA_WRITE: c_uchar = 1;
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
    /// In hundredths of a second (`USER_HZ`), 0 for the kernel's own choice.
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

/// What a command transfers.
#[derive(Debug)]
pub enum Data<'a> {
    /// Nothing.
    None,
    /// The drive sends so many bytes at most.
    In(&'a mut [u8]),
    /// The drive is sent these bytes.
    Out(&'a [u8]),
}

/// Sends a command, and waits until the drive has done it; returns how many bytes came.
///
/// The command itself tells the drive to send no more than there is room for. After `seconds` the
/// kernel gives the command up, and resets the drive; 0 stands for 60 seconds.
pub fn send(
    drive: impl AsFd,
    command: &[u8; COMMAND_SIZE],
    data: Data<'_>,
    seconds: u32,
) -> Result<usize, Failure> {
    // Elsewhere the number may mean anything.
    if FileType::from_raw_mode(fstat(&drive)?.st_mode) != FileType::BlockDevice {
        return Err(Errno::NOTTY.into());
    }
    let mut sense = [0; SENSE_SIZE];
    let (buffer, len, direction) = match data {
        Data::In(bytes) if !bytes.is_empty() => (bytes.as_mut_ptr(), bytes.len(), CGC_DATA_READ),
        // The kernel only reads what goes to the drive.
        Data::Out(bytes) if !bytes.is_empty() => {
            (bytes.as_ptr().cast_mut(), bytes.len(), CGC_DATA_WRITE)
        }
        _ => (std::ptr::null_mut(), 0, CGC_DATA_NONE),
    };
    let mut request = GenericCommand {
        cmd: *command,
        buffer,
        buflen: c_uint::try_from(len).map_err(|_| Errno::INVAL)?,
        stat: 0,
        sense: sense.as_mut_ptr(),
        data_direction: direction,
        quiet: 1,
        timeout: c_int::try_from(seconds.saturating_mul(100)).map_err(|_| Errno::INVAL)?,
        unused: std::ptr::null_mut(),
    };
    // SAFETY: the ioctl takes a `struct cdrom_generic_command`, which `GenericCommand` has the
    // layout of.
    let update = unsafe { Updater::<CDROM_SEND_PACKET, _>::new(&mut request) };
    // SAFETY: the kernel writes to `request`. For CGC_DATA_READ it writes no more than `buflen`
    // bytes to `buffer`, which then is a mutable slice of that length; for CGC_DATA_WRITE it reads
    // no more than that from it. It writes no more than a `struct request_sense`, which has
    // `SENSE_SIZE` bytes, to `sense`. All of them outlive the call, and nobody else uses them
    // meanwhile; any bytes are valid there. Block devices that are no optical drives do not know
    // this number, and which commands users may send, the kernel decides.
    match unsafe { ioctl(drive, update) } {
        // What the kernel leaves in `buflen` is how much did not come.
        Ok(()) => Ok(len.saturating_sub(request.buflen as usize)),
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
            send(&file, &[0; COMMAND_SIZE], Data::In(&mut [0; 8]), 0),
            Err(Failure::System(Errno::NOTTY))
        );
    }
}
