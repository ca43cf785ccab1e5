// SPDX-License-Identifier: GPL-2.0

//! Network block devices.
//!
//! The blocks of a disk lie on a server that is reached over sockets, which user space has connected
//! and handed over. A machine may swap to such a disk: the size of requests can be bounded to a page,
//! the send and receive paths never wait for memory reclaim, which may depend on this device, and no
//! I/O scheduler can be chosen.
//!
//! Floors, lowest first: [`logic`], [`links`], [`session`], [`disk`], [`control`].

#![forbid(unsafe_code)]

mod control;
mod disk;
mod links;
#[expect(unreachable_pub, reason = "it is a module of the host's tests, too")]
mod logic;
mod session;

use crate::{
    control::{
        netlink::Netlink,
        registry::Registry, //
    },
    links::shared::Shared,
    logic::{
        minors::Minors,
        size::request_limit, //
    },
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};
use rb::{
    block::gen_disk::Disks,
    net::genl::Registration, //
};

rb::driver!("nbd");

/// How many bytes a request carries at most for file systems: many enough that each of them costs
/// little.
pub const LARGE_REQUEST: u32 = 1 << 20;

/// How the driver starts.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Number of disks to add at load, `nbd0` and so on; more are added when they are asked for.
    pub nbds_max: i32,
    /// Number of partitions that each disk can have; they are not looked for with zero.
    pub max_part: i32,
    /// Most bytes that one request carries, a multiple of a page; a page for zero. Each device can be
    /// told otherwise while nobody uses it.
    pub max_request_bytes: u32,
}

impl Config {
    /// Checks the numbers.
    ///
    /// Fails with `EINVAL` if one of them is out of range.
    fn check(&self) -> Result<(u32, Minors, u32)> {
        let minors = Minors::for_partitions(self.max_part);
        let minors = minors.ok_or_else(|| out_of_range("max_part"))?;
        let disks = u32::try_from(self.nbds_max).ok();
        let disks = disks.filter(|disks| *disks <= minors.max_disks());
        let disks = disks.ok_or_else(|| out_of_range("nbds_max"))?;
        let max_request = request_limit(self.max_request_bytes, PAGE_SIZE as u32);
        let max_request = max_request.ok_or_else(|| out_of_range("max_request_bytes"))?;
        Ok((disks, minors, max_request))
    }

    /// Returns how many partitions a disk can have in the end: one less than a power of two.
    ///
    /// Fails with `EINVAL` if one of the numbers is out of range.
    pub fn real_max_part(&self) -> Result<i32> {
        let (_, minors, _) = self.check()?;
        Ok(i32::try_from(minors.max_part())?)
    }
}

fn out_of_range(parameter: &str) -> Error {
    pr_err!("{parameter} is out of range\n");
    EINVAL
}

/// The driver. It and its disks are there until this is dropped.
///
/// Fields are dropped in order.
pub struct Driver {
    registry: Arc<Registry>,
    // Waits until the disks are freed.
    _disks: Disks,
}

impl Driver {
    /// Starts the driver.
    ///
    /// Fails with `EINVAL` if a number is out of range, and `EBUSY` if the kernel's own driver is
    /// there. A disk that cannot be added is left out, with a line in the log. May sleep.
    pub fn init(config: &Config) -> Result<Self> {
        let (nr_disks, minors, max_request) = config.check()?;
        let disks = Disks::new()?;
        let shared = Shared::new(max_request, minors).inspect_err(|err| {
            if *err == EBUSY {
                pr_err!("block major 43 is taken: is the kernel's own nbd driver loaded?\n");
            }
        })?;
        let registry = Registry::new(shared.clone(), disks.token())?;
        // From here on, dropping this cleans up.
        let driver = Self {
            registry,
            _disks: disks,
        };
        let registry = &driver.registry;

        let family = Arc::pin_init(Registration::new(Netlink(registry.clone())), GFP_KERNEL)?;
        shared.set_control(family);
        for index in 0..nr_disks {
            // Somebody may have another disk open by now, so the load does not fail any more. A disk
            // that cannot be added, for instance because its name is taken, stays out alone.
            if let Err(err) = registry.find_or_add(index) {
                pr_err!("nbd{index}: not added: {err:?}\n");
            }
        }
        Ok(driver)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.registry.shut_down();
    }
}
