// SPDX-License-Identifier: GPL-2.0

//! The files that are in the directory of the disk while it is connected.

use crate::session::device::Device;
use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};
use rb::sysfs::{
    Attribute,
    Output, //
};

/// `pid`: the process that has connected the device.
pub(crate) struct Pid;

#[vtable]
impl Attribute<Device> for Pid {
    const NAME: &'static CStr = c"pid";

    fn show(device: &Device, out: &mut Output<'_>) -> Result {
        out.line(device.traffic.pid.load(Relaxed))
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
