// SPDX-License-Identifier: GPL-2.0

//! What the world has of the layer: files to read and write, disks to use.

pub mod disks;
pub mod files;
pub mod lower;
pub mod netlink;
pub mod sockets;
pub mod tags;
pub mod vfs;

/// Makes everything as it is before the first module is loaded.
///
/// To be called at the beginning of each run.
pub fn reset() {
    files::reset();
    lower::reset();
    netlink::reset();
    sockets::reset();
    tags::reset();
    vfs::reset();
    crate::reboot::reset();
    disks::reset();
    crate::kthread::reset();
    crate::module_ref::reset();
    crate::block::major::reset();
    crate::page::reset();
}

pub use crate::module_ref::unload;
pub use crate::reboot::shut_down;
