// SPDX-License-Identifier: GPL-2.0

//! What happens when users open a disk, and use it.

use super::{
    core::Core,
    operations::{
        GenDisk,
        Ioctl,
        Operations,
        Typed, //
    },
    partitions,
    used::{
        Opening,
        Used, //
    },
};
use crate::block::{
    bio::{
        Bio,
        Command,
        Flag, //
    },
    error::{
        BlkError,
        BlkResult, //
    },
    limits::Feature,
    SECTOR_SHIFT, //
};
use kernel::prelude::*;
use std::sync::Arc as Shared;

/// The only way to a disk of `T` for others.
pub(crate) struct Handle<T: Operations>(pub(crate) Shared<Typed<T>>);

impl<T: Operations> Used for Handle<T> {
    fn core(&self) -> &Core {
        self.0.core()
    }

    fn open(&self, how: Opening) -> Result {
        let core = self.0.core();
        let _open = core.open_mutex.lock();
        if !core.get(|state| state.live) {
            return Err(ENXIO);
        }
        if T::HAS_OPEN {
            T::open(self.0.data(), &self.0.disk, how)?;
        }
        core.set(|state| state.openers += 1);
        let scans = core.set(|state| ::core::mem::take(&mut state.needs_scan));
        if scans && !core.no_partitions {
            partitions::read_table(self);
        }
        Ok(())
    }

    fn release(&self) {
        let core = self.0.core();
        let _open = core.open_mutex.lock();
        core.set(|state| state.openers -= 1);
        if T::HAS_RELEASE {
            T::release(self.0.data(), &self.0.disk);
        }
    }

    fn submit(&self, mut bio: Bio) -> BlkResult {
        check(self.0.core(), &bio)?;
        let limits = self.0.core().get(|state| state.limits);
        if !limits.features.contains(Feature::WriteCache) {
            // Without a cache there is nothing to flush.
            if bio.bytes == 0 {
                return Ok(());
            }
            bio.flags = bio.flags & !(Flag::Preflush | Flag::ForcedUnitAccess);
        }
        self.0.front.submit(&self.0, bio)
    }

    fn waiting(&self) -> usize {
        self.0.front.waiting()
    }

    fn ioctl(&self, cmd: u32, arg: usize) -> Result<i32> {
        if !T::HAS_IOCTL {
            return Err(ENOTTY);
        }
        GenDisk::lend(&self.0, |disk| T::ioctl(disk, &Ioctl { cmd, arg }))
    }
}

/// What the block core looks at before it hands a bio on.
fn check(core: &Core, bio: &Bio) -> BlkResult {
    let (capacity, limits, read_only) =
        core.get(|state| (state.capacity, state.limits, state.read_only));
    let sectors = u64::from(bio.bytes >> SECTOR_SHIFT);

    if bio.command != Command::Read && read_only && bio.bytes != 0 {
        return Err(BlkError::IOERR);
    }
    if sectors != 0 && (sectors > capacity || bio.sector > capacity - sectors) {
        return Err(BlkError::IOERR);
    }
    match bio.command {
        Command::Discard if limits.max_discard_sectors == 0 => Err(BlkError::NOTSUPP),
        Command::WriteZeroes if limits.max_write_zeroes_sectors == 0 => Err(BlkError::NOTSUPP),
        _ if bio.flags.contains(Flag::NoWait) && !limits.features.contains(Feature::NoWait) => {
            Err(BlkError::NOTSUPP)
        }
        _ => Ok(()),
    }
}
