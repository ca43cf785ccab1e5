// SPDX-License-Identifier: GPL-2.0

//! What users of a disk touch.

pub(crate) mod attributes;
pub(crate) mod device;
pub(crate) mod info;
pub(crate) mod ioctl;
pub(crate) mod keeper;
pub(crate) mod operations;
pub(crate) mod users;
