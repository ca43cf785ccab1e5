// SPDX-License-Identifier: GPL-2.0

//! Copy-on-write disks in the format of User-Mode Linux.
//!
//! A disk reads what an image has, and where it has nothing, a backing file; what is written goes to
//! the image. Disks are added and removed by writing to files in `/sys/class/ubd`, which
//! `Documentation/admin-guide/ubd.rst` describes.
//!
//! Floors, lowest first: [`logic`], [`engine`], [`disk`], [`control`].

#![forbid(unsafe_code)]

mod control;
mod disk;
mod engine;
#[expect(unreachable_pub, reason = "it is a module of the host's tests, too")]
#[allow(dead_code, reason = "the command has uses for more of it")]
mod logic;

use crate::{
    control::{
        class,
        registry::Registry, //
    },
    logic::options::{
        parse_add,
        parse_disks, //
    },
};
use common::refuse;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use rb::{
    block::gen_disk::Disks,
    device::class::ClassAttributes,
    reboot::Notifier, //
};

pub(crate) use common::{
    disk_names,
    tokens, //
};

rb::driver!("ubd");

/// The parameters with which the driver starts.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    disks: &'a [u8],
}

impl<'a> Config<'a> {
    /// Checks the parameters: `disks` are the disks to add at load, of each what is written to `add`,
    /// separated by semicolons.
    ///
    /// Fails with [`EINVAL`] if the text is wrong; a line in the log says what.
    pub fn new(disks: &'a [u8]) -> Result<Self> {
        for text in parse_disks(disks) {
            parse_add(text).map_err(|err| refuse!(err, "disks"))?;
        }
        Ok(Self { disks })
    }
}

/// The driver. It and its disks are there until this is dropped.
pub struct Driver {
    registry: Arc<Registry>,
    // Removes the class, so that no more disks are added; before the disks are waited for.
    class: Option<ClassAttributes<Registry>>,
    // Flushes the disks when the system is turned off: nothing else does, if a user has not.
    _shutdown: Pin<KBox<Notifier<Registry>>>,
    // Waits until the disks are freed.
    _disks: Disks,
}

impl Driver {
    /// Starts the driver and adds the disks that `config` asks for.
    ///
    /// Fails with [`EBUSY`] if another module has the driver, and with [`ENOMEM`]; no disk was added
    /// then. If a disk cannot be added, it is missing, and a line in the log says why. May sleep.
    pub fn init(config: &Config<'_>) -> Result<Self> {
        let disks = Disks::new()?;
        let registry = Registry::new(disks.token())?;
        let shutdown = KBox::pin_init(Notifier::new(registry.clone()), GFP_KERNEL)?;
        let class = class::register(registry.clone())?;

        // From here on somebody may have a disk open.
        for options in parse_disks(config.disks).filter_map(|text| parse_add(text).ok()) {
            // It has said so.
            let _ = registry.add(&options);
        }
        Ok(Self {
            registry,
            class: Some(class),
            _shutdown: shutdown,
            _disks: disks,
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.class = None;
        self.registry.clear();
    }
}
