// SPDX-License-Identifier: GPL-2.0

use super::{
    core::{
        Core,
        Fixed, //
    },
    files,
    operations::{
        Borrowed,
        Front,
        GenDisk,
        Operations,
        Typed, //
    },
    partitions,
    used::{
        Opening,
        Used, //
    },
    user::Handle,
    DeviceOf,
    DiskToken, //
};
use crate::{
    block::{
        dev_t::DevT,
        limits::QueueLimits,
        mq::{
            Hardware,
            RequestQueue, //
        },
        SECTOR_SIZE, //
    },
    sim::disks,
    sysfs::Groups, //
};
use ::core::num::NonZero;
use kernel::{
    fmt,
    prelude::*,
    sim,
    str::CString,
    sync::Arc, //
};
use std::sync::Arc as Shared;

/// The major of the numbers that the block core gives.
const BLOCK_EXT_MAJOR: u32 = 259;

/// Most bytes of a name.
const NAME_MAX: usize = 31;

/// What a disk is, apart from its limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskOptions {
    /// Capacity, in sectors of 512 bytes.
    pub capacity_sectors: u64,
    /// Whether the disk refuses writes.
    pub read_only: bool,
    /// Whether the disk is never scanned for partitions.
    pub no_partitions: bool,
    /// Whether the medium can be taken out.
    pub removable: bool,
    /// Whether [`Operations::open`] opens another disk.
    pub opens_another: bool,
    /// Whether the driver holds back writers by itself; nobody else does here.
    pub throttles_writes: bool,
    /// Device number, and how many minors from there on belong to the disk.
    pub device_number: Option<(DevT, NonZero<u32>)>,
}

impl DiskOptions {
    /// Sets up a disk that a front has allocated.
    pub(crate) fn set_up<T: Operations>(
        &self,
        disks: &DiskToken,
        name: fmt::Arguments<'_>,
        limits: &QueueLimits,
        data: T::Data,
        front: Box<dyn Front<T>>,
        mq: Option<Shared<Hardware>>,
    ) -> Result<UnaddedDisk<T>> {
        sim::might_sleep("allocating a disk");
        limits.validate()?;
        let counted = disks.count()?;
        let name = CString::try_from_fmt(name)?;
        if name.to_bytes().len() > NAME_MAX {
            return Err(EINVAL);
        }
        let dev = match self.device_number {
            Some((dev, minors)) => {
                let last = dev.minor().checked_add(minors.get() - 1).ok_or(EINVAL)?;
                DevT::new(dev.major(), last)?;
                if matches!(dev.major(), 0 | BLOCK_EXT_MAJOR) {
                    return Err(EINVAL);
                }
                dev
            }
            None => DevT::NONE,
        };
        let fixed = Fixed {
            name,
            dev,
            limits: corrected(limits),
            capacity: self.capacity_sectors,
            read_only: self.read_only,
            no_partitions: self.no_partitions,
            removable: self.removable,
            opens_another: self.opens_another,
        };
        let core = Arc::pin_init(Core::new(fixed), GFP_KERNEL)?;
        Ok(UnaddedDisk {
            typed: Typed::new(core.as_std().clone(), mq, front, data, counted),
        })
    }
}

/// Returns what the block core makes of limits.
pub(super) fn corrected(limits: &QueueLimits) -> QueueLimits {
    let or = |value: u32, default: u32| if value == 0 { default } else { value };
    let logical = or(limits.logical_block_size, SECTOR_SIZE);
    let physical = or(limits.physical_block_size, logical);

    QueueLimits {
        logical_block_size: logical,
        physical_block_size: physical,
        io_min: limits.io_min.max(physical),
        io_opt: limits.io_opt / physical * physical,
        max_hw_sectors: or(limits.max_hw_sectors, 255) / (logical >> 9) * (logical >> 9),
        max_segments: if limits.max_segments == 0 {
            128
        } else {
            limits.max_segments
        },
        max_segment_size: or(limits.max_segment_size, 65536),
        dma_alignment: or(limits.dma_alignment, SECTOR_SIZE - 1),
        discard_granularity: if limits.max_discard_sectors == 0 {
            0
        } else {
            limits.discard_granularity.max(physical)
        },
        ..*limits
    }
}

/// A disk that is set up, and that nobody sees yet.
pub struct UnaddedDisk<T: Operations> {
    typed: Shared<Typed<T>>,
}

impl<T: Operations> UnaddedDisk<T> {
    pub(crate) fn typed(&self) -> &Shared<Typed<T>> {
        &self.typed
    }

    /// Returns the data of the disk.
    pub fn data(&self) -> Borrowed<'_, T> {
        self.typed.data()
    }

    /// Returns the limits that hold.
    pub fn limits(&self) -> QueueLimits {
        self.typed.core().get(|state| state.limits)
    }

    /// Returns the request queue, if there is one.
    pub fn queue(&self) -> Option<RequestQueue> {
        self.typed.view().queue()
    }

    /// Adds the disk, with the attributes of `groups`.
    pub fn add_disk<S: DeviceOf<T>>(self, groups: Groups<S>) -> Result<GenDisk<T>> {
        let typed = self.typed;
        let name = typed.core().name.to_string_lossy().into_owned();

        sim::might_sleep("adding a disk");
        if !sim::faults::allocate(sim::faults::Allocation::Kernel) {
            return Err(ENOMEM);
        }
        disks::add(&name, Shared::new(Handle(typed.clone())))?;
        files::add_groups(&typed, groups);
        typed.core().set(|state| state.live = true);
        if !typed.core().no_partitions {
            scan(&Handle(typed.clone()));
        }
        Ok(GenDisk { typed, owns: true })
    }
}

/// Looks for partitions, as who opens the disk for the first time does.
fn scan(disk: &dyn Used) {
    let how = Opening {
        write: false,
        nonblock: false,
    };
    if disk.core().get(|state| state.capacity) == 0 || disk.open(how).is_err() {
        return;
    }
    partitions::read_table(disk);
    disk.release();
}
