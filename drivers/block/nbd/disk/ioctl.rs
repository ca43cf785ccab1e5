// SPDX-License-Identifier: GPL-2.0

//! The ioctls on the disk.
//!
//! Source: `include/uapi/linux/nbd.h`. None of them has a pointer for an argument.

use crate::{
    logic::{
        flags::ServerFlags,
        size::Size, //
    },
    session::{
        device::Device,
        life,
        limits,
        setup::Setup, //
    },
};
use kernel::{
    current,
    prelude::*,
    sync::Arc, //
};
use rb::{
    block::gen_disk::{
        DiskRef,
        GenDisk,
        Ioctl,
        Operations, //
    },
    capability::{
        capable,
        Capability, //
    },
    task::CurrentName, //
};

const SET_SOCK: u32 = 0xab00;
const SET_BLKSIZE: u32 = 0xab01;
const SET_SIZE: u32 = 0xab02;
const DO_IT: u32 = 0xab03;
const CLEAR_SOCK: u32 = 0xab04;
const CLEAR_QUE: u32 = 0xab05;
const PRINT_DEBUG: u32 = 0xab06;
const SET_SIZE_BLOCKS: u32 = 0xab07;
const DISCONNECT: u32 = 0xab08;
const SET_TIMEOUT: u32 = 0xab09;
const SET_FLAGS: u32 = 0xab0a;

/// The type of these ioctls, in bits 8 to 15.
const IOCTL_TYPE: u32 = 0xab;

/// Does what an ioctl asks for.
///
/// Fails with `EPERM` if the caller may not administer the system. Fails with `EINVAL` for ioctls of
/// another type, for bad values, and if the device was connected over netlink; with `ENOTTY` for unknown
/// ioctls.
pub(crate) fn ioctl<T: Operations<Data = Arc<Device>>>(
    device: &Arc<Device>,
    disk: &GenDisk<T>,
    call: &Ioctl,
) -> Result<i32> {
    let cmd = call.cmd();
    if !capable(Capability::SYS_ADMIN) {
        return Err(EPERM);
    }
    if cmd >> 8 & 0xff != IOCTL_TYPE {
        return Err(EINVAL);
    }
    let mut setup = device.setup.lock();
    match cmd {
        DISCONNECT => {
            disconnect(device);
            drop(setup);
            // Or it would be the end of what clears the sockets next, not of the server.
            life::wait_until_told(device);
        }
        CLEAR_SOCK => {
            clear_sockets(device, disk, &mut setup);
            // What a file system does now must not find the lock held.
            drop(setup);
            disk.force_media_change();
            reset_size(disk);
        }
        _ if setup.is_netlink() => {
            pr_err!(
                "nbd{}: an ioctl cannot change what netlink has set up\n",
                device.index()
            );
            return Err(EINVAL);
        }
        DO_IT => {
            drop(setup);
            return do_it(device, disk);
        }
        _ => {
            configure(device, disk, &mut setup, cmd, call.arg())?;
            setup.begun |= matches!(
                cmd,
                SET_BLKSIZE | SET_SIZE | SET_SIZE_BLOCKS | SET_TIMEOUT | SET_FLAGS
            );
        }
    }
    Ok(0)
}

/// The ioctls that change nothing but the setup.
fn configure(
    device: &Arc<Device>,
    disk: &DiskRef,
    setup: &mut Setup,
    cmd: u32,
    arg: usize,
) -> Result {
    let arg = u64::try_from(arg)?;
    let (bytes, block) = (setup.size.bytes, u64::from(setup.size.block));
    match cmd {
        SET_SOCK => add_socket(device, setup, arg),
        SET_BLKSIZE => resize(device, disk, setup, bytes, arg),
        SET_SIZE => resize(device, disk, setup, arg, block),
        SET_SIZE_BLOCKS => {
            let bytes = setup.size.bytes_of(arg).ok_or(EINVAL)?;
            resize(device, disk, setup, bytes, block)
        }
        SET_TIMEOUT => {
            setup.timeout = u32::try_from(arg).map_err(|_| EINVAL)?;
            if setup.session.is_some() {
                device.traffic.set_timeout(setup.timeout);
            }
            Ok(())
        }
        SET_FLAGS => {
            // The upper half is not for us.
            setup.flags = ServerFlags::from_raw(arg as u32);
            Ok(())
        }
        CLEAR_QUE | PRINT_DEBUG => Ok(()),
        _ => Err(ENOTTY),
    }
}

