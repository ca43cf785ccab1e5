// SPDX-License-Identifier: GPL-2.0

//! Adding and removing disks.

pub(crate) mod class;
pub(crate) mod registry;
