// SPDX-License-Identifier: GPL-2.0

//! Who adds and removes disks.

pub(crate) mod class;
pub(crate) mod registry;
