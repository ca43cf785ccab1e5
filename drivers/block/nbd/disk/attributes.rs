// SPDX-License-Identifier: GPL-2.0

//! The files in the directory of the disk.

use crate::{
    disk::front::Disk,
    logic::io::link::Connection,
    session::limits, //
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
        Listing,
        Output,
        Window, //
    },
    sysfs_groups, //
};

/// The files that are there all the time; `pid` and `backend` are while the disk is connected.
pub(crate) const GROUPS: Groups<GenDisk<Disk>> = sysfs_groups!(
    GenDisk<Disk> => [MaxRequestBytes]; lists [Links]
);

/// `links`: a line for each connection of the session.
///
/// All lines have 128 bytes, whatever the numbers are, and a page has a whole number of lines. So a
/// program that reads a page at a time gets no line in two parts, nor more at the end as a number has
/// grown meanwhile.
struct Links;

impl Listing for Links {
    type Data = GenDisk<Disk>;

    const NAME: &'static CStr = c"links";

    fn list(disk: &GenDisk<Disk>, out: &mut Window<'_>) -> Result {
        let device = disk.data();
        // A line at a time, as the lock keeps I/O waiting.
        for index in 0.. {
            let line = device.traffic.io.lock().link_at(index);
            let Some((link, alive, in_flight)) = line else {
                break;
            };
            let stats = link.stats();
            out.print(fmt!(
                "{:>3} {:<4} {:>5} {:>20} {:>10} {:>20} {:>20} {:>10} {:>10} {:>16}\n",
                index,
                if alive { "up" } else { "lost" },
                in_flight,
                stats.requests.load(Relaxed),
                stats.errors.load(Relaxed),
                stats.bytes_sent.load(Relaxed),
                stats.bytes_received.load(Relaxed),
                stats.losses.load(Relaxed),
                stats.replacements.load(Relaxed),
                link.quiet_ms()
            ))?;
        }
        Ok(())
    }
}

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
        let bytes = limits::request_limit(bytes)?;
        let device = disk.data();
        let setup = device.setup.lock();
        if setup.is_busy() {
            return Err(EBUSY);
        }
        limits::set_max_request(&device, disk, &setup, bytes)
    }
}
