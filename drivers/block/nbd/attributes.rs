// SPDX-License-Identifier: GPL-2.0

//! The files in the directory of the disk.

use crate::{
    device::Device,
    disk::Disk,
    session, //
};
use common::tokens::parse_u64;
use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};
use rb::{
    block::gen_disk::GenDisk,
    sysfs::{
        Attribute,
        Groups,
        Output, //
    },
    sysfs_groups, //
};

/// The files that are there all the time; `pid` and `backend` are while the disk is connected.
pub(crate) const GROUPS: Groups<GenDisk<Disk>> = sysfs_groups!(
    GenDisk<Disk> => [MaxRequestBytes],
);

/// `max_request_bytes`: most bytes of a request. It can be changed while nobody uses the device.
struct MaxRequestBytes;

#[vtable]
impl Attribute<GenDisk<Disk>> for MaxRequestBytes {
    const NAME: &'static CStr = c"max_request_bytes";

    fn show(disk: &GenDisk<Disk>, out: &mut Output<'_>) -> Result {
        out.line(disk.data().max_request())
    }

    fn store(disk: &GenDisk<Disk>, text: &[u8]) -> Result {
        let bytes = parse_u64(text.trim_ascii()).map_err(|_| EINVAL)?;
        let bytes = session::request_limit(bytes)?;
        let device = disk.data();
        let setup = device.setup.lock();
        if setup.is_busy() {
            return Err(EBUSY);
        }
        session::set_max_request(&device, disk, &setup, bytes)
    }
}

/// `pid`: the process that has connected the device.
pub(crate) struct Pid;

#[vtable]
impl Attribute<Device> for Pid {
    const NAME: &'static CStr = c"pid";

    fn show(device: &Device, out: &mut Output<'_>) -> Result {
        out.line(device.pid.load(Relaxed))
    }
}

/// `backend`: what the server is told apart by, an empty line if nothing was said.
pub(crate) struct Backend;

#[vtable]
impl Attribute<Device> for Backend {
    const NAME: &'static CStr = c"backend";

    fn show(device: &Device, out: &mut Output<'_>) -> Result {
        let backend = device.backend.lock();
        if let Some(text) = backend.as_deref() {
            out.write_bytes(text)?;
        }
        out.write_bytes(b"\n")
    }
}
