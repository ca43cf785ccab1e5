// SPDX-License-Identifier: GPL-2.0

//! rblk: block drivers in Rust.
//!
//! This is the root of the module: it takes the parameters and brings the drivers up, one after
//! the other, and down in the reverse order. The drivers do not know each other.

#![forbid(unsafe_code)]

use kernel::prelude::*;
use rb::module_param;

module! {
    type: Rblk,
    name: "rblk",
    authors: ["The rblk developers"],
    description: "Block drivers in Rust: RAM disks, packet writing, network block devices, copy-on-write disks",
    license: "GPL",
}

module_param!(ram_nr: uint = 0, 0o444, "Number of RAM disks to add at load");
module_param!(ram_size: ulong = 65536, 0o444, "Size of each of these, in KiB");
module_param!(
    ram_mem_max: ulong = 0,
    0o444,
    "Memory that all RAM disks may use together, in MiB; 0 for half of the system's"
);

module_param!(
    pktcdvd_buffers: uint = pktcdvd::logic::options::DEFAULT_PACKET_BUFFERS,
    0o444,
    "Packet buffers of each packet device, 2 to 64"
);

module_param!(
    nbd_nbds_max: int = 16,
    0o444,
    "Number of network block devices to add at load; 0 leaves the driver out"
);
module_param!(
    nbd_max_part: int = 16,
    0o444,
    "Partitions of each network block device, rounded up"
);
module_param!(
    nbd_max_request_bytes: uint = 0,
    0o444,
    "Most bytes of a request to a network block device; 0 for a page"
);

module_param!(
    ubd_disks: charp = c"",
    0o444,
    "Copy-on-write disks to add at load: cow=PATH [backing=PATH] ..., separated by semicolons"
);

/// The drivers that are up. Fields are dropped in order.
struct Rblk {
    // First, as its disks may be over those of the others.
    _ubd: Option<ubd::Driver>,
    _nbd: Option<nbd::Driver>,
    _pktcdvd: Option<pktcdvd::Driver>,
    _ram: Option<ram::Driver>,
}

impl kernel::Module for Rblk {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // What can fail the module comes first: a driver that is up may be in use at once.
        let pktcdvd = pktcdvd::Config::new(pktcdvd_buffers.read())?;
        let nbd = nbd_config()?;
        let disks = ubd_disks.to_cstring()?;
        let ubd = ubd::Config::new(disks.to_bytes())?;
        // If a number is wrong, this driver has no disk yet. From here on nothing fails.
        let ram = match ram::Driver::init(&ram_config()?) {
            Err(EINVAL) => return Err(EINVAL),
            ram => start("ram", ram),
        };

        let pktcdvd = start("pktcdvd", pktcdvd::Driver::init(&pktcdvd));
        let nbd = nbd.and_then(|config| start("nbd", nbd::Driver::init(&config)));

        Ok(Self {
            _ubd: start("ubd", ubd::Driver::init(&ubd)),
            _nbd: nbd,
            _pktcdvd: pktcdvd,
            _ram: ram,
        })
    }
}

/// Lets a driver that cannot start stay out, with a line in the log.
fn start<T>(name: &str, driver: Result<T>) -> Option<T> {
    driver
        .inspect_err(|err| pr_err!("{} did not start: {:?}\n", name, err))
        .ok()
}

/// Checks the parameters about nbd, and shows what has become of them.
fn nbd_config() -> Result<Option<nbd::Config>> {
    let config = nbd::Config {
        nbds_max: nbd_nbds_max.read(),
        max_part: nbd_max_part.read(),
        max_request_bytes: nbd_max_request_bytes.read(),
    };
    nbd_max_part.set(config.real_max_part()?);

    Ok((config.nbds_max != 0).then_some(config))
}

fn ram_config() -> Result<ram::Config> {
    let bytes = |number: usize, unit: u64| {
        u64::try_from(number)
            .ok()
            .and_then(|number| number.checked_mul(unit))
            .ok_or(EINVAL)
    };

    Ok(ram::Config {
        disks: ram_nr.read(),
        disk_size: bytes(ram_size.read(), 1 << 10)?,
        mem_max: bytes(ram_mem_max.read(), 1 << 20)?,
    })
}
