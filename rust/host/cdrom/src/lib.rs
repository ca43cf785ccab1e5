// SPDX-License-Identifier: GPL-2.0

//! MMC commands to an optical drive, from user space.
//!
//! Part of no module: a crate for programs of the host, which keep free of unsafe code by it.
//!
//! C header: `include/uapi/linux/cdrom.h`

use rustix::fd::AsFd;
use rustix::fs::{fstat, FileType};
use rustix::io;
use rustix::ioctl::{ioctl, Opcode, Updater};
use std::ffi::{c_int, c_uchar, c_uint, c_void};
use std::ptr;

/// `CDROM_SEND_PACKET`: a number from before numbers of ioctls told anything.
const CDROM_SEND_PACKET: Opcode = 0x5393;

/// `CGC_DATA_READ`: data comes from the drive.
const CGC_DATA_READ: c_uchar = 2;

/// How many bytes a command has, whatever its group.
pub const COMMAND_SIZE: usize = 12;

/// `struct cdrom_generic_command`.
#[repr(C)]
struct GenericCommand {
    cmd: [c_uchar; COMMAND_SIZE],
    buffer: *mut c_uchar,
    buflen: c_uint,
    stat: c_int,
    sense: *mut c_void,
    data_direction: c_uchar,
    quiet: c_int,
    /// In ticks of the kernel's user interface, 0 for the kernel's own choice.
    timeout: c_int,
    unused: *mut c_void,
}

/// Sends a command that has the drive answer, and returns its answer.
///
/// What the drive leaves out is zero: a command tells it not to send more than `N` bytes, and its
/// answer tells how long it is. Waits for the drive.
///
/// # Errors
///
/// `ENOTTY` if that is no optical drive, `EPERM` if the kernel does not let this user send the
/// command, `EIO` if the drive refuses it, and what else the kernel says.
pub fn ask<const N: usize>(drive: impl AsFd, command: [u8; COMMAND_SIZE]) -> io::Result<[u8; N]> {
    // Elsewhere the number may mean anything.
    if FileType::from_raw_mode(fstat(&drive)?.st_mode) != FileType::BlockDevice {
        return Err(io::Errno::NOTTY);
    }
    let mut answer = [0; N];
    let mut request = GenericCommand {
        cmd: command,
        buffer: answer.as_mut_ptr(),
        buflen: c_uint::try_from(N).map_err(|_| io::Errno::INVAL)?,
        stat: 0,
        sense: ptr::null_mut(),
        data_direction: CGC_DATA_READ,
        quiet: 1,
        timeout: 0,
        unused: ptr::null_mut(),
    };
    // SAFETY: the ioctl takes a `struct cdrom_generic_command`, which `GenericCommand` has the
    // layout of.
    let update = unsafe { Updater::<CDROM_SEND_PACKET, _>::new(&mut request) };
    // SAFETY: the kernel writes to `request`, and for a read no more than `buflen` bytes to
    // `buffer`. Both outlive the call, and nobody else uses them meanwhile; any bytes are valid
    // there. The kernel does nothing with a null `sense`. Block devices that are no optical drives
    // do not know this number, and which commands users may send, the kernel decides.
    unsafe { ioctl(drive, update)? };
    Ok(answer)
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
        assert_eq!(ask::<8>(&file, [0; COMMAND_SIZE]), Err(io::Errno::NOTTY));
    }
}
