// SPDX-License-Identifier: GPL-2.0

//! RAM disks as the C driver `brd` has them: `ram0` and so on, of one size, with major number 1.
//!
//! They are added at load, and when a node is opened whose disk does not exist. They are removed
//! when the module is unloaded.

use crate::{
    control::Registry,
    disk::MAX_BYTES,
    logic::{
        minors::Minors,
        options::{
            AddOptions,
            Front,
            DEFAULT_BLOCK_SIZE, //
        }, //
    },
    store::Budget, //
};
use core::num::NonZero;
use kernel::{
    prelude::*,
    str::CString,
    sync::Arc, //
};
use rb::{
    block::{
        dev_t::DevT,
        gen_disk::{
            self,
            DiskToken, //
        },
        major::{
            Probe,
            ProbeSlot,
            ProbedMajor, //
        }, //
    },
    debugfs, //
};

/// The major number of RAM disks.
const MAJOR: u32 = 1;

/// The parameters with which the driver starts.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Number of disks to add at load.
    disks: u32,
    /// Size in bytes of each disk, including those that are added later.
    disk_size: u64,
    minors: Minors,
}

impl Config {
    /// Checks the parameters of `brd`: number of disks, size of each in KiB, minor numbers of each.
    ///
    /// A negative number of disks means none. Fails with [`EINVAL`], and a line in the log, if the
    /// size is more than a disk can have, or the number of minor numbers is negative.
    pub fn new(rd_nr: i32, rd_size: usize, max_part: i32) -> Result<Self> {
        let disk_size = u64::try_from(rd_size)
            .ok()
            .and_then(|kib| kib.checked_mul(1 << 10))
            .filter(|&bytes| bytes <= MAX_BYTES);
        let (Some(disk_size), Some(minors)) = (disk_size, Minors::new(max_part)) else {
            pr_err!(
                "rd_size={} max_part={} is out of range\n",
                rd_size,
                max_part
            );
            return Err(EINVAL);
        };

        Ok(Self {
            disks: u32::try_from(rd_nr).unwrap_or(0),
            disk_size,
            minors,
        })
    }

    /// Returns the value of `max_part` that is used.
    pub fn max_part(&self) -> i32 {
        self.minors.max_part()
    }
}

/// The driver. It and its disks are there until this is dropped.
pub struct Driver {
    // Dropped first, so that no more disks are added.
    _major: ProbedMajor<Disks>,
    // Holds the disks.
    _disks: Arc<Disks>,
    // Waits until they are freed.
    _freed: gen_disk::Disks,
}

impl Driver {
    /// Starts the driver and adds the disks that `config` asks for.
    ///
    /// Fails with [`EBUSY`] if another driver has the major number, and with [`ENOMEM`]; no disk
    /// was added then. If a disk cannot be added, it is missing, and a line in the log says why.
    /// May sleep.
    pub fn init(config: &Config) -> Result<Self> {
        let freed = gen_disk::Disks::new()?;
        let disks = Disks::new(*config, freed.token())?;
        let major = ProbedMajor::register(c"ramdisk", MAJOR, disks.clone())?;

        // From here on somebody may have a disk open.
        for index in 0..config.disks.min(config.minors.max_disks()) {
            disks.add_unless_there(index);
        }
        Ok(Self {
            _major: major,
            _disks: disks,
            _freed: freed,
        })
    }
}

/// The disks, and what is needed to add one.
struct Disks {
    config: Config,
    registry: Arc<Registry>,
    debugfs: debugfs::Dir,
}

impl Disks {
    fn new(config: Config, token: &DiskToken) -> Result<Arc<Self>> {
        let disks = Self {
            config,
            // As with the C driver, only the memory of the system limits them.
            registry: Registry::new(Budget::UNLIMITED, token)?,
            debugfs: debugfs::Dir::new(c"ramdisk_pages"),
        };
        Ok(Arc::new(disks, GFP_KERNEL)?)
    }

    /// Adds a disk. Logs a failure, unless the disk exists already.
    fn add_unless_there(&self, index: u32) {
        match self.add(index) {
            Ok(()) | Err(EEXIST) => (),
            Err(err) => pr_err!("ram{}: {:?}\n", index, err),
        }
    }

    fn add(&self, index: u32) -> Result {
        let name = CString::try_from_fmt(fmt!("ram{index}"))?;
        let options = AddOptions {
            size: self.config.disk_size,
            block_size: DEFAULT_BLOCK_SIZE,
            mem_limit: 0,
            prealloc: false,
            name: Some(name.to_str().map_err(|_| EINVAL)?),
            front: Front::Bio,
        };
        let first_minor = self.config.minors.first_of(index).ok_or(EINVAL)?;
        let minors = NonZero::new(self.config.minors.per_disk()).ok_or(EINVAL)?;
        let number = (DevT::new(MAJOR, first_minor)?, minors);

        self.registry
            .add_numbered(&options, number, |disk| self.debugfs.file(&name, disk))
    }
}

static SLOT: ProbeSlot<Disks> = ProbeSlot::new();

impl Probe for Disks {
    fn slot() -> &'static ProbeSlot<Self> {
        &SLOT
    }

    fn probe(&self, dev: DevT) {
        self.add_unless_there(self.config.minors.disk_of(dev.minor()));
    }
}
