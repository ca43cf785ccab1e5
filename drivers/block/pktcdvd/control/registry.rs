// SPDX-License-Identifier: GPL-2.0

//! Which devices are mapped.
//!
//! The mutex `slots` is held only to look at slots and to mark them. A device is mapped and
//! unmapped without it, in a slot that is marked as busy, so a slow device does not delay others.

use crate::{
    control::mapping::Mapping,
    disk::device::Device,
    logic::options::AddOptions, //
};
use kernel::{
    error::code::*,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};
use rb::{
    block::{
        dev_t::DevT,
        gen_disk::DiskToken,
        major::BlkdevMajor, //
    },
    debugfs,
    device::class::Class, //
};

/// The most devices that can be mapped at a time: the lines of `device_map` fit into its page.
const MAX_DEVICES: usize = 128;

/// The least number of slots that is reported to `pktsetup`: the C driver had so many.
const MIN_REPORTED_SLOTS: usize = 8;

/// What a slot is used for.
enum Slot {
    /// Nothing.
    Free,
    /// A lower device that is being mapped or unmapped.
    Busy(DevT),
    /// A mapped device.
    Mapped(Mapping),
}

impl Slot {
    fn mapping(&self) -> Option<&Mapping> {
        match self {
            Self::Mapped(mapping) => Some(mapping),
            _ => None,
        }
    }

    fn lower_dev(&self) -> Option<DevT> {
        match self {
            Self::Free => None,
            Self::Busy(lower) => Some(*lower),
            Self::Mapped(mapping) => Some(mapping.lower_dev()),
        }
    }
}

/// How a device number names the device that is to be unmapped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// As the number of the packet device.
    Packet,
    /// As the number of the packet device or of its lower device.
    Either,
}

/// The result of closing a device to new openers.
enum Retired {
    /// The device was taken out of its slot: the number of the slot, and the lower device.
    Now(usize, DevT, Slot),
    /// The device is not open, but its session has not ended.
    Lingers(Arc<Device>),
}

/// All mapped devices.
#[pin_data]
pub(crate) struct Registry {
    #[pin]
    slots: Mutex<KVec<Slot>>,
    buffers: Atomic<u32>,
    debugfs: debugfs::Dir,
    class: Arc<Class>,
    /// What disks are built with.
    disks: DiskToken,
    // Last: all disks of the major have gone before.
    major: BlkdevMajor,
}

