// SPDX-License-Identifier: GPL-2.0

//! Disks.

mod builder;
mod change;
mod core;
#[allow(unsafe_code, reason = "what it calls is C in the kernel")]
#[path = "../../../../../rust/block/gen_disk/disks.rs"]
mod disks;
mod files;
mod operations;
mod partitions;
mod queue;
mod used;
mod user;
mod view;

pub(crate) use self::core::Core;
pub use builder::{
    DiskOptions,
    UnaddedDisk, //
};
pub use disks::{
    DiskToken,
    Disks, //
};
pub use files::{
    AttributeFile,
    DeviceOf,
    DiskDevice, //
};
pub(crate) use operations::{
    Borrowed,
    Front,
    Typed, //
};
pub use operations::{
    GenDisk,
    Ioctl,
    Operations, //
};
pub use used::Opening;
pub(crate) use used::Used;
pub use view::{
    DiskRef,
    DiskView, //
};
