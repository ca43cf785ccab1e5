// SPDX-License-Identifier: GPL-2.0

//! Packet writing: small writes become whole, aligned packets.
//!
//! A packet device stands on top of a lower device that should be, or can only be, written in large
//! aligned pieces: rewritable discs, flash cards, USB sticks, stripes of a RAID. An optical drive
//! is open only in a [session](lower::session): from the first open of the packet device until some
//! time after the last close.
//!
//! Floors, lowest first: [`logic`], [`lower`], [`engine`], [`disk`], [`control`].
//!
//! - [`control`]: mapping devices.
//! - [`disk`]: what users of a disk touch.
//! - [`engine`]: what gathers writes into packets, and writes these. It knows no user.
//! - [`lower`]: what is asked of the lower device, and how it reports what happens to it.
//! - [`logic`]: what decides, without the kernel. The other floors carry its decisions out.
//!
//! A file knows its own floor and those below. A write takes this way:
//!
//! 1. The block layer cuts requests at packet borders.
//! 2. The [operations](disk::operations) of the disk put them into the [queue](engine::queue), or
//!    hold writers back if there are too many.
//! 3. The [thread](disk::thread) of the device lets [packets](engine::packets) begin a
//!    [packet](engine::packet) for the next zone. All queued writes to the zone join it.
//! 4. Missing frames are read, and the whole packet is written with one write.
//! 5. The writes end.

#![forbid(unsafe_code)]

pub(crate) use common::{
    refuse,
    tokens, //
};

mod control;
mod disk;
mod engine;
pub mod logic;
mod lower;

use crate::{
    control::{
        class,
        misc,
        registry::Registry, //
    },
    logic::options::{
        MAX_PACKET_BUFFERS,
        MIN_PACKET_BUFFERS, //
    }, //
};
use kernel::{
    error::code::*,
    prelude::*,
    sync::Arc, //
};
use rb::{
    block::gen_disk::Disks,
    device::class::{
        Class,
        ClassAttributes, //
    },
    miscdevice::Registration, //
};

// As the C driver's messages begin; the device comes next.
rb::driver!("pktcdvd");

/// The parameters with which the driver starts.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    packet_buffers: u32,
}

impl Config {
    /// Checks a configuration: how many packet buffers devices get, 2 to 64.
    ///
    /// Fails with [`EINVAL`], and one line in the log.
    pub fn new(packet_buffers: u32) -> Result<Self> {
        if !(MIN_PACKET_BUFFERS..=MAX_PACKET_BUFFERS).contains(&packet_buffers) {
            pr_err!("packet buffers must be 2 to 64\n");
            return Err(EINVAL);
        }
        Ok(Self { packet_buffers })
    }
}

/// The packet writing driver.
///
/// Fields are dropped in order: the class and the control device, then the registry, then the
/// disks, which waits until all of them are freed. Nothing is mapped by then, since each mapping
/// holds the module.
pub struct Driver {
    _control: Pin<KBox<Registration<Registry>>>,
    _attributes: ClassAttributes<Registry>,
    #[cfg(CONFIG_PM_SLEEP)]
    _sleep: Pin<KBox<rb::suspend::Notifier<Registry>>>,
    _shutdown: Pin<KBox<rb::reboot::Notifier<Registry>>>,
    _registry: Arc<Registry>,
    _disks: Disks,
}

impl Driver {
    /// Starts the driver.
    ///
    /// Fails with [`EBUSY`], and one line in the log, if its class exists, as it does if another
    /// module has the driver; with [`EBUSY`] if there is no free major number; and with [`ENOMEM`].
    /// Nothing stays registered then.
    pub fn init(config: &Config) -> Result<Self> {
        let class = Class::register(c"pktcdvd").map_err(|err| match err {
            EEXIST => {
                pr_err!("there is a packet driver already, in another module\n");
                EBUSY
            }
            err => err,
        })?;
        let disks = Disks::new()?;
        let registry = Registry::new(class.clone(), config.packet_buffers, disks.token())?;
        let attributes = ClassAttributes::new(class, registry.clone(), class::ATTRIBUTES)?;
        #[cfg(CONFIG_PM_SLEEP)]
        let sleep = KBox::pin_init(rb::suspend::Notifier::new(registry.clone()), GFP_KERNEL)?;
        let shutdown = KBox::pin_init(rb::reboot::Notifier::new(registry.clone()), GFP_KERNEL)?;
        let control = KBox::pin_init(
            Registration::register(misc::OPTIONS, registry.clone()),
            GFP_KERNEL,
        )?;

        Ok(Self {
            _control: control,
            _attributes: attributes,
            #[cfg(CONFIG_PM_SLEEP)]
            _sleep: sleep,
            _shutdown: shutdown,
            _registry: registry,
            _disks: disks,
        })
    }
}
