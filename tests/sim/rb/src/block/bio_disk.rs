// SPDX-License-Identifier: GPL-2.0

//! Disks with a bio front.

use super::{
    bio::Bio,
    error::BlkResult,
    gen_disk::{
        self,
        Borrowed,
        DiskOptions,
        DiskToken,
        DiskView,
        Front,
        Typed,
        UnaddedDisk, //
    },
    limits::QueueLimits,
};
use kernel::{
    fmt,
    prelude::*,
    sim, //
};
use std::{
    marker::PhantomData,
    sync::Arc as Shared, //
};

/// The I/O of a disk with a bio front.
pub trait Operations: gen_disk::Operations {
    /// Handles a bio, all of it, which ends with what this returns.
    fn submit_bio(data: Borrowed<'_, Self>, disk: &DiskView, bio: &Bio) -> BlkResult;
}

struct BioFront<T>(PhantomData<fn(T)>);

impl<T: Operations> Front<T> for BioFront<T> {
    fn submit(&self, disk: &Shared<Typed<T>>, bio: Bio) -> BlkResult {
        let nowait = bio.flags().contains(super::bio::Flag::NoWait);
        disk.core().queue.enter(nowait)?;
        let io = sim::io_path("submit_bio()");
        let section = nowait.then(|| sim::atomic("a bio that must not wait"));
        let result = T::submit_bio(disk.data(), disk.view(), &bio);
        drop((section, io));
        disk.core().queue.exit();
        result
    }
}

impl DiskOptions {
    /// Allocates a disk with a bio front.
    pub fn build_bio<T: Operations>(
        &self,
        disks: &DiskToken,
        name: fmt::Arguments<'_>,
        limits: &QueueLimits,
        data: T::Data,
    ) -> Result<UnaddedDisk<T>> {
        self.set_up(
            disks,
            name,
            limits,
            data,
            Box::new(BioFront(PhantomData)),
            None,
        )
    }
}
