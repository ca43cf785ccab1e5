// SPDX-License-Identifier: GPL-2.0

//! From connecting a disk to disconnecting it: what was set up for it, and what follows from that.

pub(crate) mod device;
mod files;
mod info;
pub(crate) mod life;
pub(crate) mod limits;
pub(crate) mod reconnect;
pub(crate) mod setup;