impl Registry {
    /// Creates a registry without devices.
    ///
    /// Fails with [`EEXIST`] if the class exists, and [`EBUSY`] if there is no major number.
    pub(crate) fn new(class: Arc<Class>, buffers: u32, disks: &DiskToken) -> Result<Arc<Self>> {
        let major = BlkdevMajor::register(c"pktcdvd")?;
        Arc::pin_init(
            try_pin_init!(Self {
                slots <- new_mutex!(KVec::new(), "pktcdvd::Registry::slots"),
                buffers: Atomic::new(buffers),
                debugfs: debugfs::Dir::new(c"pktcdvd"),
                class,
                disks: disks.clone(),
                major,
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Returns the default number of packet buffers of a device.
    pub(crate) fn buffers(&self) -> u32 {
        self.buffers.load(Relaxed)
    }

    /// Sets the default number of packet buffers of devices that are mapped from now on.
    pub(crate) fn set_buffers(&self, buffers: u32) {
        self.buffers.store(buffers, Relaxed);
    }

    /// Maps a lower device; returns the number of the packet device.
    ///
    /// Fails with [`EBUSY`] if the lower device is mapped, or is a packet device itself, or if
    /// there are too many, and as [`Mapping::new`] otherwise.
    pub(crate) fn add(&self, options: &AddOptions) -> Result<DevT> {
        let lower = DevT::new(options.device.major, options.device.minor)?;
        let index = self.take_slot(lower)?;

        match self.map(index, options) {
            Ok(mapping) => {
                let dev = mapping.dev();
                match mapping.device().hub.geometry() {
                    Some(geometry) => pr_info!(
                        "pktcdvd{}: mapped to {} with packets of {} bytes\n",
                        dev.minor(),
                        lower,
                        geometry.packet_sectors() * rb::block::SECTOR_SIZE
                    ),
                    None => pr_info!("pktcdvd{}: mapped to {}\n", dev.minor(), lower),
                }
                self.set_slot(index, Slot::Mapped(mapping));
                Ok(dev)
            }
            Err(err) => {
                self.set_slot(index, Slot::Free);
                Err(err)
            }
        }
    }

    fn map(&self, index: usize, options: &AddOptions) -> Result<Mapping> {
        let dev = DevT::new(self.major.number(), u32::try_from(index)?)?;
        let buffers = options.packet_buffers.unwrap_or(self.buffers());
        Mapping::new(
            dev,
            options,
            buffers,
            &self.class,
            &self.debugfs,
            &self.disks,
        )
    }

    fn take_slot(&self, lower: DevT) -> Result<usize> {
        if lower.major() == self.major.number() {
            return Err(EBUSY);
        }
        let mut slots = self.slots.lock();
        if slots.iter().any(|slot| slot.lower_dev() == Some(lower)) {
            return Err(EBUSY);
        }
        let free = slots.iter().position(|slot| matches!(slot, Slot::Free));
        let index = free.unwrap_or(slots.len());

        if index >= MAX_DEVICES {
            return Err(EBUSY);
        }
        match slots.get_mut(index) {
            Some(slot) => *slot = Slot::Busy(lower),
            None => slots.push(Slot::Busy(lower), GFP_KERNEL)?,
        }
        Ok(index)
    }

    /// Changes a slot. Its former content is dropped without the lock.
    fn set_slot(&self, index: usize, new: Slot) -> Option<Slot> {
        let mut slots = self.slots.lock();
        let slot = slots.get_mut(index)?;
        Some(core::mem::replace(slot, new))
    }

    /// Unmaps a device.
    ///
    /// Ends a lingering session first, and waits for that. Fails with [`ENXIO`] if `dev` is not
    /// mapped; with [`EBUSY`] if the device is open, or `dev` is a lower device that is being
    /// mapped or unmapped; and as [`end_lingering`]. May sleep.
    ///
    /// [`end_lingering`]: crate::disk::users::Users::end_lingering
    pub(crate) fn remove(&self, dev: DevT, which: Which) -> Result {
        let (index, lower, mapping) = loop {
            match self.retire(dev, which)? {
                Retired::Now(index, lower, mapping) => break (index, lower, mapping),
                Retired::Lingers(device) => device.users.end_lingering()?,
            }
        };
        let departure = mapping
            .mapping()
            .map(|mapping| mapping.device().departure());
        drop(mapping);
        // So that the lower device can be used at once.
        if let Some(departure) = departure {
            departure.wait();
        }
        self.set_slot(index, Slot::Free);
        pr_info!("pktcdvd{index}: unmapped from {lower}\n");
        Ok(())
    }

    /// Finds a device, closes it to new openers, and takes it out of its slot, which stays busy.
    ///
    /// All of that under one lock: of two tasks that remove the same device, the second would
    /// otherwise take down the next device in the slot.
    fn retire(&self, dev: DevT, which: Which) -> Result<Retired> {
        let mut slots = self.slots.lock();
        for (index, slot) in slots.iter_mut().enumerate() {
            let Some(lower) = slot.lower_dev() else {
                continue;
            };
            let is_lower = which == Which::Either && lower == dev;

            match slot.mapping() {
                Some(mapping) if is_lower || mapping.dev() == dev => {
                    let device = mapping.device();
                    if let Err(busy) = device.users.retire() {
                        return match device.users.count() {
                            0 => Ok(Retired::Lingers(device.clone())),
                            _ => Err(busy),
                        };
                    }
                    let mapping = core::mem::replace(slot, Slot::Busy(lower));
                    return Ok(Retired::Now(index, lower, mapping));
                }
                None if is_lower => return Err(EBUSY),
                _ => {}
            }
        }
        Err(ENXIO)
    }

    /// Calls `f` for each mapped device, in the order of their numbers.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&Mapping) -> Result) -> Result {
        let slots = self.slots.lock();
        slots.iter().filter_map(Slot::mapping).try_for_each(&mut f)
    }

    /// Returns the numbers of lower and packet device of a slot, and how many slots there are.
    pub(crate) fn status(&self, index: u32) -> (Option<(DevT, DevT)>, usize) {
        let slots = self.slots.lock();
        let mapping = usize::try_from(index)
            .ok()
            .and_then(|index| slots.get(index)?.mapping());
        (
            mapping.map(|mapping| (mapping.lower_dev(), mapping.dev())),
            slots.len().max(MIN_REPORTED_SLOTS),
        )
    }
}
