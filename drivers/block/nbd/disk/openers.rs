// SPDX-License-Identifier: GPL-2.0

//! What follows when the disk is opened and closed.

use crate::session::{
    device::Device,
    life, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    },
};
use rb::block::gen_disk::DiskRef;

/// Notes that the disk was opened.
pub(crate) fn opened(device: &Device, disk: &DiskRef) -> Result {
    if !device.has_partitions() {
        return Ok(());
    }
    let io = device.traffic.io.lock();
    let (serves, live) = (io.serves(), io.live());
    drop(io);
    if !serves {
        // What there was before a session, or after one, is no longer there.
        disk.need_partition_scan();
    } else if live == 0 && disk.forget_partition_scan() {
        // It would wait for a connection, and all that open or close the disk would wait for it.
        device.scan_later();
        if device.traffic.io.lock().live() != 0 {
            device.scan_if_due(disk);
        }
    }
    Ok(())
}

/// Notes that the disk was closed.
pub(crate) fn released(device: &Arc<Device>, disk: &DiskRef) {
    if disk.openers() != 0 {
        return;
    }
    let mut setup = device.setup.lock();
    if setup.session.is_some() && setup.disconnect_on_close {
        life::end(device, disk, &mut setup, true);
    }
    if setup.session.is_some() {
        return;
    }
    life::forget(device, disk, &mut setup);
    // Dropping the last reference to the control waits for commands that run, and they for this lock.
    drop(setup);
    if device.destroy.load(Relaxed) {
        if let Some(control) = device.traffic.shared.control() {
            control.remove_later(device.index());
        }
    }
}
