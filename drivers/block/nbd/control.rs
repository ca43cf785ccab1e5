// SPDX-License-Identifier: GPL-2.0

//! Which disks there are, and the commands over netlink that connect and disconnect them.

pub(crate) mod netlink;
pub(crate) mod registry;
