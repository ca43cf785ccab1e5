// SPDX-License-Identifier: GPL-2.0

//! Which disks there are, and the commands over netlink that connect and disconnect them.

mod connect;
mod message;
pub(crate) mod netlink;
mod reconfigure;
pub(crate) mod registry;
