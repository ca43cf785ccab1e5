// SPDX-License-Identifier: GPL-2.0

//! RAM disks.
//!
//! A disk is an array of pages, which exist where something was written; see [`store`]. Disks are
//! added and removed by writing to files in `/sys/class/rblk-ram`, which
//! `Documentation/admin-guide/rblk-ram.rst` describes. The disks of [`brd`] have the names and
//! numbers of the C driver instead.
//!
//! Floors, lowest first: [`logic`], [`store`], [`disk`], [`control`], [`brd`], `tests`.

#![forbid(unsafe_code)]

pub mod brd;
mod control;
mod disk;
#[expect(unreachable_pub, reason = "it is a module of the host's tests, too")]
mod logic;
mod store;
#[cfg(CONFIG_KUNIT = "y")]
mod tests;

use crate::{
    control::Registry,
    logic::options::{
        AddOptions,
        Front,
        DEFAULT_BLOCK_SIZE, //
    }, //
};
use kernel::{
    page::PAGE_SHIFT,
    prelude::*,
    sync::Arc, //
};
use rb::{
    block::gen_disk::Disks,
    device::class::ClassAttributes,
    mm, //
};

pub(crate) use common::{
    disk_names,
    refuse,
    tokens, //
};

rb::driver!("rblk-ram");

/// The parameters with which the driver starts.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Number of disks to add at load, `rram0` and so on.
    pub disks: u32,
    /// Size of each of these in bytes; a multiple of 512, and not zero.
    pub disk_size: u64,
    /// Bytes of memory that all disks together may use; 0 for half of what the system has.
    pub mem_max: u64,
}

/// The driver. It and its disks are there until this is dropped.
pub struct Driver {
    // Dropped first, so that no more disks are added. It removes the class.
    _class: ClassAttributes<Registry>,
    // Holds the disks.
    _registry: Arc<Registry>,
    // Waits until they are freed.
    _disks: Disks,
}

impl Driver {
    /// Starts the driver and adds the disks that `config` asks for.
    ///
    /// Fails with [`EINVAL`] if a number in `config` is out of range, with [`EBUSY`] if the class
    /// is taken, and with [`ENOMEM`]; no disk was added then. If a disk cannot be added, it is
    /// missing, and a line in the log says why. May sleep.
    pub fn init(config: &Config) -> Result<Self> {
        let max_size = disk::MAX_BYTES;
        let wrong_size = config.disk_size % u64::from(DEFAULT_BLOCK_SIZE) != 0
            || !(1..=max_size).contains(&config.disk_size);
        if config.disks > Config::MAX_DISKS || (config.disks != 0 && wrong_size) {
            pr_err!(
                "{} disks of {} bytes are out of range\n",
                config.disks,
                config.disk_size
            );
            return Err(EINVAL);
        }

        let disks = Disks::new()?;
        let registry = Registry::new(config.mem_max_pages(), disks.token())?;
        let class = control::register(registry.clone())?;

        // From here on somebody may have a disk open.
        for _ in 0..config.disks {
            if let Err(err) = registry.add(&config.disk_options()) {
                pr_err!("no more disks: {:?}\n", err);
                break;
            }
        }
        Ok(Self {
            _class: class,
            _registry: registry,
            _disks: disks,
        })
    }
}

impl Config {
    /// Most disks that are added at load.
    pub const MAX_DISKS: u32 = 1024;

    fn mem_max_pages(&self) -> usize {
        match self.mem_max {
            0 => mm::total_pages() / 2,
            bytes => usize::try_from(bytes >> PAGE_SHIFT).unwrap_or(usize::MAX),
        }
    }

    fn disk_options(&self) -> AddOptions<'static> {
        AddOptions {
            size: self.disk_size,
            block_size: DEFAULT_BLOCK_SIZE,
            mem_limit: 0,
            prealloc: false,
            name: None,
            front: Front::default(),
        }
    }
}
