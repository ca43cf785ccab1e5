// SPDX-License-Identifier: GPL-2.0

//! What the users of a disk touch: the disk itself, its ioctls and its files in sysfs.

pub(crate) mod attributes;
pub(crate) mod elevator;
pub(crate) mod front;
mod ioctl;
mod openers;
