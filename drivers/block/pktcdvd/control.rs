// SPDX-License-Identifier: GPL-2.0

//! Who maps devices: the class in sysfs, the control device, and what the system does with all
//! mapped devices when it sleeps.

pub(crate) mod class;
pub(crate) mod mapping;
pub(crate) mod misc;
pub(crate) mod registry;
pub(crate) mod sleep;
