// SPDX-License-Identifier: GPL-2.0

//! Ioctls of the disk that are passed on to the optical drive below.
//!
//! C header: [`include/uapi/linux/cdrom.h`](srctree/include/uapi/linux/cdrom.h)

use crate::{
    disk::device::Device,
    lower::session::Session, //
};
use kernel::{
    error::code::*,
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};
use rb::block::gen_disk::{
    DiskRef,
    Ioctl, //
};

const SCSI_IOCTL_SEND_COMMAND: u32 = 0x0001;
const CDROMREADTOCENTRY: u32 = 0x5306;
const CDROMEJECT: u32 = 0x5309;
const CDROMMULTISESSION: u32 = 0x5310;
const CDROM_LOCKDOOR: u32 = 0x5329;
const CDROM_SEND_PACKET: u32 = 0x5393;
const CDROM_LAST_WRITTEN: u32 = 0x5395;

/// Offset of the command in the argument of [`SCSI_IOCTL_SEND_COMMAND`]: two lengths come first.
const SEND_COMMAND_OFFSET: usize = 8;

const SYNCHRONIZE_CACHE: u8 = 0x35;

/// Commands that change neither the medium nor how the drive writes it, and do not move it.
const HARMLESS: &[u8] = &[
    0x00, // TEST UNIT READY
    0x03, // REQUEST SENSE
    0x12, // INQUIRY
    0x1a, // MODE SENSE(6)
    0x23, // READ FORMAT CAPACITIES
    0x25, // READ CAPACITY
    0x28, // READ(10)
    SYNCHRONIZE_CACHE,
    0x42, // READ SUBCHANNEL
    0x43, // READ TOC/PMA/ATIP
    0x46, // GET CONFIGURATION
    0x4a, // GET EVENT STATUS NOTIFICATION
    0x51, // READ DISC INFORMATION
    0x52, // READ TRACK INFORMATION
    0x5a, // MODE SENSE(10)
    0x5c, // READ BUFFER CAPACITY
    0xa8, // READ(12)
    0xac, // GET PERFORMANCE
    0xad, // READ DISC STRUCTURE
    0xbd, // MECHANISM STATUS
    0xbe, // READ CD
];

/// Carries out an ioctl of the disk that the block layer does not know.
///
/// The ioctls that the C driver knew, and one that unlocks the door, are passed on to the drive
/// with the rights of the caller. A command that would disturb writing fails with [`EBUSY`].
/// CDROM_GET_CAPABILITY is not passed on: by its failure programs recognise a packet device.
pub(crate) fn ioctl(device: &Device, disk: &DiskRef, call: &Ioctl) -> Result<i32> {
    let session = device
        .hub
        .session()
        .filter(|session| session.optical.is_some());
    let session = session.ok_or(ENOTTY)?;

    let mut opcode = None;
    match call.cmd() {
        CDROMREADTOCENTRY | CDROMMULTISESSION | CDROM_LAST_WRITTEN => {}
        CDROM_SEND_PACKET => opcode = Some(check_command(&session, call, 0)?),
        SCSI_IOCTL_SEND_COMMAND => {
            opcode = Some(check_command(&session, call, SEND_COMMAND_OFFSET)?);
        }
        CDROMEJECT => return eject(device, disk, &session, call),
        // Programs that eject unlock the door first.
        CDROM_LOCKDOOR if call.arg() == 0 => check_alone(device)?,
        _ => return Err(ENOTTY),
    }
    if call.cmd() == CDROM_LOCKDOOR {
        session.door_unlocked();
    }
    let result = session.lower.ioctl(call);
    if let Some(opcode) = opcode.filter(|_| result != Ok(0)) {
        if opcode == SYNCHRONIZE_CACHE {
            // The drive reports only once that it has lost its cache.
            session.cache_failed();
        }
        session.io_failed();
        device.hub.bell.ring();
    }
    result
}

/// Checks that a command may go to the drive; returns its first byte.
///
/// The program can change the command after this check, before the drive's driver reads it again.
/// That driver checks what the program is allowed to do. This check only prevents mistakes.
fn check_command(session: &Session, call: &Ioctl, offset: usize) -> Result<u8> {
    let address = call.arg().checked_add(offset).ok_or(EFAULT)?;
    let opcode: u8 = UserSlice::new(UserPtr::from_addr(address), 1)
        .reader()
        .read()?;

    if session.read_only || HARMLESS.contains(&opcode) {
        Ok(opcode)
    } else {
        Err(EBUSY)
    }
}

/// Checks that nobody else has the disk open.
fn check_alone(device: &Device) -> Result {
    if device.users.count() > 1 {
        return Err(EBUSY);
    }
    Ok(())
}

/// Ejects the medium. Fails with [`EBUSY`] if somebody else has the disk open.
///
/// If something could not be written to the medium, the first eject fails, and the next one does
/// not. A medium that the drive formats is closed first, which may take the drive minutes. If the
/// drive does not eject it then, the drive goes on with the format.
fn eject(device: &Device, disk: &DiskRef, session: &Session, call: &Ioctl) -> Result<i32> {
    check_alone(device)?;
    // A drive that only reads may not support a flush.
    if !session.read_only {
        disk.sync()?;
    }
    session.finish_for_task(device.hub.index())?;
    session.unlock_door();
    let result = session.lower.ioctl(call);
    if result.is_err() {
        session.lock_door();
    }
    session.io_failed();
    device.hub.bell.ring();
    result
}
