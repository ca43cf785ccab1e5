// SPDX-License-Identifier: GPL-2.0

//! Disks.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)
//!
//! A disk is built in two steps. A front ([`bio_disk`](super::bio_disk) or [`mq`](super::mq)) allocates
//! it; then the driver may look at the limits that hold, and take a reference to its queue.
//! [`UnaddedDisk::add_disk`] makes it visible.
//!
//! A disk is of three types, each of which can do what the one before can. A [`DiskView`] is lent where
//! nothing may wait, a [`DiskRef`] where the disk is being opened or closed. The [`GenDisk`] is what the
//! driver has. Only the last names the driver's [`Operations`], and so its
//! data: what is below the front of a driver gets one of the others.

mod builder;
mod change;
mod device;
mod disk;
mod disks;
mod file;
mod openers;
mod presence;
mod view;
mod vtable;

pub use builder::{
    DiskOptions,
    UnaddedDisk, //
};
pub use device::{
    DeviceOf,
    DiskDevice, //
};
pub use disk::{
    GenDisk,
    Ioctl,
    Opening,
    Operations, //
};
pub use disks::{
    DiskToken,
    Disks, //
};
pub use file::AttributeFile;
pub use view::{
    DiskRef,
    DiskView, //
};
pub(super) use vtable::DiskVTable;