fn resize(device: &Device, disk: &DiskRef, setup: &mut Setup, bytes: u64, block: u64) -> Result {
    let size = Size::new(bytes, block, device.max_block()).ok_or(EINVAL)?;
    limits::resize(device, disk, setup, size)
}

/// Adds a connection; only the task that adds the first may add more.
fn add_socket(device: &Device, setup: &mut Setup, fd: u64) -> Result {
    let me = current!().pid();
    if setup.session.is_some() || setup.owner.is_some_and(|owner| owner != me) {
        pr_err!("nbd{}: somebody else is setting it up\n", device.index());
        return Err(EBUSY);
    }
    let fd = u32::try_from(fd).map_err(|_| EINVAL)?;
    setup.add_socket(|| device.take_socket(fd))?;
    setup.owner = Some(me);
    Ok(())
}

/// Notifies the servers of the end; `DO_IT` returns when they agree.
fn disconnect(device: &Device) {
    pr_info!("nbd{}: disconnect was asked for\n", device.index());
    life::ask_for_end(device);
}

/// Ends all connections, as the servers are told, and forgets those that were only added.
fn clear_sockets(device: &Arc<Device>, disk: &DiskRef, setup: &mut Setup) {
    setup.sockets = KVec::new();
    setup.owner = None;
    if setup.is_netlink() {
        life::end(device, disk, setup, true);
        setup.reset();
    } else {
        device.traffic.io.lock().stop();
        life::ask_for_end(device);
        life::wait_until_told(device);
        device.traffic.lose_all("the sockets were cleared");
        device.traffic.reclaim_requests(None);
    }
}

/// Takes the size from the disk, unless somebody else has it open, and may have a file system on it.
fn reset_size(disk: &DiskRef) {
    if disk.openers() <= 1 {
        disk.set_capacity(0);
    }
}

/// Serves the disk until the session ends.
///
/// Returns zero if the end was asked for. Fails with `ETIMEDOUT` if a server took too long, with `EPIPE`
/// if the connections were lost otherwise, and with [`ERESTARTSYS`] if a signal comes that ends the
/// caller or has a handler. Job control and system sleep end nothing.
fn do_it<T: Operations<Data = Arc<Device>>>(
    device: &Arc<Device>,
    disk: &GenDisk<T>,
) -> Result<i32> {
    let mut setup = device.setup.lock();
    let id = life::begin(device, disk, &mut setup, false)?;
    drop(setup);

    let waited = device
        .traffic
        .changed
        .wait_event_interruptible(|| device.traffic.io.lock().is_over(id));

    let mut setup = device.setup.lock();
    if setup.session_id() != Some(id) {
        // Somebody else has ended it.
        return Ok(0);
    }
    let io = device.traffic.io.lock();
    let (requested, timed_out) = (io.end_requested(), io.has_timed_out());
    drop(io);
    if waited.is_err() && !requested && !timed_out {
        pr_info!(
            "nbd{}: a signal to {} ends the connection\n",
            device.index(),
            CurrentName::get()
        );
    }
    // Unless the servers are gone, or do not answer.
    life::end(device, disk, &mut setup, waited.is_err() && !timed_out);
    reset_size(disk);
    if requested {
        return Ok(0);
    }
    if timed_out {
        return Err(ETIMEDOUT);
    }
    waited?;
    Err(EPIPE)
}
