// SPDX-License-Identifier: GPL-2.0

//! Adding and removing disks: the registry, and the files of the class.

mod class;
mod registry;

pub(crate) use class::register;
pub(crate) use registry::Registry;
